/** What a load is counted and told by, and how it shares its people and connections. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { asTable } from "../../bin/device-load.ts";
import { DeviceError, failureCode, keepAliveTransport, type LoadReport, type Transport } from "../device/index.ts";
import { crowd, firstPersonAt, People } from "../device/load-people.ts";
import { Samples, Tally } from "../device/load-report.ts";

describe("samples", () => {
	it("give quantiles by nearest rank, whatever the order and however many", () => {
		const samples = new Samples();
		for (let value = 1000; value >= 1; value--) samples.add(value);
		expect(samples.count).toBe(1000);
		expect(samples.quantiles([0, 0.5, 0.95, 1])).toEqual([1, 500, 950, 1000]);
	});

	it.each([
		[[], [0, 0, 0]],
		[[7], [7, 7, 7]],
		[
			[2, 1],
			[1, 2, 2],
		],
	])("of %j are %j", (values, expected) => {
		const samples = new Samples();
		for (const value of values) samples.add(value);
		expect(samples.quantiles([0.5, 0.95, 1])).toEqual(expected);
	});
});

describe("a failure's code", () => {
	it.each([
		["HTTP 429 rate", new DeviceError("profile service", "x", { status: 429, code: "rate" })],
		["HTTP 502", new DeviceError("PKIOperation", "x", { status: 502 })],
		["SCEP badRequest", new DeviceError("CertRep", "x", { failInfo: 2 })],
		["network ECONNREFUSED", new DeviceError("CA", "x", { code: "ECONNREFUSED" })],
		["device: CertRep", new DeviceError("CertRep", "The recipientNonce is not ours.")],
		["error: TypeError", new TypeError("x")],
	])("is %s", (code, error) => {
		expect(failureCode(error)).toBe(code);
	});

	it("is counted with its first example, the most frequent first", () => {
		const tally = new Tally();
		tally.failedWith(new DeviceError("CA", "once", { status: 500 }));
		tally.failedWith(new DeviceError("CertRep", "first", { failInfo: 2 }));
		tally.failedWith(new DeviceError("CertRep", "second", { failInfo: 2 }));
		expect(tally.failures()).toEqual([
			{ code: "SCEP badRequest", count: 2, example: "CertRep: first" },
			{ code: "HTTP 500", count: 1, example: "CA: once" },
		]);
		expect([tally.ok, tally.failed]).toEqual([0, 3]);
	});
});

describe("the table of a load", () => {
	const report: LoadReport = {
		ok: false,
		url: "http://localhost:3000",
		devices: 10,
		concurrency: 2,
		client: false,
		people: 2,
		journeys: { ok: 7, failed: 2 },
		wallSeconds: 1.5,
		journeysPerSecond: 4.67,
		preparationSeconds: 2,
		steps: [{ step: "journey", count: 7, p50: 100, p95: 200.55, max: 300 }],
		failures: [{ code: "HTTP 429 rate", count: 2, example: "profile service: Too many." }],
		cpu: { userMs: 50, systemMs: 4, msPerJourney: 6 },
	};

	it("tells journeys, rate, steps and failures", () => {
		const table = asTable(report);
		expect(table).toContain("7 journeys succeeded, 2 failed, 1 left out, in 1.5 s: 4.7 per second");
		expect(table).toMatch(/journey +7 +100\.0 +200\.6 +300\.0\n/);
		expect(table).toMatch(/ 2 {2}HTTP 429 rate {2}\(profile service: Too many\.\)\n/);
	});

	it("has no word of failures when there are none", () => {
		expect(asTable({ ...report, failures: [] })).not.toContain("failures");
	});
});

/** A server whose /enroll asks for a login and takes everybody. */
const signInPages: Transport = async (request) => {
	const { pathname } = new URL(request.url);
	if (pathname === "/enroll") return Response.redirect("http://load.test/login");
	if (request.method === "GET") {
		const form =
			'<form method="post" action="/login"><input name="login"><input type="password" name="password"></form>';
		return new Response(form, { headers: { "content-type": "text/html" } });
	}
	const user = new URLSearchParams(await request.text()).get("login") ?? "";
	return new Response(null, { status: 303, headers: { location: "/enroll", "set-cookie": `s=${user}; Path=/` } });
};

describe("the people of a load", () => {
	afterEach(() => {
		jest.restoreAllMocks();
	});
	const peopleOf = (user?: string, firstPerson = 1): People =>
		new People({
			transport: signInPages,
			url: "http://load.test",
			user,
			firstPerson,
			startsPerMinute: 3,
			signedIn: () => undefined,
		});

	it("sign in as load-1, load-2 and so on, each with a session of their own, and after the last begin again", async () => {
		const people = peopleOf(undefined, crowd - 1);
		await people.prepare(3, 1);
		const taken = [await people.take(), await people.take(), await people.take()];
		expect(taken.map(({ user, cookie }) => [user, cookie])).toEqual([
			["load-9998", "s=load-9998"],
			["load-9999", "s=load-9999"],
			["load-1", "s=load-1"],
		]);
	});

	it("begin no more within a minute than they may; then somebody else signs in, and later they may again", async () => {
		const now = jest.spyOn(performance, "now").mockReturnValue(0);
		const people = peopleOf();
		const begin = async (): Promise<string> => {
			const person = await people.take();
			people.giveBack(person);
			return person.user;
		};
		expect([await begin(), await begin(), await begin(), await begin()]).toEqual([
			"load-1",
			"load-1",
			"load-1",
			"load-2",
		]);
		now.mockReturnValue(61_001);
		expect(await begin()).toBe("load-1");
		expect(people.size).toBe(2);
	});

	it("are never in two journeys at a time", async () => {
		const people = peopleOf();
		await people.prepare(1, 1);
		const [first, second] = [await people.take(), await people.take()];
		expect([first.user, second.user]).toEqual(["load-1", "load-2"]);
	});

	it("are one and the same when one is named, signed in once and without a limit of ours", async () => {
		const people = peopleOf("alice");
		await people.prepare(8, 8);
		const taken = await Promise.all(Array.from({ length: 10 }, () => people.take()));
		expect(new Set(taken.map(({ user }) => user))).toEqual(new Set(["alice"]));
		expect(people.size).toBe(1);
	});

	it("of two loads within a minute are not the same", () => {
		const starts = Array.from({ length: 60 }, (_, second) => firstPersonAt(1_795_000_000_000 + second * 1000));
		expect(Math.min(...starts)).toBeGreaterThanOrEqual(1);
		expect(Math.max(...starts)).toBeLessThanOrEqual(crowd);
		expect(new Set(starts).size).toBe(60);
	});
});

describe("the transport of a load", () => {
	let server: Server;
	let sockets: Set<unknown>;
	let requests: number;
	const transport = keepAliveTransport(1);

	async function listen(answer: (count: number) => "answer" | "hang up"): Promise<string> {
		sockets = new Set();
		requests = 0;
		server = createServer((request, response) => {
			sockets.add(request.socket);
			requests += 1;
			if (answer(requests) === "hang up") request.socket.destroy();
			else response.writeHead(200, { "content-type": "text/plain" }).end("good");
		}).listen(0, "127.0.0.1");
		await new Promise((resolve) => server.once("listening", resolve));
		return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
	}
	afterEach(async () => {
		transport.close();
		await new Promise((resolve) => server.close(resolve));
	});
	const get = (url: string) => transport.plain?.({ method: "GET", url, headers: {} });
	const post = (url: string) => transport.plain?.({ method: "POST", url, headers: {}, body: Uint8Array.of(1) });

	it("keeps its connection for the next request", async () => {
		const url = await listen(() => "answer");
		for (const ask of [get, post, get]) {
			const answer = await ask(url);
			expect([answer?.status, answer?.header("content-type"), Buffer.from(answer?.body ?? []).toString()]).toEqual([
				200,
				"text/plain",
				"good",
			]);
		}
		expect([requests, sockets.size]).toEqual([3, 1]);
	});

	it("asks again when a kept connection turns out to be closed, but sends nothing twice", async () => {
		const url = await listen((count) => (count === 2 || count === 4 ? "hang up" : "answer"));
		await get(url);
		expect((await get(url))?.status).toBe(200);
		await expect(post(url)).rejects.toMatchObject({ code: "ECONNRESET" });
		expect(requests).toBe(4);
	});
});
