/**
 * What hostile input costs the built server (`npm run bench`): malformed posts, malformed RSA blocks, slow connections, property list
 * bombs. Figures are printed and kept as JSON beside; asserted is only what must be so on any machine.
 */
import { statSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readPlist } from "../../lib/apple/plist-reader.ts";
import {
	blockShapes,
	DeviceSession,
	discover,
	loadDeviceAuthority,
	parseCertRep,
	pkcs1Block,
	requestFor,
	type ScepPayload,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { startServer, type TestServer } from "../harness/server.ts";
import { residentMegabytes } from "./cpu.ts";
import { mannWhitney } from "./mann-whitney.ts";
import { quantile, Report } from "./report.ts";
import { corpora } from "./vectors.ts";

let server: TestServer;
let device: DeviceSession;
const figures: Record<string, string | number> = {};
beforeAll(async () => {
	server = await startServer();
	const authority = loadDeviceAuthority(join(server.dataDir, "device"));
	device = new DeviceSession({ url: server.url, ...(authority ? { authority } : {}), keys: rsaKeySource() });
	await device.fetchRoot();
	await device.fetchProfileService({ user: "alice", password: "any" });
	await device.sendDeviceResponse();
});
afterAll(async () => {
	await server.stop();
	const report = new Report("hostile");
	for (const [what, figure] of Object.entries(figures)) report.row("Hostile input", { what, figure });
	report.write();
});

const pki = { "content-type": "application/x-pki-message" };
const signature = { "content-type": "application/pkcs7-signature" };
const rounded = (value: number): number => Math.round(value * 10) / 10;

async function timed(act: () => Promise<unknown>): Promise<number> {
	const start = performance.now();
	await act();
	return performance.now() - start;
}

/** Answer times of /api/health/live while something else goes on: what the event loop leaves. */
async function livenessDuring(work: Promise<unknown>): Promise<number[]> {
	const times: number[] = [];
	let going = true;
	void work.finally(() => {
		going = false;
	});
	while (going) {
		times.push(await timed(async () => (await fetch(`${server.url}/api/health/live`)).arrayBuffer()));
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	return times;
}

function refusalOf(bytes: Uint8Array): unknown {
	try {
		return readPlist(bytes);
	} catch (error) {
		return error;
	}
}

describe("hostile input", () => {
	it("10,000 malformed posts", async () => {
		const message = Buffer.from(device.buildDeviceResponse());
		const post = async (round: number): Promise<number> => {
			const body = Buffer.from(message.subarray(0, 1 + ((round * 37) % (message.length - 1))));
			const [path, headers] = round % 2 ? ["/profile", signature] : ["/scep?operation=PKIOperation", pki];
			const answer = await fetch(`${server.url}${path}`, { method: "POST", headers, body });
			await answer.arrayBuffer();
			return answer.status;
		};
		const run = async (count: number): Promise<number[]> => {
			const statuses: number[] = [];
			let next = 0;
			const worker = async () => {
				while (next < count) statuses.push(await post(next++));
			};
			await Promise.all(Array.from({ length: 16 }, worker));
			return statuses;
		};
		await run(1000);
		const log = join(server.dataDir, "log", "web.log");
		const before = { memory: residentMegabytes(server.webPid()), log: statSync(log).size };
		const work = run(10_000);
		const [statuses, live] = await Promise.all([work, livenessDuring(work)]);
		figures["10,000 malformed posts: RSS growth, MB (under 50)"] = rounded(
			residentMegabytes(server.webPid()) - before.memory,
		);
		figures["10,000 malformed posts: liveness p99 beside them, ms (event loop under 100)"] = rounded(
			quantile(live, 0.99),
		);
		const logged = (statSync(log).size - before.log) / 10_000;
		figures["10,000 malformed posts: log bytes each (under 1,000)"] = rounded(logged);
		expect(new Set(statuses)).toEqual(new Set([400]));
		expect(logged).toBeLessThan(1000);
	}, 300_000);

	it("eight RSA block shapes, 200 times each", async () => {
		const payload = device.identityPayload as ScepPayload;
		const transport = (request: Request) => fetch(request);
		const scep = await discover({ transport, payload });
		const key = rsaKeySource()();
		const times = new Map<string, number[]>(blockShapes.map((shape) => [shape, []]));
		const answers = new Set<string>();
		for (let round = 0; round < 200; round++) {
			// In another order each round: whatever else the machine does falls on all alike.
			const order = blockShapes.map((_, index) => blockShapes[(index * 3 + round) % 8] as (typeof blockShapes)[number]);
			for (const shape of order) {
				const rsaBlock = (contentKey: Uint8Array, length: number) => pkcs1Block(shape, contentKey, length);
				const garbage = Buffer.alloc(900, 0x5a);
				const sent = requestFor(payload, scep, key, "iphone", { enveloped: garbage, envelope: { rsaBlock } });
				const body = Buffer.from(sent.message);
				let answer = Buffer.alloc(0);
				const ms = await timed(async () => {
					const response = await fetch(`${server.url}/scep?operation=PKIOperation`, {
						method: "POST",
						headers: pki,
						body,
					});
					answer = Buffer.from(await response.arrayBuffer());
				});
				times.get(shape)?.push(ms);
				const reply = parseCertRep(answer, { authorities: [scep.authorities.ra, scep.authorities.top], ...sent });
				answers.add(JSON.stringify([answer.length, reply.pkiStatus, reply.failInfo, reply.failInfoText]));
			}
		}
		expect(answers.size).toBe(1);
		const good = times.get("good") ?? [];
		for (const shape of blockShapes) {
			const p = mannWhitney(good, times.get(shape) ?? []);
			const median = rounded(quantile(times.get(shape) ?? [], 0.5));
			figures[`RSA block, ${shape}: median ms, p against good (over 0.01)`] = `${median}, ${p.toFixed(3)}`;
		}
	}, 300_000);

	it("500 slow connections", async () => {
		const { hostname, port } = new URL(server.url);
		const open = (): Promise<Socket> =>
			new Promise((resolve) => {
				const socket = createConnection({ host: hostname, port: Number(port) });
				socket.on("error", () => resolve(socket));
				socket.once("connect", () => {
					socket.write("POST /profile HTTP/1.1\r\nHost: ");
					resolve(socket);
				});
			});
		const sockets = await Promise.all(Array.from({ length: 500 }, open));
		const times: number[] = [];
		for (let round = 0; round < 200; round++) {
			times.push(await timed(async () => expect((await fetch(`${server.url}/CA`)).status).toBe(200)));
		}
		figures["500 slow connections: /CA p95, ms (under 1,000)"] = rounded(quantile(times, 0.95));
		for (const socket of sockets) socket.destroy();
	}, 120_000);

	it("property list bombs", () => {
		for (const { name, bytes } of corpora("plist/measured-bombs")) {
			const start = performance.now();
			const thrown = refusalOf(bytes);
			figures[`bomb ${name}: ms to refuse (under 5)`] = rounded(performance.now() - start);
			expect(thrown).toMatchObject({ code: "malformed" });
		}
	});
});
