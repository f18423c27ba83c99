/** The rim: statuses, problem documents, headers, and what happens while the agent or the database is away. */
import { randomBytes } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Code, OtaError } from "../../lib/errors.ts";
import type { SessionUser } from "../../lib/options.ts";
import type { Certificate, Keys, Store } from "../../lib/ports.ts";
import {
	acceptCertRep,
	type DeviceSession,
	discover,
	readIdentityProfile,
	requestFor,
	type ScepPayload,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { alice } from "../harness/ota.ts";
import { traces, type WatchedOta, watchedOta } from "../harness/watched-ota.ts";

const nextKey = rsaKeySource();
/** Operations of the agent and the store that fail, with the code they fail with. */
const away = new Map<string, Code>();
/** Operations of the agent that answer nonsense. */
const broken = new Set<string>();
let ota: WatchedOta;

beforeAll(async () => {
	ota = await watchedOta({ wrapKeys, wrapStore });
});
beforeEach(() => {
	away.clear();
	broken.clear();
	ota.person.now = alice;
});

function check(operation: string): void {
	const code = away.get(operation) ?? away.get("all");
	if (code) throw new OtaError(code, `${operation} is away`);
}

function wrapKeys(keys: Keys): Keys {
	return {
		...keys,
		sign: async (role, hash, message) => {
			check(`sign ${role}`);
			const signature = await keys.sign(role, hash, message);
			return broken.has(`sign ${role}`) ? randomBytes(signature.length) : signature;
		},
		unwrap: async (encryptedKey, length) => {
			check("unwrap");
			return keys.unwrap(encryptedKey, length);
		},
		check: async () => check("check"),
	};
}

function wrapStore(store: Store): Store {
	return new Proxy(store, {
		get(target, name) {
			const method = Reflect.get(target, name);
			if (typeof method !== "function") return method;
			return async (...args: unknown[]) => {
				check(String(name));
				return method.apply(target, args);
			};
		},
	});
}

/** A problem document that says little, and the log line that belongs to it. */
async function refused(path: string, init: RequestInit, status: number, code: Code): Promise<Headers> {
	const answer = await ota.refused(() => ota.request(path, init));
	expect([path, answer.status]).toEqual([path, status]);
	expect(answer.body.length).toBeLessThanOrEqual(400);
	expect(answer.headers.get("content-type")).toBe("application/problem+json");
	expect(answer.headers.get("cache-control")).toBe("no-store");
	expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
	const problem = JSON.parse(Buffer.from(answer.body).toString("utf8"));
	const { id } = answer.line;
	expect(id).toMatch(/^[0-9a-f]{16}$/);
	expect(Object.keys(problem).sort()).toEqual(["code", "id", "status", "title", "type"]);
	expect(problem).toMatchObject({ code, status, id });
	expect(answer.line).toMatchObject({ code, status, level: status >= 500 ? "error" : "warn" });
	return answer.headers;
}

const signature = "application/pkcs7-signature";
const post = (body: BodyInit, headers: Record<string, string> = {}): RequestInit => ({ method: "POST", body, headers });

describe("a refusal", () => {
	it.each([
		["/nothing"],
		["/enroll/"],
		["//enroll"],
		["/ENROLL"],
		["/enroll.rsc"],
		["/%65nroll"],
		["/constructor"],
		["/__proto__"],
		["/crl/"],
		["/ocsp/"],
		["/crl/0123456789abcdef.crl"],
		["/crl/..%2fCA"],
		["/CRL"],
		["/admin"],
		["/%0d%0aset-cookie:a"],
	])("of %s is 404", (path) => refused(path, {}, 404, "not_found").then(() => {}));

	it.each([
		["/", "POST", "GET, HEAD"],
		["/CA", "POST", "GET, HEAD"],
		["/enroll", "POST", "GET, HEAD"],
		["/enroll", "OPTIONS", "GET, HEAD"],
		["/crl", "POST", "GET, HEAD"],
		["/ocsp", "GET", "POST"],
		["/ocsp/MAA=", "POST", "GET, HEAD"],
		["/profile", "GET", "POST"],
		["/profile", "PUT", "POST"],
		["/scep?operation=PKIOperation", "PUT", "GET, POST"],
		["/scep?operation=GetCACert", "POST", "GET, HEAD"],
	])("of %s by %s is 405 and says what is allowed", async (path, method, allow) => {
		const headers = await refused(path, { method }, 405, "method");
		expect(headers.get("allow")).toBe(allow);
	});

	it.each(["/profile", "/scep?operation=PKIOperation"])("of 64 KiB and one octet at %s is 413", async (path) => {
		const type = { "content-type": path === "/profile" ? signature : "application/x-pki-message" };
		await refused(path, post(Buffer.alloc(65_537), type), 413, "too_large");
		await refused(path, post(Buffer.alloc(10), { ...type, "content-length": "65537" }), 413, "too_large");
		await refused(path, post(Buffer.alloc(65_536), type), 400, "malformed");
		await refused(path, post("", type), 400, "malformed");
	});

	it("of an endless body is 413 after its limit", async () => {
		let pulled = 0;
		const body = new ReadableStream({
			pull(controller) {
				pulled += 8192;
				controller.enqueue(new Uint8Array(8192));
			},
		});
		const init = { ...post(body, { "content-type": signature }), duplex: "half" } as RequestInit;
		await refused("/profile", init, 413, "too_large");
		expect(pulled).toBeLessThan(3 * 65_536);
	});

	it.each([
		["/profile", "text/xml"],
		["/profile", "application/x-www-form-urlencoded"],
		["/profile", "multipart/signed; boundary=x"],
		["/profile", "text/x-component"],
		["/scep?operation=PKIOperation", "text/html"],
		["/scep?operation=PKIOperation", "multipart/form-data; boundary=x"],
	])("at %s of %s is 415", (path, type) =>
		refused(path, post("x", { "content-type": type }), 415, "media_type").then(() => {}),
	);

	it("of a very long address or media type is short", async () => {
		await refused(`/${"a".repeat(4000)}`, {}, 404, "not_found");
		await refused("/profile", post("x", { "content-type": `${"a".repeat(5000)}/x` }), 415, "media_type");
	});

	it("without Content-Type is 415 at /profile, and read at /scep", async () => {
		await refused("/profile", post(Buffer.from("x")), 415, "media_type");
		await refused("/scep?operation=PKIOperation", post(Buffer.from("x")), 400, "malformed");
	});

	it.each(["gzip", "deflate", "br", "identity"])("of Content-Encoding %s is 415", async (encoding) => {
		const headers = { "content-type": signature, "content-encoding": encoding };
		await refused("/profile", post("x", headers), 415, "media_type");
		const scep = { "content-type": "application/x-pki-message", "content-encoding": encoding };
		await refused("/scep?operation=PKIOperation", post("x", scep), 415, "media_type");
	});

	it.each(["evil.example", "ota.example.com.evil.example", "ota.example.com:8443", "127.0.0.1", ""])(
		"for Host %j is 421 where people go, and not where devices go",
		async (host) => {
			await refused("/", { headers: { host } }, 421, "host");
			await refused("/enroll", { headers: { host } }, 421, "host");
			expect((await ota.request("/CA", { headers: { host } })).status).toBe(200);
			expect((await ota.request("/scep?operation=GetCACaps", { headers: { host } })).status).toBe(200);
			expect((await ota.request("/api/health/live", { headers: { host } })).status).toBe(200);
			await refused("/profile", post("x", { host, "content-type": signature }), 400, "malformed");
		},
	);

	it.each<[string, SessionUser | object]>([
		["without an e-mail address", { id: "mallory" }],
		["with an error in it", { error: "RefreshAccessTokenError" }],
		["with an array for an e-mail address", { id: "m", email: ["alice@example.com"] }],
		["with two at signs", { email: "alice@example.com@evil.example" }],
		["with a line end", { email: "alice@example.com\nBcc: x@example.com" }],
		["with markup", { email: "<script>@example.com" }],
	])("of a session %s is 403", async (_, session) => {
		ota.person.now = session as SessionUser;
		await refused("/enroll", {}, 403, "policy");
	});
});

describe("/enroll", () => {
	it("leads to the sign-in without a session, whatever a proxy's headers say", async () => {
		ota.person.now = null;
		const before = traces(ota.memory);
		const claims = [
			"x-forwarded-user",
			"x-ssl-client-cert",
			"x-arr-clientcert",
			"x-remote-user",
			"remote-user",
			"x-forwarded-email",
			"x-auth-request-email",
			"x-middleware-subrequest",
			"x-forwarded-client-cert",
			"authorization",
		];
		const headers = Object.fromEntries(claims.map((name) => [name, "admin@example.com"]));
		const answer = await ota.request("/enroll", { headers });
		expect(answer.status).toBe(302);
		expect(answer.headers.get("location")).toBe("https://ota.example.com/sign-in?to=%2Fenroll");
		expect(traces(ota.memory)).toEqual(before);
	});

	it.each<[string, RequestInit, number]>([
		["HEAD", { method: "HEAD" }, 200],
		["a prefetch", { headers: { "sec-purpose": "prefetch;prerender" } }, 204],
		["an old prefetch", { headers: { purpose: "prefetch" } }, 204],
		["a preview", { headers: { purpose: "preview" } }, 204],
	])("spends nothing on %s", async (_, init, status) => {
		const [before, logged, drawn] = [traces(ota.memory), ota.log.length, ota.secrets.size];
		const answer = await ota.request("/enroll", init);
		expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([status, 0]);
		expect([traces(ota.memory), ota.log.length, ota.secrets.size]).toEqual([before, logged, drawn]);
	});

	it("builds no address from a header", async () => {
		const headers = {
			"x-forwarded-host": "evil.example",
			forwarded: "host=evil.example",
			origin: "https://evil.example",
		};
		const answer = await ota.request("/enroll", { headers });
		const text = Buffer.from(await answer.arrayBuffer()).toString("latin1");
		expect(text).toContain("https://ota.example.com/profile");
		expect(text).not.toContain("evil.example");
	});
});

const fault: [string, Code][] = [
	["away", "hsm_unavailable"],
	["busy", "hsm_busy"],
];

describe("while the agent", () => {
	it.each(fault)("is %s, every step is 503 with Retry-After, and none is lost", async (_, code) => {
		const device = ota.device({ keys: nextKey });
		await device.fetchRoot();
		const step = async (path: string, message?: Uint8Array, type = signature) => {
			away.set("all", code);
			const init = message ? post(Buffer.from(message), { "content-type": type }) : {};
			expect((await refused(path, init, 503, code)).get("retry-after")).toBe("5");
			away.clear();
		};
		await step("/enroll");
		await device.fetchProfileService();
		const response = device.buildDeviceResponse();
		await step("/profile", response);
		await answerWith(device, response);
		const { sent, accept } = await scepRequest(device);
		await step("/scep?operation=PKIOperation", sent.message, "application/x-pki-message");
		device.identity = await accept();
		await step("/profile", device.buildProfileRequest());
		await device.sendProfileRequest();
	});

	it.each(["sign ca", "sign ra", "issueCertificate"])(
		"fails at %s, the certificate is made once",
		async (operation) => {
			const device = await ota.identified();
			const { sent, accept } = await scepRequest(device);
			away.set(operation, operation === "issueCertificate" ? "store_unavailable" : "hsm_unavailable");
			for (let round = 0; round < 2; round++) {
				const answer = await ota.postScep(sent.message);
				expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
			}
			const reserved = certificatesOf(device);
			expect(reserved.map(({ state }) => state)).toEqual([operation === "sign ra" ? "issued" : "reserved"]);
			away.clear();
			await accept();
			const identity = ({ serialNumber, tbs }: Certificate) => ({ serialNumber, tbs });
			expect(certificatesOf(device).map(identity)).toEqual(reserved.map(identity));
		},
	);

	it("comes back after the challenge's lifetime, what was reserved stays unsigned", async () => {
		const device = await ota.identified();
		const { sent, accept } = await scepRequest(device);
		away.set("sign ca", "hsm_unavailable");
		expect((await ota.postScep(sent.message)).status).toBe(503);
		away.clear();
		ota.clock.offset = 90 * 86_400_000;
		await expect(accept()).rejects.toMatchObject({ failInfo: 2 });
		ota.clock.offset = 0;
		expect(certificatesOf(device).map(({ state, der }) => [state, der])).toEqual([["reserved", null]]);
	});

	it("S42 signs wrongly, nothing is stored or answered", async () => {
		const device = await ota.identified();
		const { sent, accept } = await scepRequest(device);
		broken.add("sign ca");
		const answer = await ota.postScep(sent.message);
		expect(answer.status).toBe(503);
		expect(certificatesOf(device).map(({ state, der }) => [state, der])).toEqual([["reserved", null]]);
		expect(ota.log.at(-1)).toMatchObject({ level: "error", code: "hsm_unavailable" });
		broken.clear();
		await accept();
	});

	it("is away, /api/health/ready is 503 and /api/health/live 200", async () => {
		away.set("check", "hsm_unavailable");
		expect((await ota.request("/api/health/live")).status).toBe(200);
		expect((await ota.request("/api/health/ready")).status).toBe(503);
		away.clear();
		expect((await ota.request("/api/health/ready")).status).toBe(200);
	});

	function certificatesOf(device: DeviceSession) {
		const { certificates, enrollments } = ota.memory;
		return [...certificates.values()].filter((one) => enrollments.get(one.enrollmentId)?.udid === device.udid);
	}
});

describe("while the database", () => {
	const writes = [
		"startEnrollment",
		"findChallenge",
		"identifyFirst",
		"reserveCertificate",
		"findCertificate",
		"deliver",
	];
	it("is away at any of its operations, the step is 503 and can be taken again", async () => {
		const device = ota.device({ keys: nextKey });
		await device.fetchRoot();
		const fails = async (operation: string, path: string, message?: Uint8Array, type = signature) => {
			expect(writes).toContain(operation);
			away.set(operation, "store_unavailable");
			const init = message ? post(Buffer.from(message), { "content-type": type }) : {};
			const headers = await refused(path, init, 503, "store_unavailable");
			expect(headers.get("retry-after")).toBe("5");
			away.clear();
		};
		await fails("startEnrollment", "/enroll");
		await device.fetchProfileService();
		const response = device.buildDeviceResponse();
		for (const operation of ["findChallenge", "identifyFirst"]) await fails(operation, "/profile", response);
		await answerWith(device, response);
		const { sent, accept } = await scepRequest(device);
		for (const operation of ["findChallenge", "reserveCertificate"]) {
			await fails(operation, "/scep?operation=PKIOperation", sent.message, "application/x-pki-message");
		}
		device.identity = await accept();
		const asked = device.buildProfileRequest();
		for (const operation of ["findCertificate", "deliver"]) await fails(operation, "/profile", asked);
		await device.sendProfileRequest();
	});
});

/** Takes the identity profile that answers this very message. */
async function answerWith(device: DeviceSession, response: Uint8Array): Promise<void> {
	const profile = await device.postProfile("device response", response);
	device.identityPayload = readIdentityProfile(device.verifyProfile(profile, "identity profile"));
	const { attempts } = [...ota.memory.enrollments.values()].find(({ udid }) => udid === device.udid) ?? {};
	expect(attempts).toBe(1);
}

/** A SCEP message, to be sent more than once. */
async function scepRequest(device: DeviceSession) {
	const payload = device.identityPayload as ScepPayload;
	const server = await discover({ transport: ota.transport, payload });
	const key = nextKey();
	const sent = requestFor(payload, server, key, "iphone");
	const accept = async () => {
		const body = new Uint8Array(await (await ota.postScep(sent.message)).arrayBuffer());
		return acceptCertRep(body, sent, key, server, new Date());
	};
	return { sent, accept };
}
