import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { encode } from "next-auth/jwt";
import { Browser, signIn } from "../harness/browser.ts";
import { startServer, type TestServer } from "../harness/server.ts";

let server: TestServer;
beforeAll(async () => {
	server = await startServer();
});
afterAll(() => server.stop());

const profileType = "application/x-apple-aspen-config";

/** A session cookie that next-auth believes, and what it says. */
async function sessionOf(browser: Browser): Promise<{ user?: Record<string, unknown> }> {
	return (await browser.visit(`${server.url}/api/auth/session`)).json() as Promise<{ user?: Record<string, unknown> }>;
}

describe("signing in", () => {
	it("reaches the provider's form from /enroll by redirects alone", async () => {
		const { response, url, way } = await new Browser().follow(`${server.url}/enroll`);
		expect([response.status, url.origin]).toEqual([200, server.idpUrl]);
		expect(way.map(({ origin }) => origin)).toEqual([server.url, server.idpUrl, server.idpUrl]);
		const html = await response.text();
		expect(html).toContain('name="login"');
		expect(html).toContain('name="password"');
		expect(html).not.toContain("<script");
	});

	it("asks for PKCE, state and nonce", async () => {
		const response = await new Browser().visit(`${server.url}/enroll`);
		const query = new URL(String(response.headers.get("location"))).searchParams;
		expect(query.get("code_challenge_method")).toBe("S256");
		for (const name of ["code_challenge", "state", "nonce"]) expect(query.get(name)?.length).toBeGreaterThan(20);
	});

	it("comes back to /enroll with the profile, without an extra click", async () => {
		const { response, url } = await signIn(server.url, "alice");
		expect(url.href).toBe(`${server.url}/enroll`);
		expect([response.status, response.headers.get("content-type")]).toEqual([200, profileType]);
	});

	it.each([
		["alice", []],
		["bob", ["staff"]],
		["admin", ["admins"]],
	])("knows %s and the groups %j", async (login, groups) => {
		const { browser } = await signIn(server.url, login);
		const { user } = await sessionOf(browser);
		expect(user).toMatchObject({ id: login, email: `${login}@example.com`, groups });
	});

	it("refuses a person that the provider does not know", async () => {
		const { response, url } = await signIn(server.url, "mallory");
		expect([response.status, url.origin]).toEqual([200, server.idpUrl]);
		expect(await response.text()).toContain("No such person here.");
	});

	it("does not sign in by a callback that nobody asked for", async () => {
		const browser = new Browser();
		const callback = `${server.url}/api/auth/callback/oidc?code=stolen&state=guessed`;
		const { url } = await browser.follow(callback);
		expect(url.pathname).toBe("/api/auth/signin");
		expect(await sessionOf(browser)).toEqual({});
	});

	it("takes the cookie of an unfinished sign-in for no session", async () => {
		const response = await new Browser().visit(`${server.url}/enroll`);
		const state = response.headers.getSetCookie().find((cookie) => cookie.startsWith("next-auth.state="));
		const value = state?.split(";")[0]?.split("=")[1];
		expect(value).toBeTruthy();
		const again = await fetch(`${server.url}/enroll`, {
			headers: { cookie: `next-auth.session-token=${value}` },
			redirect: "manual",
		});
		expect([again.status, again.headers.get("location")?.startsWith(server.idpUrl)]).toEqual([302, true]);
	});

	it.each([
		["of an hour ago", 1, 200],
		["of nine hours ago, in a cookie that was renewed a moment ago", 9, 302],
		["of no known time", null, 302],
	])("judges a sign-in %s", async (_, hours, status) => {
		const signedInAt = hours === null ? undefined : Date.now() / 1000 - hours * 3600;
		const cookie = await encode({
			secret: readFileSync(join(server.dataDir, "nextauth-secret"), "utf8").trim(),
			token: { sub: "alice", email: "alice@example.com", groups: [], ...(signedInAt && { signedInAt }) },
		});
		const headers = { cookie: `next-auth.session-token=${cookie}` };
		const response = await fetch(`${server.url}/enroll`, { headers, redirect: "manual" });
		expect(response.status).toBe(status);
	});

	it.each([
		"//evil.example",
		"/\\evil.example",
		"https:evil.example",
		"https://evil.example/",
		"javascript:alert(1)",
		"/%0d%0aSet-Cookie:x",
	])("never leads to %s afterwards", async (callbackUrl) => {
		const browser = new Browser();
		const csrf = (await (await browser.visit(`${server.url}/api/auth/csrf`)).json()) as { csrfToken: string };
		const form = await browser.submit(`${server.url}/api/auth/signin/oidc`, { csrfToken: csrf.csrfToken, callbackUrl });
		expect(form.url.origin).toBe(server.idpUrl);
		const { way } = await browser.submit(form.url, { login: "alice", password: "x" });
		const origins = way.map(({ origin }) => origin).filter((origin) => origin !== server.idpUrl);
		expect(new Set(origins)).toEqual(new Set([server.url]));
	});

	it.each([
		["signin", "text/html"],
		["signout", "text/html"],
		["error", "text/html"],
		["csrf", "application/json"],
		["session", "application/json"],
	])("labels /api/auth/%s with one content type", async (page, type) => {
		const response = await fetch(`${server.url}/api/auth/${page}`);
		expect(response.headers.get("content-type")).toBe(type);
	});

	it("does not answer under another name", async () => {
		const { port } = new URL(server.url);
		const response = await fetch(`http://127.0.0.1:${port}/api/auth/csrf`);
		expect([response.status, response.headers.get("content-type")]).toEqual([421, "application/problem+json"]);
	});

	it("takes forms alone, of a bounded size", async () => {
		const post = (type: string, body: string) =>
			fetch(`${server.url}/api/auth/signin/oidc`, { method: "POST", headers: { "content-type": type }, body });
		expect((await post("application/json", "{}")).status).toBe(415);
		expect((await post("application/x-www-form-urlencoded", "a".repeat(20_000))).status).toBe(413);
	});
});
