/** Who counts as signed in, and where a sign-in may lead. IDs as in the list of hostile input. */
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { encode } from "next-auth/jwt";
import { ask } from "../harness/ask.ts";
import { Browser } from "../harness/browser.ts";
import { type Bent, type BentProvider, client, startBentProvider } from "../harness/openid-provider.ts";
import { countRows } from "../harness/rows.ts";
import { bothWays, freePorts, makeDataDir, runBuilt, startServer, type TestServer } from "../harness/server.ts";

const profileType = "application/x-apple-aspen-config";

async function sessionOf(server: TestServer, browser: Browser): Promise<unknown> {
	return (await browser.visit(`${server.url}/api/auth/session`)).json();
}

/** Nobody, and sent to the provider. */
async function expectNobody(server: TestServer, browser: Browser): Promise<void> {
	expect(await sessionOf(server, browser)).toEqual({});
	const response = await browser.visit(`${server.url}/enroll`);
	expect([response.status, response.headers.get("location")?.startsWith(`${server.idpUrl}/`)]).toEqual([302, true]);
}

describe.each(bothWays)("%s", (_, settings) => {
	let server: TestServer;
	let secret: string;
	beforeAll(async () => {
		server = await startServer(settings);
		secret = readFileSync(join(server.dataDir, "nextauth-secret"), "utf8").trim();
	});
	afterAll(() => server.stop());

	describe("E01", () => {
		const person = { sub: "alice", email: "alice@example.com", groups: [] };
		const signedInAt = () => Date.now() / 1000;
		const name = "next-auth.session-token";
		const bearers: readonly [string, () => Promise<Record<string, string>> | Record<string, string>][] = [
			["nothing", () => ({})],
			["a malformed Bearer", () => ({ authorization: "Bearer" })],
			["a Bearer of three dots", () => ({ authorization: "Bearer ..." })],
			["a session as Bearer", async () => ({ authorization: `Bearer ${await token({})}` })],
			["Basic", () => ({ authorization: "Basic YWxpY2U6eA==" })],
			["an empty cookie", () => ({ cookie: `${name}=` })],
			["a cookie of dots", () => ({ cookie: `${name}=....` })],
			["a cookie that is no UTF-8", () => ({ cookie: `${name}=%ff%fe` })],
			["a cookie of 12 kB", () => ({ cookie: `${name}=${"a".repeat(12_000)}` })],
			[
				"a hundred parts of a cookie",
				() => ({ cookie: Array.from({ length: 100 }, (_, i) => `${name}.${i}=a`).join("; ") }),
			],
			["a token that is not encrypted", () => ({ cookie: `${name}=${unencrypted()}` })],
			[
				"a token under another secret",
				async () => ({ cookie: `${name}=${await token({}, { secret: "x".repeat(32) })}` }),
			],
			[
				"a token for another purpose",
				async () => ({ cookie: `${name}=${await token({}, { salt: "next-auth.state" })}` }),
			],
			["an expired token", async () => ({ cookie: `${name}=${await token({}, { maxAge: -60 })}` })],
			["a token in a cookie of another name", async () => ({ cookie: `x${name}=${await token({})}` })],
			["a person without an id", async () => ({ cookie: `${name}=${await token({ sub: undefined })}` })],
			["a person whose id is empty", async () => ({ cookie: `${name}=${await token({ sub: "" })}` })],
			["a person whose id is a list", async () => ({ cookie: `${name}=${await token({ sub: ["alice"] })}` })],
			["a person without an address", async () => ({ cookie: `${name}=${await token({ email: undefined })}` })],
			[
				"an error for a person",
				async () => ({
					cookie: `${name}=${await bare({ error: "RefreshAccessTokenError", signedInAt: signedInAt() })}`,
				}),
			],
			["a sign-in of the future's form", async () => ({ cookie: `${name}=${await token({ signedInAt: "9e99" })}` })],
		];

		const bare = (claims: object, more: object = {}) => encode({ secret, token: claims as never, ...more });
		const token = (claims: object, more: object = {}) => bare({ ...person, signedInAt: signedInAt(), ...claims }, more);
		const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
		const unencrypted = () => `${part({ alg: "none" })}.${part({ ...person, signedInAt: signedInAt() })}.`;

		it.each(bearers)("takes %s for nobody", async (_, make) => {
			const before = countRows(server.dataDir);
			const headers = await make();
			const { status, headers: said } = await ask(server.url, "/enroll", { headers });
			expect([status, said.get("location")?.startsWith(`${server.idpUrl}/`)]).toEqual([302, true]);
			const session = await ask(server.url, "/api/auth/session", { headers });
			expect(session.status).toBe(200);
			expect(countRows(server.dataDir)).toEqual(before);
		});

		it("takes the same token, whole, for the person", async () => {
			const headers = { cookie: `${name}=${await token({})}` };
			const { status, headers: said } = await ask(server.url, "/enroll", { headers });
			expect([status, said.get("content-type")]).toEqual([200, profileType]);
		});

		it("takes the cookies of an interrupted sign-in for nobody, under any name", async () => {
			const browser = new Browser();
			const begun = await browser.visit(`${server.url}/enroll`);
			const values = begun.headers.getSetCookie().map((cookie) => cookie.split(/[=;]/));
			const kept = values.filter(([cookie]) => /state|pkce|nonce/.test(String(cookie)));
			expect(kept).toHaveLength(3);
			await expectNobody(server, browser);
			for (const [, value] of kept) {
				const { status, headers } = await ask(server.url, "/enroll", { headers: { cookie: `${name}=${value}` } });
				expect([status, headers.get("location")?.startsWith(server.idpUrl)]).toEqual([302, true]);
			}
		});
	});

	it("lets nobody write its log through next-auth's client logger", async () => {
		const body = `level=error&code=${"A".repeat(16_000)}&message=forged`;
		const headers = { "content-type": "application/x-www-form-urlencoded", origin: "https://evil.example" };
		const answer = await ask(server.url, "/api/auth/_log", { method: "POST", headers, body });
		expect(answer.status).toBe(404);
		expect(server.webLog()).not.toMatch(/AAAA|forged/);
	});

	describe("E05", () => {
		const elsewhere = [
			"//evil.example",
			"///evil.example",
			"/\\evil.example",
			"\\\\evil.example",
			"/\t/evil.example",
			"/%09/evil.example/..//evil.example",
			"/.//evil.example",
			"/x/..//evil.example",
			"https:evil.example",
			"https:/evil.example",
			"https://evil.example/",
			"http://evil.example",
			"//evil\u3002example",
			"https://evil\uff0eexample/",
			"javascript:alert(1)",
			"JaVaScRiPt:alert(1)",
			"\u0001javascript:alert(1)",
			"data:text/html,<script>alert(1)</script>",
			"vbscript:x",
			"blob:https://evil.example/x",
			"/%0d%0aSet-Cookie:x=y",
			"/\r\nSet-Cookie:x=y",
			"ORIGIN@evil.example/",
			"ORIGIN.evil.example/",
			"ORIGIN:80@evil.example/",
			"ORIGIN\\@evil.example/",
			"ORIGIN//evil.example",
			"ORIGIN/\\evil.example",
			"http://localhost",
			"http://LOCALHOST:1/",
			"",
			"x".repeat(3_000),
		];
		const inPlace = (callbackUrl: string) => callbackUrl.replace("ORIGIN", server.url);

		/** Of this origin, in every header that a browser would follow or keep. */
		function expectHere(what: string, headers: Headers): void {
			expect([what, headers.has("x")]).toEqual([what, false]);
			const location = headers.get("location");
			if (location !== null) expect([what, server.url, server.idpUrl]).toContain(new URL(location, server.url).origin);
			for (const cookie of headers.getSetCookie()) {
				expect([what, cookie]).toEqual([what, expect.stringMatching(/^next-auth\./)]);
				const [, kept] = /^next-auth\.callback-url=([^;]*)/.exec(cookie) ?? [];
				if (kept) expect([what, new URL(decodeURIComponent(kept)).origin]).toEqual([what, server.url]);
			}
		}

		it.each(elsewhere)("never leads to %j, asked by query", async (callbackUrl) => {
			const query = new URLSearchParams({ callbackUrl: inPlace(callbackUrl) });
			for (const page of [
				"signin",
				"signin/oidc",
				"signout",
				"error",
				"csrf",
				"session",
				"providers",
				"callback/oidc",
			]) {
				const { status, headers, body } = await ask(server.url, `/api/auth/${page}?${query}`);
				expectHere(`${page} ${callbackUrl}`, headers);
				expect([page, status < 500]).toEqual([page, true]);
				const [, field] = /name="callbackUrl" value="([^"]*)"/.exec(body.toString()) ?? [];
				if (field) expect([page, new URL(field, server.url).origin]).toEqual([page, server.url]);
			}
		});

		it.each(elsewhere)("never leads to %j, kept in the cookie", async (callbackUrl) => {
			const cookie = `next-auth.callback-url=${encodeURIComponent(inPlace(callbackUrl))}`;
			for (const path of ["/enroll", "/api/auth/signin", "/api/auth/session", "/api/auth/callback/oidc?error=x"]) {
				const { status, headers } = await ask(server.url, path, { headers: { cookie } });
				expectHere(`${path} ${callbackUrl}`, headers);
				expect([path, status]).toEqual([path, /enroll|callback/.test(path) ? 302 : 200]);
			}
		});

		it.each(["//evil.example", "ORIGIN@evil.example/", "javascript:alert(1)", "/\\evil.example"])(
			"leads from a whole sign-in, with %j in cookie, query and form, to this origin",
			async (callbackUrl) => {
				const browser = new Browser();
				const { csrfToken } = (await (await browser.visit(`${server.url}/api/auth/csrf`)).json()) as {
					csrfToken: string;
				};
				const wanted = inPlace(callbackUrl);
				const plant = () =>
					browser.jar.store(
						new URL(server.url),
						new Headers({ "set-cookie": `next-auth.callback-url=${encodeURIComponent(wanted)}; Path=/` }),
					);
				plant();
				const start = `${server.url}/api/auth/signin/oidc?${new URLSearchParams({ callbackUrl: wanted })}`;
				const form = await browser.submit(start, { csrfToken, callbackUrl: wanted });
				expect(form.url.origin).toBe(server.idpUrl);
				plant();
				const { way, url } = await browser.submit(form.url, { login: "alice", password: "x" });
				for (const { origin } of way) expect([server.url, server.idpUrl]).toContain(origin);
				expect(url.origin).toBe(server.url);
				expect(await sessionOf(server, browser)).toMatchObject({ user: { id: "alice" } });
			},
		);

		it("asks the provider for nothing that the caller put into the query", async () => {
			const browser = new Browser();
			const { csrfToken } = (await (await browser.visit(`${server.url}/api/auth/csrf`)).json()) as {
				csrfToken: string;
			};
			const extra =
				"redirect_uri=https://evil.example/&client_id=evil&scope=admin&response_mode=form_post&state=known&nonce=known";
			const response = await browser.visit(`${server.url}/api/auth/signin/oidc?${extra}`, {
				method: "POST",
				body: new URLSearchParams({ csrfToken }),
			});
			const asked = new URL(String(response.headers.get("location"))).searchParams;
			expect([asked.get("redirect_uri"), asked.get("client_id")]).toEqual([
				`${server.url}/api/auth/callback/oidc`,
				"next-ota",
			]);
			expect([asked.get("scope"), asked.get("response_mode")]).toEqual(["openid email profile", null]);
			expect([asked.get("state"), asked.get("nonce")]).not.toContain("known");
		});

		it.each([
			"providers=x",
			"error=__proto__",
			"error=%3Cscript%3E",
			"theme=x&email=%3Cscript%3E",
			"csrfToken=x&callbackUrl[]=x",
		])("shows its page whatever the query says: %s", async (query) => {
			for (const page of ["signin", "signout", "error"]) {
				const { status, body } = await ask(server.url, `/api/auth/${page}?${query}`);
				expect([page, status < 500]).toEqual([page, true]);
				expect(body.toString()).not.toContain("<script");
			}
		});
	});

	describe("E06", () => {
		/** Up to the answer that the provider's redirect would bring, not yet fetched. */
		async function begin(login: string): Promise<{ browser: Browser; callback: URL }> {
			const browser = new Browser();
			const form = await browser.follow(`${server.url}/enroll`);
			let response = await browser.visit(form.url, {
				method: "POST",
				body: new URLSearchParams({ login, password: "x" }),
			});
			let at = form.url;
			for (let hop = 0; hop < 10; hop++) {
				at = new URL(String(response.headers.get("location")), at);
				if (at.origin === server.url) return { browser, callback: at };
				response = await browser.visit(at);
			}
			throw new Error("the provider does not lead back");
		}

		/** The cookies that the sign-in keeps in the browser, by name. */
		function cookiesOf(browser: Browser): Map<string, string> {
			const pairs = browser.jar.header(new URL("/api/auth/callback/oidc", server.url)).split("; ");
			return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
		}

		async function expectRefused(callback: URL, cookies: ReadonlyMap<string, string>): Promise<void> {
			const before = countRows(server.dataDir);
			const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
			const { status, headers } = await ask(server.url, `${callback.pathname}${callback.search}`, {
				headers: { cookie },
			});
			const to = new URL(String(headers.get("location")), server.url);
			expect([status, to.origin]).toEqual([302, server.url]);
			expect(to.pathname).toMatch(/^\/api\/auth\/(signin|error)$/);
			expect(to.searchParams.get("error")).toBeTruthy();
			expect(headers.getSetCookie().filter((one) => one.includes("session-token"))).toEqual([]);
			const page = await new Browser().follow(to);
			expect([page.url.origin, page.response.status < 500]).toEqual([server.url, true]);
			expect(page.response.headers.get("content-type")).toBe("text/html");
			expect(countRows(server.dataDir)).toEqual(before);
		}

		it.each(["next-auth.state", "next-auth.nonce", "next-auth.pkce.code_verifier"])(
			"refuses %s of another sign-in, or none",
			async (name) => {
				for (const instead of ["another", "none", "garbage"] as const) {
					const [mine, theirs] = await Promise.all([begin("alice"), begin("bob")]);
					const cookies = cookiesOf(mine.browser);
					expect(cookies.has(name)).toBe(true);
					if (instead === "none") cookies.delete(name);
					else cookies.set(name, instead === "another" ? String(cookiesOf(theirs.browser).get(name)) : "garbage");
					await expectRefused(mine.callback, cookies);
				}
			},
		);

		it("refuses another person's answer in my browser, and mine with another's state", async () => {
			const [mine, theirs] = await Promise.all([begin("alice"), begin("bob")]);
			await expectRefused(theirs.callback, cookiesOf(mine.browser));
			const mixed = new URL(mine.callback);
			mixed.searchParams.set("code", String(theirs.callback.searchParams.get("code")));
			await expectRefused(mixed, cookiesOf(mine.browser));
		});

		it("refuses a code that was used, in the same browser and in a copy of it", async () => {
			const { browser, callback } = await begin("alice");
			const copy = cookiesOf(browser);
			await browser.follow(callback);
			expect(await sessionOf(server, browser)).toMatchObject({ user: { id: "alice" } });
			await expectRefused(callback, copy);
			await expectRefused(callback, new Map());
			const { response, url } = await browser.follow(callback);
			expect([url.pathname, response.status < 500]).toEqual([
				expect.stringMatching(/^\/api\/auth\/(signin|error)$/),
				true,
			]);
		});

		it.each([
			["a code", "code=stolen&state=guessed"],
			["a code without state", "code=stolen"],
			["a state alone", "state=guessed"],
			["an error", "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E"],
			["tokens", "access_token=x&id_token=y.z.w&token_type=Bearer&state=guessed"],
			["nothing", ""],
			["everything twice", "code=a&code=b&state=c&state=d"],
			["another issuer", "code=a&state=b&iss=https://evil.example"],
		])("refuses %s that nobody asked for", async (_, query) => {
			const callback = new URL(`${server.url}/api/auth/callback/oidc?${query}`);
			await expectRefused(callback, new Map());
			await expectRefused(callback, cookiesOf((await begin("alice")).browser));
		});

		it("refuses an answer that another site posts, and for a provider that there is not", async () => {
			const { callback } = await begin("alice");
			// Without the cookies of the sign-in, as SameSite=Lax has it.
			const browser = new Browser();
			const post = { method: "POST", body: callback.searchParams };
			const posted = await browser.follow(`${server.url}${callback.pathname}`, post);
			expect(posted.response.status).toBeLessThan(500);
			await expectNobody(server, browser);
			for (const provider of ["other", "__proto__", "constructor", "credentials", "email", ""]) {
				const { status, headers } = await ask(server.url, `/api/auth/callback/${provider}${callback.search}`);
				expect([
					provider,
					status >= 300 && status < 500,
					headers.getSetCookie().some((one) => one.includes("session-token")),
				]).toEqual([provider, true, false]);
			}
		});
	});
});

describe("E06 a provider that cannot be believed", () => {
	let provider: BentProvider;
	let server: TestServer;
	beforeAll(async () => {
		const [port] = await freePorts();
		provider = await startBentProvider(port);
		const env = { OIDC_ISSUER: provider.issuer, OIDC_CLIENT_ID: client.id, OIDC_CLIENT_SECRET: client.secret };
		server = { ...(await startServer({ env })), idpUrl: provider.issuer };
	});
	afterAll(async () => {
		await server.stop();
		await provider.stop();
	});

	it("signs in the person when it speaks the truth", async () => {
		provider.says = {};
		const browser = new Browser();
		const { response } = await browser.follow(`${server.url}/enroll`);
		expect([response.status, response.headers.get("content-type")]).toEqual([200, profileType]);
		expect(await sessionOf(server, browser)).toMatchObject({ user: { id: "carol", email: "carol@example.com" } });
	});

	const bent: readonly [string, Bent][] = [
		["an unverified address", { claims: { email_verified: false } }],
		["an address that is unverified in words", { claims: { email_verified: "false" } }],
		["no address", { claims: { email: undefined } }],
		["an address that is a list", { claims: { email: ["carol@example.com"] } }],
		["an address with a full-width @", { claims: { email: "carol\uff20example.com" } }],
		["an address with a small @", { claims: { email: "carol\ufe6bexample.com" } }],
		["an address with a Cyrillic letter", { claims: { email: "c\u0430rol@example.com" } }],
		["an address with a dot that is none", { claims: { email: "carol@example\u3002com" } }],
		["an address with an invisible letter", { claims: { email: "carol\u200b@example.com" } }],
		["two addresses", { claims: { email: "carol@example.com,alice@example.com" } }],
		["an address with a line end", { claims: { email: "carol@example.com\r\nBcc: x@example.com" } }],
		["the nonce of another sign-in", { claims: { nonce: "another" } }],
		["no nonce", { claims: { nonce: undefined } }],
		["another issuer", { claims: { iss: "https://evil.example" } }],
		["another audience", { claims: { aud: "another" } }],
		["two audiences and another authorized party", { claims: { aud: [client.id, "another"], azp: "another" } }],
		["an expired token", { claims: { iat: 1, exp: 2 } }],
		["no expiry", { claims: { exp: undefined } }],
		["no subject", { claims: { sub: undefined } }],
		["an empty subject", { claims: { sub: "" } }],
		["a subject that is a list", { claims: { sub: ["carol"] } }],
		["a signature by another key", { foreignKey: true }],
		["no signature", { algorithm: "none" }],
		["a signature with the client's secret", { algorithm: "HS256" }],
		["no ID token", { answer: { id_token: undefined } }],
		["an ID token of nonsense", { answer: { id_token: "a.b.c" } }],
		["an error beside the code", { back: { error: "access_denied" } }],
		["another state", { back: { state: "known" } }],
		["no state", { back: { state: null } }],
		["another issuer in the redirect", { back: { iss: "https://evil.example" } }],
		["a code of its own making", { back: { code: "made-up" } }],
	];

	it.each(bent)("signs in nobody with %s", async (_, says) => {
		provider.says = says;
		const before = countRows(server.dataDir);
		const browser = new Browser();
		const { response, url } = await browser.follow(`${server.url}/enroll`);
		expect([url.origin, url.pathname]).toEqual([server.url, expect.stringMatching(/^\/api\/auth\/(signin|error)$/)]);
		expect([response.status < 500, response.headers.get("content-type")]).toEqual([true, "text/html"]);
		await expectNobody(server, browser);
		expect(countRows(server.dataDir)).toEqual(before);
	});

	it("gives a name and groups that are nonsense no weight", async () => {
		provider.says = { claims: { name: { toString: "x" }, groups: ["staff", 7, null, { admins: true }, ["admins"]] } };
		const browser = new Browser();
		await browser.follow(`${server.url}/enroll`);
		const { user } = (await sessionOf(server, browser)) as { user: Record<string, unknown> };
		expect(user).toMatchObject({ id: "carol", groups: ["staff"] });
		expect(user.name ?? null).toBeNull();
	});

	it("tells nobody what the provider said, in the log neither", () => {
		const log = server.webLog();
		expect(log).not.toContain("carol@example.com");
		expect(log).not.toContain(client.secret);
		expect(log).toMatch(/"event":"sign_in\.failed"/);
	});
});

describe("E01 without NEXTAUTH_SECRET", () => {
	const settings = { OIDC_ISSUER: "https://sso.example.com", OIDC_CLIENT_ID: "ota", OIDC_CLIENT_SECRET: "x" };

	it.each([[{}], [{ NEXTAUTH_SECRET: "" }], [{ NEXTAUTH_SECRET: "too short" }]])(
		"npm start refuses to start: %j",
		async (more) => {
			const dataDir = await makeDataDir();
			const start = runBuilt("dist/bin/start.js", { ...settings, ...more, OTA_DATA_DIR: dataDir });
			expect(await start.ended).toBe(1);
			expect(start.output()).toContain("NEXTAUTH_SECRET");
			await rm(dataDir, { recursive: true });
		},
	);

	it("plain next start answers 503, and says why in its log alone", async () => {
		const dataDir = await makeDataDir();
		const [port] = await freePorts();
		const url = `http://localhost:${port}`;
		const env = { ...settings, OTA_DATA_DIR: dataDir, OTA_BASE_URL: url, NODE_ENV: "production" };
		const next = runBuilt("node_modules/next/dist/bin/next", env, ["start", "-p", String(port), "-H", "127.0.0.1"]);
		try {
			await Promise.race([next.saw(/Ready in/), next.ended]);
			for (const path of [
				"/",
				"/enroll",
				"/api/auth/session",
				"/api/auth/signin",
				"/api/auth/csrf",
				"/profile",
				"/api/health/ready",
			]) {
				const { status, headers, body } = await ask(url, path);
				expect([path, status, JSON.parse(body.toString()).code]).toEqual([path, 503, "config"]);
				expect(body.toString()).not.toContain("NEXTAUTH");
				expect(headers.getSetCookie()).toEqual([]);
			}
			expect(next.output()).toContain("NEXTAUTH_SECRET is missing");
		} finally {
			next.child.kill("SIGTERM");
			await next.ended;
			await rm(dataDir, { recursive: true });
		}
	});
});
