import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { findChromium, launchChromium } from "../harness/chromium.ts";
import { root, startServer, type TestServer } from "../harness/server.ts";

const executable = findChromium();
if (!executable) console.warn("skipped: there is no Chromium on this machine (npm test says how to get one)");
const describeInBrowser = executable ? describe : describe.skip;

/** `npm run screenshots` leaves them here to be looked at. */
const folder = join(root, "tmp", "screenshots");
const screens = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } } as const;
const schemes = ["light", "dark"] as const;

describeInBrowser("in Chromium", () => {
	let server: TestServer;
	let browser: Browser;
	beforeAll(async () => {
		mkdirSync(folder, { recursive: true });
		[server, browser] = await Promise.all([startServer(), launchChromium(String(executable))]);
	});
	afterAll(async () => {
		await browser?.close();
		await server?.stop();
	});

	const open = async (path: string, screen: keyof typeof screens, scheme: (typeof schemes)[number]) => {
		const page = await browser.newPage({ viewport: screens[screen], colorScheme: scheme });
		const faults: string[] = [];
		page.on("pageerror", (error) => faults.push(error.message));
		page.on("console", (message) => {
			if (message.type() === "error" && !message.text().includes("404")) faults.push(message.text());
		});
		await page.goto(`${server.url}${path}`);
		return { page, faults };
	};
	const overflows = (page: Page) =>
		page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

	const looks = (["phone", "desktop"] as const).flatMap((screen) => schemes.map((scheme) => [screen, scheme] as const));

	it.each(looks)("shows the welcome page on a %s, %s", async (screen, scheme) => {
		const { page, faults } = await open("/", screen, scheme);
		await page.screenshot({ path: join(folder, `welcome-${screen}-${scheme}.png`), fullPage: true });
		expect(await page.locator("h1").count()).toBe(1);
		expect(await page.locator('a[href$="/enroll"]').first().isVisible()).toBe(true);
		expect(await overflows(page)).toBe(false);
		expect(faults).toEqual([]);
		await page.close();
	});

	it.each(looks)("shows the sign-in form and a missing page on a %s, %s", async (screen, scheme) => {
		for (const path of ["/enroll", "/nowhere"]) {
			const { page, faults } = await open(path, screen, scheme);
			const name = path === "/enroll" ? "sign-in" : "not-found";
			await page.screenshot({ path: join(folder, `${name}-${screen}-${scheme}.png`) });
			expect(await overflows(page)).toBe(false);
			expect(faults).toEqual([]);
			await page.close();
		}
	});

	it("signs in with a click and downloads the profile service", async () => {
		const { page } = await open("/", "desktop", "light");
		await page.locator('a[href$="/enroll"]').first().click();
		await page.getByLabel("Name").fill("alice");
		await page.getByLabel("Password").fill("anything");
		const download = page.waitForEvent("download");
		await page.getByRole("button", { name: "Sign in" }).click();
		const file = await download;
		expect(file.suggestedFilename()).toBe("enroll.mobileconfig");
		// CMS SignedData in DER: a SEQUENCE of more than 255 octets.
		expect([...readFileSync(await file.path()).subarray(0, 2)]).toEqual([0x30, 0x82]);
		await page.close();
	});

	it("does the same without JavaScript", async () => {
		const context = await browser.newContext({ javaScriptEnabled: false });
		const page = await context.newPage();
		await page.goto(server.url);
		await page.locator('a[href$="/enroll"]').first().click();
		await page.getByLabel("Name").fill("bob");
		await page.getByLabel("Password").fill("anything");
		const download = page.waitForEvent("download");
		await page.getByRole("button", { name: "Sign in" }).click();
		expect((await download).suggestedFilename()).toBe("enroll.mobileconfig");
		await context.close();
	});
});
