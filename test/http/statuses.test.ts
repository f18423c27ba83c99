/** The same answer, whichever way the app is served: status, media type, code, and what must never be there. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bothWays, startServer, type TestServer } from "../harness/server.ts";

const problem = "application/problem+json";
const signature = { "content-type": "application/pkcs7-signature" };
const pki = { "content-type": "application/x-pki-message" };
const form = { "content-type": "application/x-www-form-urlencoded" };
const get: RequestInit = {};
const post = (body: BodyInit, headers: Record<string, string>): RequestInit => ({ method: "POST", body, headers });
const message = "/scep?operation=PKIOperation";

describe.each(bothWays)("under %s", (_way, settings) => {
	let server: TestServer;
	beforeAll(async () => {
		server = await startServer(settings);
	});
	afterAll(() => server.stop());

	const request = (path: string, init: RequestInit): Promise<Response> =>
		fetch(`${server.url}${path}`, { ...init, redirect: "manual" });

	it.each<[string, RequestInit, number, string | null, string | null]>([
		["/", get, 200, "text/html; charset=utf-8", null],
		["/CA", get, 200, "application/x-x509-ca-cert", null],
		["/CA", { method: "HEAD" }, 200, "application/x-x509-ca-cert", null],
		["/CA", { method: "POST" }, 405, problem, "method"],
		["/CA", { method: "OPTIONS" }, 405, problem, "method"],
		["/scep?operation=GetCACaps", get, 200, "text/plain", null],
		["/scep?operation=GetCACert", get, 200, "application/x-x509-ca-ra-cert", null],
		["/scep", get, 400, problem, "malformed"],
		["/scep?operation=Nonsense", get, 400, problem, "malformed"],
		[`${message}&message=AAAA`, get, 400, problem, "malformed"],
		[message, post("x", pki), 400, problem, "malformed"],
		[message, post("x", { "content-type": "text/html" }), 415, problem, "media_type"],
		[message, post("x", { ...pki, "content-encoding": "gzip" }), 415, problem, "media_type"],
		[message, post("a".repeat(65_537), pki), 413, problem, "too_large"],
		[message, { method: "PUT", body: "x" }, 405, problem, "method"],
		["/profile", get, 405, problem, "method"],
		["/profile", post("x", signature), 400, problem, "malformed"],
		["/profile", post("x", { "content-type": "text/xml" }), 415, problem, "media_type"],
		["/profile", post("a".repeat(65_537), signature), 413, problem, "too_large"],
		["/enroll", get, 302, null, null],
		["/enroll", { method: "HEAD" }, 200, null, null],
		["/enroll", post("x", form), 405, problem, "method"],
		["/enroll", { headers: { "sec-purpose": "prefetch" } }, 204, null, null],
		["/api/auth/session", get, 200, "application/json", null],
		["/api/auth/signin/oidc", post("{}", { "content-type": "application/json" }), 415, problem, "media_type"],
		["/api/auth/signin/oidc", post("a".repeat(20_000), form), 413, problem, "too_large"],
		["/api/health/live", get, 200, "application/json", null],
		["/api/health/ready", get, 200, "application/json", null],
		["/nothing", get, 404, problem, "not_found"],
	])("%s %j is %i", async (path, init, status, type, code) => {
		const response = await request(path, init);
		expect([response.status, response.headers.get("content-type")]).toEqual([status, type]);
		expect(response.headers.get("x-powered-by")).toBeNull();
		if (code) expect(await response.json()).toMatchObject({ status, code, type: "about:blank" });
		else await response.arrayBuffer();
	});

	it("hands out a root certificate that is not sent twice", async () => {
		const etag = String((await request("/CA", get)).headers.get("etag"));
		const again = await request("/CA", { headers: { "if-none-match": etag } });
		expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([304, 0]);
	});

	it("gives a body its length", async () => {
		const response = await request("/CA", get);
		const { byteLength } = await response.arrayBuffer();
		expect(byteLength).toBeGreaterThan(500);
		if (!settings.plainNext) expect(response.headers.get("content-length")).toBe(String(byteLength));
	});
});
