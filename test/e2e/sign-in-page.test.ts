/** next-auth's own page under our content security policy, in a browser that keeps to it. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Browser } from "playwright-core";
import { findChromium, launchChromium } from "../harness/chromium.ts";
import { startServer, type TestServer } from "../harness/server.ts";

const executable = findChromium();
if (!executable) console.warn("skipped: there is no Chromium on this machine (npm test says how to get one)");
const describeInBrowser = executable ? describe : describe.skip;

describeInBrowser("the sign-in page after a failure, in Chromium", () => {
	let server: TestServer;
	let browser: Browser;
	beforeAll(async () => {
		[server, browser] = await Promise.all([startServer(), launchChromium(String(executable))]);
	});
	afterAll(async () => {
		await browser?.close();
		await server?.stop();
	});

	it("keeps its style, and its button leads to the provider and back", async () => {
		const page = await browser.newPage();
		const faults: string[] = [];
		page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
		await page.goto(`${server.url}/api/auth/signin?error=OAuthCallback`);
		const radius = await page.locator(".card").evaluate((card) => getComputedStyle(card).borderRadius);
		expect(radius).not.toBe("0px");
		await page.locator("button[type=submit]").click();
		await page.waitForURL(`${server.idpUrl}/**`);
		await page.fill("[name=login]", "alice");
		await page.fill("[name=password]", "x");
		await page.locator("[type=submit]").first().click();
		await page.waitForURL(`${server.url}/**`);
		expect(faults.filter((text) => !text.includes("404"))).toEqual([]);
		const session = await page.evaluate(() => fetch("/api/auth/session").then((answer) => answer.status, String));
		// The welcome page may fetch nothing: its policy says so.
		expect(session).toMatch(/TypeError/);
	});
});
