/** Every route of the build, without a session and by every side door that Next has had. IDs as in the list of hostile input. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Answered, type Asked, ask } from "../harness/ask.ts";
import { Browser, signIn } from "../harness/browser.ts";
import { isAlive } from "../harness/processes.ts";
import { countRows } from "../harness/rows.ts";
import { bothWays, root, startServer, type TestServer } from "../harness/server.ts";

/**
 * Who may have what a route has. A new route fails the test until it stands here:
 * open: anybody; post: anybody who posts; session: a signed-in person; device: who proves to be one; signIn: next-auth; shut:
 * answered 404.
 */
const routes = {
	"/": "open",
	"/CA": "open",
	"/enroll": "session",
	"/devices": "session",
	"/devices/[file]": "session",
	"/profile": "device",
	"/scep": "device",
	"/crl": "open",
	"/crl/[list]": "shut",
	"/ocsp": "post",
	"/ocsp/[...request]": "open",
	"/api/auth/[...nextauth]": "signIn",
	"/api/health/live": "open",
	"/api/health/ready": "open",
	"/[...unknown]": "shut",
	"/_not-found": "shut",
	"/_global-error": "shut",
	"/404": "shut",
	"/500": "shut",
} as const;

/** Addresses of the routes that are patterns, of Next's own services, and of what a later version may serve. */
const addresses = [
	...Object.keys(routes).filter((route) => !route.includes("[")),
	"/api/auth/session",
	"/api/auth/signin",
	"/api/auth/providers",
	"/api/auth/callback/oidc",
	"/nowhere",
	"/admin",
	"/devices/00000000000000000000000000000000.mobileconfig",
	"/api/metrics",
	"/_app",
	"/_document",
	"/_error",
	"/_next/image?url=%2Fenroll&w=640&q=75",
	"/_next/data/development/enroll.json",
];

const build = join(root, ".next");
const manifest = (name: string) => JSON.parse(readFileSync(join(build, name), "utf8"));

describe("E07 the build", () => {
	it("has no route that this test does not know", () => {
		const { staticRoutes, dynamicRoutes, dataRoutes = [] } = manifest("routes-manifest.json");
		const prerendered = manifest("prerender-manifest.json");
		const built = [
			...Object.values(manifest("app-path-routes-manifest.json")),
			...[...staticRoutes, ...dynamicRoutes, ...dataRoutes].map(({ page }: { page: string }) => page),
			...Object.keys(prerendered.routes),
			...Object.keys(prerendered.dynamicRoutes),
			...Object.keys(manifest("server/functions-config-manifest.json").functions),
			...Object.keys(manifest("server/app-paths-manifest.json")).map(
				(path) => path.replace(/\/(route|page)$/, "") || "/",
			),
			...Object.keys(manifest("server/pages-manifest.json")),
		];
		expect(new Set(built)).toEqual(new Set(Object.keys(routes)));
	});

	it("has no middleware, no server action, no redirect, no file that is served as it lies", () => {
		const { middleware, functions } = manifest("server/middleware-manifest.json");
		expect([middleware, functions]).toEqual([{}, {}]);
		const { node, edge } = manifest("server/server-reference-manifest.json");
		expect([node, edge]).toEqual([{}, {}]);
		expect(manifest("routes-manifest.json").redirects.filter(({ internal }: { internal?: true }) => !internal)).toEqual(
			[],
		);
		expect(existsSync(join(root, "public"))).toBe(false);
	});

	it("has no proxy and no server action in its sources", () => {
		for (const folder of ["", "app", "src"].map((name) => join(root, name)).filter((path) => existsSync(path))) {
			expect(readdirSync(folder).filter((file) => /^(proxy|middleware|instrumentation)\./.test(file))).toEqual([]);
		}
		const sources = ["app", "lib", "hsm"].flatMap((folder) =>
			readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
				.filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
				.map((entry) => join(entry.parentPath, entry.name)),
		);
		expect(sources.length).toBeGreaterThan(50);
		const text = (path: string) => readFileSync(path, "utf8");
		expect(sources.filter((path) => /["']use (server|cache)\b/.test(text(path)))).toEqual([]);
		expect(sources.filter((path) => /dangerouslySetInnerHTML/.test(text(path)))).toEqual([]);
	});
});

const pathVariants: readonly [string, (path: string) => string][] = [
	["as it is", (path) => path],
	[".rsc", (path) => path.replace(/(\?|$)/, ".rsc$1")],
	[".txt", (path) => path.replace(/(\?|$)/, ".txt$1")],
	[".segments", (path) => path.replace(/(\?|$)/, ".segments/_tree.segment.rsc$1")],
	["?_rsc=", (path) => `${path}${path.includes("?") ? "&" : "?"}_rsc=abc`],
	["//path", (path) => `/${path}`],
	["/./path", (path) => `/.${path}`],
	["/x/../path", (path) => `/api/health/live/..${path}`],
	["%2e", (path) => `/%2e${path}`],
	["%2e%2e", (path) => `/CA/%2e%2e${path}`],
	["%2f", (path) => `/${path.slice(1).replaceAll("/", "%2f")}`],
	["a percent-encoded letter", (path) => path.replace(/[a-z]/i, (letter) => `%${letter.charCodeAt(0).toString(16)}`)],
	["twice encoded", (path) => path.replace(/[a-z]/i, (letter) => `%25${letter.charCodeAt(0).toString(16)}`)],
	["upper case", (path) => path.toUpperCase()],
	["lower case", (path) => path.toLowerCase()],
	["trailing slash", (path) => path.replace(/(\?|$)/, "/$1")],
	["backslash", (path) => `/\\${path.slice(1)}`],
	["semicolon", (path) => path.replace(/(\?|$)/, ";a=b$1")],
	["NUL", (path) => path.replace(/(\?|$)/, "%00$1")],
	["a locale", (path) => `/en${path}`],
	["as data", (path) => `/_next/data/${readFileSync(join(build, "BUILD_ID"), "utf8")}${path}.json`],
	["by nxtP", (path) => `${path}${path.includes("?") ? "&" : "?"}nxtPunknown=enroll&nextInternalLocale=en`],
];

const subrequest = ["middleware", "src/middleware", "proxy"].map((name) => Array(6).fill(name).join(":"));
const headerVariants: readonly Record<string, string>[] = [
	...subrequest.map((value) => ({ "x-middleware-subrequest": value })),
	{ "x-middleware-subrequest-id": "0", "x-middleware-next": "1" },
	{ "x-middleware-rewrite": "/enroll", "x-middleware-invoke": "1" },
	{ "x-middleware-override-headers": "cookie", "x-middleware-request-cookie": "next-auth.session-token=x" },
	{ "x-middleware-set-cookie": "next-auth.session-token=x", "x-middleware-prefetch": "1" },
	{ rsc: "1" },
	{ rsc: "1", "next-router-prefetch": "1" },
	{ rsc: "1", "next-router-prefetch": "1", "next-router-segment-prefetch": "/_tree" },
	{ rsc: "1", "next-router-state-tree": encodeURIComponent('["",{},null,null,true]') },
	{ "next-router-state-tree": "{" },
	{ "next-url": "/enroll", rsc: "1" },
	{ "x-original-url": "/enroll", "x-rewrite-url": "/enroll", "x-override-url": "/enroll" },
	{
		"x-forwarded-host": "evil.example",
		"x-forwarded-proto": "https",
		"x-forwarded-port": "1",
		forwarded: "host=evil.example",
	},
	{ "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", "x-forwarded-prefix": "/enroll" },
	{ "x-matched-path": "/enroll", "x-now-route-matches": "1=enroll", "x-vercel-id": "x" },
	{ "x-invoke-path": "/enroll", "x-invoke-status": "200", "x-invoke-output": "/enroll", "x-invoke-query": "%7B%7D" },
	{ "x-nextjs-data": "1" },
	{ "x-prerender-revalidate": "guess", "x-prerender-revalidate-if-generated": "1" },
	{ cookie: "__prerender_bypass=guess; __next_preview_data=guess" },
	{ "x-http-method-override": "POST", "x-http-method": "DELETE" },
	{
		"x-ssl-client-cert": "x",
		"x-forwarded-user": "admin",
		"x-remote-user": "admin",
		"x-auth-request-email": "admin@example.com",
	},
];

const profileType = /x-apple-aspen-config|pkcs7|x-pki-message/;

describe.each(bothWays)("%s", (way, settings) => {
	let server: TestServer;
	let pid: number;
	beforeAll(async () => {
		server = await startServer(settings);
		pid = server.webPid();
	});
	afterAll(() => server.stop());

	const get = (path: string, asked?: Asked): Promise<Answered> => ask(server.url, path, asked);

	/** Nothing that is not anybody's, and no failure of ours. */
	function expectNothing(what: string, { status, headers, body }: Answered): void {
		const text = body.toString("latin1");
		const type = headers.get("content-type") ?? "";
		expect([what, type]).toEqual([what, expect.not.stringMatching(profileType)]);
		expect([what, text]).toEqual([what, expect.not.stringMatching(/PayloadContent|@example\.com|"user"|aspen/)]);
		expect([what, status]).toEqual([what, expect.any(Number)]);
		expect([what, status < 500]).toEqual([what, true]);
		const location = headers.get("location");
		if (location === null) return;
		const { origin, searchParams } = new URL(location, server.url);
		expect([what, [server.url, server.idpUrl]]).toEqual([what, expect.arrayContaining([origin])]);
		const back = searchParams.get("redirect_uri");
		if (back !== null) expect([what, back]).toEqual([what, `${server.url}/api/auth/callback/oidc`]);
	}

	/** With the redirects of this origin that a client would follow. */
	async function expectNothingAt(path: string, asked: Asked): Promise<void> {
		let next = path;
		for (let hop = 0; hop < 4; hop++) {
			const what = `${asked.method ?? "GET"} ${next} ${JSON.stringify(asked.headers ?? {})}`;
			const answered = await get(next, asked);
			expectNothing(what, answered);
			const location = answered.headers.get("location");
			if (location === null) return;
			const target = new URL(location, server.url);
			if (target.origin !== server.url) return;
			next = `${target.pathname}${target.search}`;
		}
	}

	it.each(pathVariants)("E07 gives nothing away without a session, path %s", async (_, variant) => {
		for (const address of addresses) {
			for (const method of ["GET", "HEAD"]) await expectNothingAt(variant(address), { method });
		}
		expect(countRows(server.dataDir)).toEqual({ Enrollment: 0, Challenge: 0, Certificate: 0, Delivery: 0 });
	});

	it.each(headerVariants.map((headers) => [JSON.stringify(headers), headers] as const))(
		"E07 gives nothing away without a session, headers %s",
		async (_, headers) => {
			for (const address of addresses) await expectNothingAt(address, { headers });
			await expectNothingAt("/enroll?_rsc=abc", { headers });
			await expectNothingAt("/enroll", { headers, method: "POST" });
			expect(countRows(server.dataDir)).toEqual({ Enrollment: 0, Challenge: 0, Certificate: 0, Delivery: 0 });
		},
	);

	it("E07 answers what is no path at all in a few words", async () => {
		for (const path of ["/%zz", "/%", "/enroll%", "/enroll%ff", "/%c0%ae/enroll"]) {
			const { status, body, headers } = await get(path);
			// Next refuses to decode it with a 500 of its own before any route or setting.
			expect([400, 404, 500]).toContain(status);
			expect(body.length).toBeLessThan(400);
			expect(headers.get("content-type")).not.toMatch(profileType);
		}
	});

	it("E07 serves what is open, and nobody's session, to nobody", async () => {
		for (const [route, kind] of Object.entries(routes)) {
			if (kind === "open" && !route.includes("[")) expect([route, (await get(route)).status]).toEqual([route, 200]);
			if (kind === "shut" && !route.includes("[")) expect([route, (await get(route)).status]).toEqual([route, 404]);
		}
		expect((await get("/api/auth/session")).body.toString()).toBe("{}");
		expect((await get("/enroll")).status).toBe(302);
		expect((await get("/devices")).status).toBe(302);
		expect((await get("/devices/00000000000000000000000000000000.mobileconfig")).status).toBe(302);
		expect((await get("/devices/x")).status).toBe(404);
		expect((await get("/profile")).status).toBe(405);
		expect((await get("/ocsp")).status).toBe(405);
		expect((await get("/ocsp/bm90aGluZw==")).headers.get("content-type")).toBe("application/ocsp-response");
		expect((await get("/crl/0000000000000000.crl")).status).toBe(404);
	});

	describe("E04 a look ahead", () => {
		const ahead: readonly [string, Asked, number][] = [
			["HEAD", { method: "HEAD" }, 200],
			["Sec-Purpose: prefetch", { headers: { "sec-purpose": "prefetch" } }, 204],
			["Sec-Purpose: prefetch;prerender", { headers: { "sec-purpose": "prefetch;prerender" } }, 204],
			["Purpose: prefetch", { headers: { purpose: "prefetch" } }, 204],
			["X-Purpose: preview", { headers: { "x-purpose": "preview" } }, 204],
			["X-Moz: prefetch", { headers: { "x-moz": "prefetch" } }, 204],
			["Next-Router-Prefetch", { headers: { "next-router-prefetch": "1" } }, 204],
		];

		it.each(ahead)("by %s costs no challenge, even with a session", async (_, asked, status) => {
			const { browser } = await signIn(server.url, "alice");
			const before = countRows(server.dataDir);
			const cookie = browser.jar.header(new URL("/enroll", server.url));
			const answered = await get("/enroll", { ...asked, headers: { cookie, ...asked.headers } });
			expect([answered.status, answered.body.length]).toEqual([status, 0]);
			expect(countRows(server.dataDir)).toEqual(before);
		});

		it.each(["facebookexternalhit/1.1 Facebot Twitterbot/1.0", "Slackbot-LinkExpanding 1.0", "WhatsApp/2"])(
			"by the link preview of %s costs no challenge",
			async (agent) => {
				const before = countRows(server.dataDir);
				const { response, url } = await new Browser().follow(`${server.url}/enroll`, {
					headers: { "user-agent": agent },
				});
				expect([response.status, url.origin]).toEqual([200, server.idpUrl]);
				expect(countRows(server.dataDir)).toEqual(before);
			},
		);

		it("differs from a visit, which costs one", async () => {
			const { browser } = await signIn(server.url, "bob");
			const before = countRows(server.dataDir);
			const response = await browser.visit(`${server.url}/enroll`);
			expect(response.headers.get("content-type")).toBe("application/x-apple-aspen-config");
			const { Enrollment, Challenge } = countRows(server.dataDir);
			expect([Enrollment, Challenge]).toEqual([before.Enrollment + 1, before.Challenge + 1]);
		});
	});

	describe("E08", () => {
		const boundary = "----x";
		const form = (fields: Readonly<Record<string, string>>): string =>
			`${Object.entries(fields)
				.map(([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
				.join("")}--${boundary}--\r\n`;
		const multipart = `multipart/form-data; boundary=${boundary}`;
		/** CVE-2025-55182 and its kin: a chunk that is its own promise, whose prefix is code; a reference into prototypes. */
		const model = {
			// biome-ignore lint/suspicious/noThenProperty: that is the attack.
			then: "$1:__proto__:then",
			status: "resolved_model",
			reason: -1,
			value: '{"then":"$B1337"}',
			_response: {
				_prefix: "process.exit(7);//",
				_chunks: "$Q2",
				_formData: { get: "$1:constructor:constructor" },
			},
		};
		const action = { "next-action": "40a1b2c3d4e5f60718293a4b5c6d7e8f9012345678" };
		const bodies: readonly [string, Record<string, string>, string][] = [
			[
				"a model that is a promise",
				{ ...action, "content-type": multipart },
				form({ 0: JSON.stringify(model), 1: '"$@0"', 2: "[]" }),
			],
			[
				"a reference into a prototype",
				{ ...action, "content-type": multipart },
				form({ 0: '["$1:constructor:constructor"]', 1: '{"a":1}' }),
			],
			[
				"an action without JavaScript",
				{ "content-type": multipart },
				form({ $ACTION_REF_1: "", "$ACTION_1:0": '{"id":"x","bound":"$@1"}' }),
			],
			["a cycle of references", { ...action, "content-type": multipart }, form({ 0: '["$1"]', 1: '["$0"]' })],
			["text of an action", { ...action, "content-type": "text/plain;charset=UTF-8" }, '["$K1"]'],
			["text/x-component", { "content-type": "text/x-component", accept: "text/x-component", rsc: "1" }, "0:{}"],
			["a megabyte of parts", { ...action, "content-type": multipart }, form({ 0: `["${"$1".repeat(500_000)}"]` })],
		];
		const targets = [...addresses, "/_next/static/chunks/x.js", "/scep?operation=PKIOperation"];

		it.each(bodies)("is not parsed, anywhere: %s", async (_, headers, body) => {
			for (const path of targets) {
				const { status, ms, body: said } = await get(path, { method: "POST", headers, body });
				const what = `POST ${path}: ${status}`;
				// 307: Next tells a client of its own router the address that belongs to these headers.
				expect([what, (status >= 400 && status < 500) || (status === 307 && "rsc" in headers)]).toEqual([what, true]);
				expect([what, ms < 1_000]).toEqual([what, true]);
				expect([what, said.length <= 400]).toEqual([what, true]);
			}
			expect([server.webPid(), isAlive(pid)]).toEqual([pid, true]);
			expect((await get("/api/health/live")).status).toBe(200);
		});
	});

	describe("what a browser is told", () => {
		const asked: readonly [string, string, Record<string, string>?][] = [
			...addresses.map((address) => [address, "GET"] as [string, string]),
			["/api/auth/error?error=AccessDenied", "GET"],
			["/api/auth/signout", "GET"],
			["/api/auth/nothing", "GET"],
			["/api/auth/session", "PUT"],
			["/enroll", "POST"],
			["/enroll", "HEAD"],
			["/enroll", "GET", { purpose: "prefetch" }],
			["/enroll", "GET", { host: "evil.example" }],
			["/api/auth/signin", "GET", { host: "evil.example" }],
			["/profile", "POST"],
			["/scep?operation=GetCACaps", "GET"],
			["/_next/static/nothing.js", "GET"],
			["/_next/nothing", "GET"],
			["/favicon.ico", "GET"],
		];

		it.each(asked)("of %s by %s", async (path, method, more = {}) => {
			for (const accept of ["text/html", "*/*"]) {
				const { status, headers } = await get(path, { method, headers: { accept, ...more } });
				expect(headers.get("x-content-type-options")).toBe("nosniff");
				expect(headers.get("referrer-policy")).toBe("no-referrer");
				expect(headers.has("x-powered-by")).toBe(false);
				expect(headers.has("strict-transport-security")).toBe(false);
				// What is the same for everybody, and signed.
				const cached = ["/CA", "/crl"].includes(path) && status === 200;
				expect(headers.get("cache-control")).toMatch(
					cached ? /^public, max-age=\d+(, no-transform, must-revalidate)?$/ : /^no-store(, no-transform)?$/,
				);
				if (headers.get("content-type")?.startsWith("text/html")) expectPolicy(headers, path.startsWith("/api/auth/"));
			}
		});

		function expectPolicy(headers: Headers, isSignIn: boolean): void {
			const policy = headers.get("content-security-policy") ?? "";
			expect(policy).not.toContain(",");
			const directives = new Map(policy.split("; ").map((one) => [one.split(" ", 1)[0], one.split(" ").slice(1)]));
			expect([...directives.keys()].sort()).toEqual(
				["base-uri", "default-src", "form-action", "frame-ancestors", "style-src"].sort(),
			);
			for (const name of ["base-uri", "default-src", "frame-ancestors"])
				expect(directives.get(name)).toEqual(["'none'"]);
			expect(directives.get("form-action")).toEqual(isSignIn ? ["'self'", server.idpUrl] : ["'none'"]);
			const styles = isSignIn ? ["'unsafe-inline'"] : [expect.stringMatching(/^'sha256-[\w+/=]+'$/)];
			expect(directives.get("style-src")).toEqual(styles);
		}

		it("of a file of the build: it may be kept", async () => {
			const [file] = readdirSync(join(build, "static/chunks")).filter((name) => name.endsWith(".js"));
			const { status, headers } = await get(`/_next/static/chunks/${file}`);
			expect([status, headers.get("cache-control")]).toEqual([200, "public, max-age=31536000, immutable"]);
			expect([headers.get("x-content-type-options"), headers.has("x-powered-by")]).toEqual(["nosniff", false]);
		});
	});

	it("is the same process as at the beginning", () => {
		expect([way, server.webPid(), isAlive(pid)]).toEqual([way, pid, true]);
	});
});

describe("behind TLS", () => {
	const host = "ota.example.com";
	let server: TestServer;
	beforeAll(async () => {
		server = await startServer({ env: { OTA_BASE_URL: `https://${host}` } });
	});
	afterAll(() => server.stop());

	it.each(["/", "/enroll", "/nowhere", "/api/auth/signin", "/api/auth/session", "/api/auth/nothing", "/404"])(
		"tells a browser at %s to stay there",
		async (path) => {
			const { headers } = await ask(server.url, path, { headers: { host } });
			expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
		},
	);

	it("gives cookies to TLS alone", async () => {
		const { headers } = await ask(server.url, "/enroll", { headers: { host } });
		const cookies = headers.getSetCookie();
		expect(cookies.length).toBeGreaterThan(3);
		for (const cookie of cookies)
			expect(cookie).toMatch(/^__(Secure|Host)-next-auth\..*; HttpOnly; Secure; SameSite=Lax$/);
	});
});
