/** Our own server by itself, with a Next and steps that misbehave on demand. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { type HttpServer, type HttpServerOptions, makeHttpServer } from "../../bin/http-server.ts";
import type { Step } from "../../lib/index.ts";
import type { Log, LogFields } from "../../lib/ports.ts";
import { connected, rawExchange } from "../harness/raw-http.ts";

let running: HttpServer | null = null;
afterEach(async () => {
	await running?.drain(0);
	running = null;
});

type Next = HttpServerOptions["next"];
type Line = LogFields & { level: string; event: string };

const nothing: Next = async (_, response) => void response.end("next");

async function start(next: Next, step?: Step, more: Partial<HttpServerOptions> = {}) {
	const lines: Line[] = [];
	const at =
		(level: string) =>
		(event: string, fields: LogFields = {}) =>
			void lines.push({ ...fields, level, event });
	const log: Log = { info: at("info"), warn: at("warn"), error: at("error") };
	const steps = new Map(step ? [["/CA", step]] : []);
	const made = makeHttpServer({
		baseUrl: "https://ota.example.com",
		trustedProxies: [],
		step: (path) => steps.get(path),
		next,
		log,
		random: randomBytes,
		...more,
	});
	running = made;
	made.server.listen(0, "127.0.0.1");
	await once(made.server, "listening");
	const { port } = made.server.address() as AddressInfo;
	const url = `http://127.0.0.1:${port}`;
	return { ...made, port, url, lines };
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

describe("D06 a failure of Next or of a step", () => {
	it.each<[string, Next, Step | undefined]>([
		["that Next rejects with", () => Promise.reject(new Error("secret")), undefined],
		[
			"that Next throws",
			() => {
				throw new Error("secret");
			},
			undefined,
		],
		["of a step", nothing, () => Promise.reject(new Error("secret"))],
		["that is no error", nothing, () => Promise.reject("secret")],
		[
			"in the middle of an answer's body",
			nothing,
			async () => new Response(new ReadableStream({ pull: (c) => c.error(new Error("secret")) })),
		],
	])("%s is 500 with an id, and the next request is served", async (_, next, step) => {
		const { url, lines } = await start(next, step);
		for (let round = 0; round < 2; round++) {
			const response = await fetch(`${url}/CA`);
			const problem = (await response.json()) as { code: string; id: string };
			expect([response.status, response.headers.get("content-type")]).toEqual([500, "application/problem+json"]);
			expect(problem.code).toBe("internal");
			expect(JSON.stringify(problem)).not.toContain("secret");
			expect(lines.at(-1)).toMatchObject({ level: "error", code: "internal", id: problem.id });
		}
		expect(lines).toHaveLength(2);
	});

	it("after the answer has begun cuts it off, so that nobody takes it for whole", async () => {
		const { port, lines } = await start(async (_, response) => {
			response.writeHead(200, { "content-length": "10" }).write("half");
			throw new Error("late");
		});
		const answer = await rawExchange(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		expect([answer.status, answer.body, answer.ended === "not"]).toEqual([200, "half", false]);
		expect(lines).toHaveLength(1);
	});
});

describe("what Next is given", () => {
	const echo: Next = async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk);
		const { method, url, headers } = request;
		response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
	};
	const claims = {
		"x-forwarded-for": "1.1.1.1, 198.51.100.7",
		"x-forwarded-host": "evil.example",
		"x-forwarded-proto": "https",
		"x-forwarded-port": "443",
		forwarded: "host=evil.example",
		"x-real-ip": "1.1.1.1",
	};
	const seen = async (url: string, init: RequestInit = {}) =>
		(await (await fetch(url, init)).json()) as { headers: Record<string, string>; body: string };

	it("has one address, the socket's, and no other word about the way", async () => {
		const { url } = await start(echo);
		const { headers } = await seen(url, { headers: claims });
		expect(headers["x-forwarded-for"]).toBe("127.0.0.1");
		for (const name of Object.keys(claims).slice(1)) expect(headers).not.toHaveProperty(name);
	});

	it("has the caller's address from a trusted proxy", async () => {
		const { url } = await start(echo, undefined, { trustedProxies: ["127.0.0.0/8"] });
		const { headers } = await seen(url, { headers: claims });
		expect(headers).toMatchObject({ "x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "https" });
	});

	it.each([0, 1, 65_536])("has a body of %i octets whole", async (length) => {
		const { url } = await start(echo);
		const body = "a".repeat(length);
		for (const sent of [body, new Blob([body]).stream()]) {
			const init = { method: "POST", body: sent, duplex: "half" } as RequestInit;
			expect(await seen(`${url}/form?x=1`, init)).toMatchObject({ method: "POST", url: "/form?x=1", body });
		}
	});

	it("may leave a body unread, and the connection serves on", async () => {
		const { port } = await start(nothing);
		const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
		const answer = await rawExchange(port, `${post}${post}`, { patience: 300 });
		expect([answer.status, answer.ended, answer.body.split("HTTP/1.1 200").length]).toEqual([200, "not", 2]);
	});
});

describe("every answer", () => {
	const hsts = async (url: string, path: string) =>
		(await fetch(`${url}${path}`)).headers.get("strict-transport-security");

	it("asks for TLS from then on, a step's, Next's and a refusal too", async () => {
		const { url } = await start(nothing, async () => new Response("step"));
		for (const path of ["/CA", "/other", "/%zz"]) expect(await hsts(url, path)).toBe("max-age=31536000");
	});

	it("says nothing of it on plain http", async () => {
		const { url } = await start(nothing, async () => new Response("step"), { baseUrl: "http://localhost:3000" });
		for (const path of ["/CA", "/other", "/%zz"]) expect(await hsts(url, path)).toBeNull();
	});
});

describe("what is no path", () => {
	it.each(["/%zz", "/%", "/enroll%ff", "/%c0%ae/enroll"])("is refused before Next's bare 500: %s", async (path) => {
		const seen: string[] = [];
		const { url } = await start(async (request, response) => {
			seen.push(request.url ?? "");
			response.end();
		});
		const answer = await fetch(`${url}${path}`);
		expect([answer.status, answer.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
		expect(seen).toEqual([]);
	});
});

describe("what a step is given and answers", () => {
	it("is a request under the public address, with the bytes as they came", async () => {
		let asked: Request | null = null;
		const { url } = await start(nothing, async (request) => {
			asked = request;
			return new Response(await request.arrayBuffer());
		});
		const response = await fetch(`${url}/CA?a=b+c%2B/`, { method: "POST", body: Buffer.from([0, 255, 13, 10]) });
		expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0, 255, 13, 10]);
		expect((asked as Request | null)?.url).toBe("https://ota.example.com/CA?a=b+c%2B/");
	});

	it("goes out with exact headers", async () => {
		const headers = new Headers({ "content-type": "application/x-x509-ca-cert" });
		for (const cookie of ["a=1", "b=2"]) headers.append("set-cookie", cookie);
		const { port } = await start(nothing, async () => new Response(Buffer.from("xyz"), { headers }));
		const { head } = await withHead(port, "GET /CA HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
		for (const line of [
			"content-type: application/x-x509-ca-cert",
			"set-cookie: a=1",
			"set-cookie: b=2",
			"content-length: 3",
		])
			expect(head).toContain(line);
		expect(head.join()).not.toMatch(/transfer-encoding|x-powered-by/i);
	});

	it.each([
		["HEAD", 200],
		["GET", 204],
		["GET", 304],
	])("has no body and no length for %s %i", async (method, status) => {
		const { port } = await start(nothing, async () => new Response(null, { status }));
		const { head, body } = await withHead(port, `${method} /CA HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
		expect([head[0]?.split(" ")[1], body]).toEqual([String(status), ""]);
		expect(head.join()).not.toMatch(/content-length|transfer-encoding/i);
	});

	it.each(["/CA/", "/ca", "/%43A", "//CA", "/CA;x", "/CA#x", "/x/../CA"])("is not asked for %s", async (path) => {
		const { port } = await start(nothing, async () => new Response("step"));
		expect((await rawExchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).body).toContain(
			"next",
		);
	});

	async function withHead(port: number, request: string) {
		const socket = await connected(port);
		let text = "";
		socket.setEncoding("latin1").on("data", (chunk: string) => {
			text += chunk;
		});
		socket.write(request);
		await once(socket, "close");
		const [head = "", body = ""] = text.split("\r\n\r\n");
		return { head: head.split("\r\n"), body };
	}
});

describe("a connection", () => {
	const held: { request: IncomingMessage; response: ServerResponse }[] = [];
	const hold: Next = async (request, response) => void held.push({ request, response });
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	afterEach(() => {
		held.length = 0;
	});

	it("gives answers in the order of its requests, and none to what is refused behind one that waits", async () => {
		const { port } = await start(hold);
		const answer = rawExchange(port, `${get}nonsense\r\n\r\n`, { patience: 500 });
		await pause(100);
		held[0]?.response.end("first");
		expect(await answer).toMatchObject({ status: 0, body: "" });
		const two = rawExchange(port, `${get}GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`, { patience: 2_000 });
		await pause(100);
		held.at(-1)?.response.end("first");
		expect((await two).body).toMatch(/^first|\r\nfirst/);
		expect((await two).body).toContain("HTTP/1.1 400");
	});

	it("is told that it was too slow", async () => {
		const timeouts = { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 };
		const { port, lines } = await start(nothing, undefined, { timeouts });
		const post = "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
		const drip = { parts: ["h", "e", "l", "l"], pause: 200, patience: 3_000 };
		expect(await rawExchange(port, post, drip)).toMatchObject({ status: 408, ended: "end" });
		expect(await rawExchange(port, "GET / HTTP/1.1\r\nX: ", drip)).toMatchObject({ status: 408, ended: "end" });
		expect(lines.map(({ code, path }) => [code, path])).toEqual([
			["timeout", "/form"],
			["timeout", ""],
		]);
	});

	it("that was opened and never used is closed without a word", async () => {
		const timeouts = { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 50 };
		const { port, lines } = await start(nothing, undefined, { timeouts });
		expect(await rawExchange(port, "")).toMatchObject({ status: 0, ended: "end" });
		expect(lines).toEqual([]);
	});

	it("that breaks off in the middle of a body reaches no step", async () => {
		let asked = 0;
		const { port, lines } = await start(async (_, response) => {
			asked += 1;
			response.end();
		});
		const socket = await connected(port);
		socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
		await pause(50);
		socket.destroy();
		await pause(100);
		expect([asked, lines]).toEqual([0, []]);
	});

	it("makes room when one peer keeps more than 250 waiting: the oldest first, and none that is served", async () => {
		const { port } = await start(hold);
		const served = await connected(port);
		served.write(get);
		await once((running as HttpServer).server, "request");
		const waiting: Socket[] = [];
		for (let count = 0; count < 260; count++) waiting.push((await connected(port)).resume());
		await pause(200);
		const gone = waiting.map(({ destroyed, readyState }) => destroyed || readyState !== "open");
		expect(gone.filter(Boolean)).toHaveLength(10);
		expect(gone.lastIndexOf(true)).toBe(9);
		held[0]?.response.end("served");
		const [answer] = await once(served, "data");
		expect(String(answer)).toContain("served");
		for (const socket of [...waiting, served]) socket.destroy();
	});

	it("counts as waiting while a request behind an answered one is still arriving", async () => {
		const { port } = await start(nothing);
		const half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nh";
		const sockets: Socket[] = [];
		for (let count = 0; count < 260; count++) {
			const socket = (await connected(port)).on("error", () => undefined).resume();
			socket.write(`${get}${half}`);
			sockets.push(socket);
		}
		await pause(300);
		const gone = sockets.filter(({ destroyed, readyState }) => destroyed || readyState !== "open");
		expect(gone).toHaveLength(10);
		for (const socket of sockets) socket.destroy();
	});

	it("says that a body is packed, and reaches nobody", async () => {
		const { port } = await start(hold);
		const head = "POST /form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
		expect((await rawExchange(port, head)).status).toBe(415);
		expect(held).toEqual([]);
	});

	it("is finished before the end when it is served, and cut off after the grace", async () => {
		const { port, drain } = await start(hold);
		const [idle, unfinished] = await Promise.all([connected(port), connected(port)]);
		unfinished.on("error", () => undefined).write("GET / HTTP");
		const inFlight = rawExchange(port, get);
		await once((running as HttpServer).server, "request");
		const started = performance.now();
		const drained = drain(1_000);
		await expect(connected(port)).rejects.toThrow(/ECONNREFUSED/);
		held[0]?.response.end("done");
		expect(await inFlight).toMatchObject({ status: 200, ended: "end" });
		await drained;
		expect(performance.now() - started).toBeLessThan(4_000);
		for (const socket of [idle, unfinished]) socket.destroy();
	});
});
