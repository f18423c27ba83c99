/** Our own server, as bytes on its socket: what it refuses before any step, and that it costs nothing. IDs as in the list of hostile input. */
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { signIn } from "../harness/browser.ts";
import { childrenOf, isAlive } from "../harness/processes.ts";
import { connected, type RawAnswer, type RawOptions, rawExchange } from "../harness/raw-http.ts";
import { listenAnywhere, startServer, type TestServer } from "../harness/server.ts";

let server: TestServer;
let port: number;
let webPid: number;
let drips: Promise<RawAnswer[]>;
beforeAll(async () => {
	server = await startServer({
		env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(accident)}` },
	});
	port = Number(new URL(server.url).port);
	webPid = server.webPid();
	// The slow ones run beside everything else.
	drips = Promise.all([
		drip(post("/profile", signature, { "content-length": "1000" })),
		drip("GET /CA HTTP/1.1\r\nX: "),
	]);
});
afterAll(() => server.stop());

/** What goes wrong outside every answer, in the web process, when it is told to. */
const accident = `if (process.argv[1]?.endsWith("web.js")) process.on("SIGUSR2", () => {
	Promise.reject(new Error("an injected rejection"));
	setTimeout(() => { throw new Error("an injected exception"); });
});`;

const signature = "application/pkcs7-signature";
const pki = "application/x-pki-message";
const scep = "/scep?operation=PKIOperation";

/** A request's head with the right Host. */
const head = (line: string, headers: Record<string, string> = {}): string => {
	const fields = Object.entries({ host: `localhost:${port}`, ...headers }).map(
		([name, value]) => `${name}: ${value}\r\n`,
	);
	return `${line} HTTP/1.1\r\n${fields.join("")}\r\n`;
};
const post = (path: string, type: string | null, headers: Record<string, string> = {}): string =>
	head(`POST ${path}`, { ...(type && { "content-type": type }), ...headers });

const raw = (first: string, options?: RawOptions): Promise<RawAnswer> => rawExchange(port, first, options);

/** One octet a second, until the other end has enough of it. */
function drip(first: string): Promise<RawAnswer> {
	return raw(first, { parts: Array<string>(40).fill("a"), pause: 1_000, patience: 40_000 });
}

/** The lines of the log with this in it; waits for the first. */
async function logged(what: string): Promise<string[]> {
	const end = performance.now() + 2_000;
	for (;;) {
		const lines = server.webLog().split("\n");
		const found = lines.filter((line) => line.includes(what));
		if (found.length > 0 || performance.now() > end) return found;
		await new Promise((done) => setTimeout(done, 10));
	}
}

/** A refusal that closes the connection: problem+json with a code, and one line of the log with the same id. */
async function expectRefusal(answer: RawAnswer, status: number, code: string): Promise<void> {
	expect([answer.status, answer.ended]).toEqual([status, "end"]);
	expect(answer.headers.get("content-type")).toBe("application/problem+json");
	expect(answer.headers.get("connection")).toMatch(/^close\b/);
	expect(Number(answer.headers.get("content-length"))).toBe(answer.body.length);
	const { id, ...problem } = JSON.parse(answer.body);
	expect(problem).toMatchObject({ status, code, type: "about:blank" });
	const lines = await logged(id);
	expect(lines).toHaveLength(1);
	expect(lines[0]?.length).toBeLessThan(1_000);
}

const chunk = (size: number): Buffer => Buffer.from(`${size.toString(16)}\r\n${"a".repeat(size)}\r\n`);

/** Kibibytes that the web process holds in memory. */
const memory = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${webPid}/status`, "utf8"))?.[1]);

describe("a body", () => {
	it.each([
		["S02", scep, pki],
		["P22", "/profile", signature],
		["E08", "/api/auth/signin/oidc", "application/x-www-form-urlencoded"],
	])("%s of 65,537 octets at %s is 413 before it is read, and the connection closes", async (_, path, type) => {
		await expectRefusal(await raw(post(path, type, { "content-length": "65537" })), 413, "too_large");
	});

	it("S02 is answered in full although the caller is still sending", async () => {
		const parts = Array.from({ length: 40 }, () => Buffer.alloc(16_384, 97));
		const first = post(scep, pki, { "content-length": String(parts.length * 16_384) });
		await expectRefusal(await raw(first, { parts, pause: 1 }), 413, "too_large");
	});

	it("S02 of exactly 64 KiB reaches the step", async () => {
		const first = post(scep, pki, { "content-length": "65536", connection: "close" });
		const answer = await raw(first, { parts: [Buffer.alloc(65_536)] });
		expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, "malformed"]);
	});

	it("S41 without a length, of 10 MB, is 413 after 64 KiB and is not kept", async () => {
		const before = memory();
		const parts = Array.from({ length: 160 }, () => chunk(65_536));
		const answer = await raw(post(scep, pki, { "transfer-encoding": "chunked" }), { parts, patience: 10_000 });
		expect([answer.status, answer.ended === "not"]).toEqual([413, false]);
		expect(memory() - before).toBeLessThan(50_000);
	});

	it("S41 in chunks reaches the step whole", async () => {
		const first = post(scep, pki, { "transfer-encoding": "chunked", connection: "close" });
		const answer = await raw(first, { parts: [chunk(100), chunk(60_000), "0\r\n\r\n"] });
		expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, "malformed"]);
	});

	it.each([
		["S41", scep, "text/html"],
		["S41", scep, "multipart/form-data; boundary=x"],
		["P22", "/profile", "text/xml"],
		["P22", "/profile", null],
	])("%s at %s of type %s is 415", async (_, path, type) => {
		const answer = await raw(post(path, type, { "content-length": "1", connection: "close" }), { parts: ["x"] });
		expect([answer.status, JSON.parse(answer.body).code]).toEqual([415, "media_type"]);
	});

	it("S41 in gzip is 415 at once and never unpacked", async () => {
		const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
		const before = memory();
		const encoded = { "content-encoding": "gzip", "content-length": String(bomb.length) };
		await expectRefusal(await raw(post(scep, pki, encoded), { parts: [bomb] }), 415, "media_type");
		const small = { "content-encoding": "gzip", "content-length": "10" };
		await expectRefusal(
			await raw(post("/api/auth/signin/oidc", "application/x-www-form-urlencoded", small)),
			415,
			"media_type",
		);
		expect(memory() - before).toBeLessThan(30_000);
	});

	it("that is announced is asked for only when it will be read", async () => {
		const asks = { expect: "100-continue" };
		await expectRefusal(await raw(post(scep, pki, { ...asks, "content-length": "65537" })), 413, "too_large");
		const answer = await raw(post(scep, pki, { ...asks, "content-length": "3", connection: "close" }), {
			parts: ["abc"],
		});
		expect(answer.status).toBe(100);
		expect(answer.body).toContain("HTTP/1.1 400 Bad Request");
	});

	it("P22 that drips in is 408 within 20 s and one check, as is a head within 10 s", async () => {
		const [body, headers] = (await drips) as [RawAnswer, RawAnswer];
		await expectRefusal(body, 408, "timeout");
		await expectRefusal(headers, 408, "timeout");
		expect(body.ms).toBeLessThan(23_500);
		expect(headers.ms).toBeLessThan(13_500);
		expect(body.ms).toBeGreaterThan(19_000);
	}, 45_000);
});

describe("a head", () => {
	it.each([
		["E03 with two Hosts", () => `GET /enroll HTTP/1.1\r\nHost: localhost:${port}\r\nHost: evil.example\r\n\r\n`],
		["E03 with two equal Hosts", () => `GET /CA HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n`],
		["E03 without a Host", () => "GET /CA HTTP/1.1\r\n\r\n"],
		["E03 with an absolute address", () => head("GET http://evil.example/enroll")],
		["E03 with our own absolute address", () => head(`GET http://localhost:${port}/CA`)],
		["for no address", () => head("OPTIONS *")],
		["for a tunnel", () => head("CONNECT localhost:22")],
		["with a length and chunks", () => post(scep, pki, { "content-length": "3", "transfer-encoding": "chunked" })],
		["with two lengths", () => `${post(scep, pki, { "content-length": "3" }).slice(0, -2)}Content-Length: 4\r\n\r\n`],
		["with a length that is none", () => post(scep, pki, { "content-length": "0x10" })],
		["with a folded header", () => head("GET /CA", { a: "b\r\n c" })],
		["with a blank before the colon", () => head("GET /CA", { "a ": "b" })],
		["with line ends of one octet", () => "GET /CA HTTP/1.1\nHost: a\n\n"],
		["with chunks of another size than they say", () => `${post(scep, pki, { "transfer-encoding": "chunked" })}zz\r\n`],
		["of another protocol", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
		["of no protocol at all", () => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
	])("%s is 400, and the connection closes", async (_, first) => {
		await expectRefusal(await raw(first()), 400, "malformed");
	});

	it("that is refused hides no second request behind it", async () => {
		const hidden = "GET /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n";
		const smuggled = post(scep, pki, { "content-length": String(hidden.length), "transfer-encoding": "chunked" });
		const answer = await raw(`${smuggled}0\r\n\r\n${hidden}`);
		await expectRefusal(answer, 400, "malformed");
		expect(answer.body).not.toContain("HTTP/1.1");
	});

	it("S39 of more than 16 KiB is 431", async () => {
		await expectRefusal(await raw(head(`GET ${scep}&message=${"A".repeat(20_480)}`)), 431, "header_too_large");
		await expectRefusal(await raw(head("GET /CA", { cookie: "a".repeat(20_480) })), 431, "header_too_large");
	});

	it("S39 of a little less reaches the step", async () => {
		const answer = await raw(head(`GET ${scep}&message=${"A".repeat(15_000)}`, { connection: "close" }));
		expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, "malformed"]);
	});

	it("by TRACE is 405 and says what is allowed", async () => {
		const answer = await raw(head("TRACE /", { cookie: "secret" }));
		await expectRefusal(answer, 405, "method");
		expect([answer.headers.get("allow"), answer.body.includes("secret")]).toEqual(["GET, HEAD, POST", false]);
	});

	it("leaves nothing of a query in the log", async () => {
		const answer = await raw(post(`${scep}&message=hidden-in-the-query`, pki, { "content-length": "65537" }));
		const [line = ""] = await logged(JSON.parse(answer.body).id);
		expect(JSON.parse(line)).toMatchObject({ path: "/scep", code: "too_large" });
		expect(server.webLog()).not.toContain("hidden-in-the-query");
	});
});

describe("another name", () => {
	let cookie: string;
	beforeAll(async () => {
		const { browser } = await signIn(server.url, "alice");
		cookie = String(browser.jar.header(new URL(server.url)));
	});

	const enroll = (headers: Record<string, string>) =>
		raw(head("GET /enroll", { cookie, connection: "close", ...headers }));

	it("E03 in Host is 421 where people go", async () => {
		expect((await enroll({ host: "evil.example" })).status).toBe(421);
	});

	it("E03 in a proxy's headers changes nothing in the profile", async () => {
		const evil = "evil.example";
		const answer = await enroll({ "x-forwarded-host": evil, "x-forwarded-proto": "https", forwarded: `host=${evil}` });
		expect(answer.status).toBe(200);
		expect(answer.body).toContain(`${server.url}/profile`);
		expect(answer.body).not.toContain(evil);
	});
});

describe("E09 an upgrade", () => {
	it.each(["websocket", "h2c", "TLS/1.0"])("to %s is 426, and nobody is called", async (protocol) => {
		const calls: string[] = [];
		const trap = await listenAnywhere((socket) => calls.push(String(socket.remotePort)));
		const target = `http://127.0.0.1:${trap.port}/`;
		const upgrade = { upgrade: protocol, connection: "Upgrade", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" };
		for (const path of [target, "/", `/_next/webpack-hmr?url=${target}`]) {
			await expectRefusal(
				await raw(head(`GET ${path}`, { ...upgrade, "sec-websocket-version": "13" })),
				426,
				"upgrade",
			);
		}
		expect(calls).toEqual([]);
		await trap.close();
	});
});

describe("E08 what Next's own clients send", () => {
	const action = { "next-action": "7f0000000000000000000000000000000000000000" };
	const multipart = [
		'--x\r\nContent-Disposition: form-data; name="0"\r\n\r\n{"then":"$1:__proto__:then","status":"resolved_model"}\r\n',
		'--x\r\nContent-Disposition: form-data; name="1"\r\n\r\n"$@0"\r\n--x--\r\n',
	].join("");

	it.each([
		["/", "multipart/form-data; boundary=x", action],
		["/nothing", "multipart/form-data; boundary=x", action],
		["/enroll", "text/plain;charset=UTF-8", action],
		["/profile", "text/x-component", action],
		["/api/auth/signin/oidc", "multipart/form-data; boundary=x", action],
		["/_next/static/x", "text/x-component", { rsc: "1" }],
		["/", "text/x-component", { rsc: "1", "next-router-state-tree": "%5B%22%22%5D" }],
	])("at %s as %s is refused at once", async (path, type, headers) => {
		const length = { "content-length": String(multipart.length), connection: "close" };
		const answer = await raw(post(path, type, { ...headers, ...length }), { parts: [multipart] });
		expect([404, 405, 415]).toContain(answer.status);
		expect(answer.ms).toBeLessThan(5_000);
		expect([isAlive(webPid), server.webPid()]).toEqual([true, webPid]);
	});

	it("of 1 MB is refused before it is read", async () => {
		const length = { "content-length": "1048576" };
		await expectRefusal(
			await raw(post("/", "multipart/form-data; boundary=x", { ...action, ...length })),
			404,
			"not_found",
		);
		await expectRefusal(await raw(post("/", "multipart/form-data; boundary=x", length)), 415, "media_type");
		await expectRefusal(await raw(post("/", "text/plain", length)), 413, "too_large");
	});
});

describe("one wiring", () => {
	it("has one connection to the agent after requests both ways", async () => {
		const get = async (path: string) => (await fetch(`${server.url}${path}`)).status;
		expect(await Promise.all(["/CA", "/scep?operation=GetCACert", "/api/health/ready"].map(get))).toEqual([
			200, 200, 200,
		]);
		expect((await signIn(server.url, "bob")).response.status).toBe(200);
		// Linux names both ends' path on the accepting side: one that listens (state 01), and each accepted one (03).
		const sockets = readFileSync("/proc/net/unix", "utf8")
			.split("\n")
			.filter((line) => line.endsWith(join(server.dataDir, "agent.sock")))
			.map((line) => line.trim().split(/\s+/)[5]);
		expect(sockets.sort()).toEqual(["01", "03"]);
	});
});

describe("500 slow connections", () => {
	it("do not keep the others waiting", async () => {
		const slow = await Promise.all(Array.from({ length: 500 }, () => connected(port)));
		for (const socket of slow) socket.on("error", () => undefined).write("GET /CA HTTP/1.1\r\nX: ");
		const times: number[] = [];
		for (let round = 0; round < 100; round++) {
			const started = performance.now();
			const { status, body } = await raw(head("GET /CA", { connection: "close" }));
			expect([status, body.length > 500]).toEqual([200, true]);
			times.push(performance.now() - started);
		}
		const p95 = times.sort((a, b) => a - b)[94] ?? Number.NaN;
		process.stderr.write(`500 slow connections: legitimate p95 ${p95.toFixed(1)} ms\n`);
		expect(p95).toBeLessThan(1_000);
		// Who waits longest makes room: no peer keeps more than 250.
		await until(() => slow.filter(isOpen).length <= 250);
		for (const socket of slow) socket.destroy();
	});

	const isOpen = (socket: Socket): boolean => !socket.destroyed && socket.readyState === "open";

	async function until(condition: () => boolean): Promise<void> {
		const end = performance.now() + 5_000;
		while (!condition() && performance.now() < end) await new Promise((done) => setTimeout(done, 20));
		expect(condition()).toBe(true);
	}
});

describe("D06 what nobody awaited", () => {
	it("is logged, and the process serves on", async () => {
		process.kill(webPid, "SIGUSR2");
		for (const event of ["rejection", "exception"]) {
			const [line = ""] = await logged(`Error: an injected ${event}`);
			expect([line.length > 0, line.length < 1_000]).toEqual([true, true]);
		}
		expect((await fetch(`${server.url}/api/health/ready`)).status).toBe(200);
		expect([isAlive(webPid), server.webPid()]).toEqual([true, webPid]);
	});
});

describe("SIGTERM", () => {
	it("answers what has arrived, takes nothing more, and ends with 0", async () => {
		const idle = await connected(port);
		const agent = childrenOf(server.pid).find(({ command }) => command.endsWith("ota.js agent"))?.pid ?? 0;
		process.kill(agent, "SIGSTOP");
		const inFlight = raw(head("GET /api/health/ready"));
		await new Promise((done) => setTimeout(done, 300));
		const ended = server.end();
		await new Promise((done) => setTimeout(done, 300));
		await expect(connected(port)).rejects.toThrow(/ECONNREFUSED/);
		process.kill(agent, "SIGCONT");
		const answer = await inFlight;
		expect([answer.status, answer.ended, answer.headers.get("connection")]).toEqual([200, "end", "close"]);
		const { code, ms } = await ended;
		expect([code, ms < 10_000]).toEqual([0, true]);
		idle.destroy();
	});
});
