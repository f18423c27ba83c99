/**
 * OCSP answers per second from memory, and a revocation list of ten thousand entries: made and served (`npm run bench --
 * revocation`). Every answer is read and verified afterwards, not timed.
 */
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readCertificateList } from "../../lib/ca/crl-reading.ts";
import { verifyCertificateList } from "../../lib/ca/crl-verify.ts";
import { readOcspResponse } from "../../lib/ca/ocsp-reading.ts";
import { verifyOcspResponse } from "../../lib/ca/ocsp-verify.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { readDer, sequence } from "../../lib/der/reader.ts";
import { bitStringOctets } from "../../lib/der/values.ts";
import * as der from "../../lib/der/writer.ts";
import { makeDataDir } from "../harness/server.ts";
import { type BenchServer, startBenchServer } from "./bench-server.ts";
import { costOf } from "./cpu.ts";
import { amount, median, progress, quantile, Report } from "./report.ts";
import { insertHistory, insertWaiting } from "./rows.ts";
import { askServer, postAll, RequestPool } from "./scep-requests.ts";

const report = new Report("revocation");
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let dataDir: string;
let bench: BenchServer;
let ca: X509;
let serials: string[];

beforeAll(async () => {
	dataDir = await makeDataDir();
	bench = await startBenchServer({ dataDir, database: "SQLite" });
	const pool = new RequestPool(await askServer(`${bench.server.url}/scep`));
	const { all } = pool.server.authorities;
	ca = all
		.map((one) => readCertificate(one))
		.find((one) => one.keyUsage?.has(6) && one.basicConstraints.pathLen === 0) as X509;
	const requests = pool.take(amount(500));
	await insertWaiting(
		bench.database,
		requests.map(({ challenge }) => challenge),
		new Date(),
	);
	await postAll(`${bench.server.url}/scep`, requests, 8);
	serials = (await bench.database.read("Certificate")).map(({ serialNumber }) => String(serialNumber));
	expect(serials).toHaveLength(requests.length);
}, 300_000);
afterAll(async () => {
	agent.destroy();
	report.write();
	await bench?.stop();
	await rm(dataDir, { recursive: true, force: true });
});

interface Answer {
	status: number;
	body: Buffer;
}

function ask(path: string, body?: Uint8Array): Promise<Answer> {
	const url = new URL(path, bench.server.url);
	const headers = body ? { "content-type": "application/ocsp-request", "content-length": body.length } : {};
	return new Promise((resolve, reject) => {
		const sent = request(url, { agent, method: body ? "POST" : "GET", headers }, (response) => {
			const parts: Buffer[] = [];
			response.on("data", (part) => parts.push(part));
			response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
		});
		sent.on("error", reject).end(body);
	});
}

/** An OCSPRequest for one serial number, by SHA-1 as clients ask. */
function ocspRequest(serial: string): Uint8Array {
	const key = sequence(readDer(ca.publicKeyInfo), "SubjectPublicKeyInfo");
	key.take();
	const hash = (bytes: Uint8Array) => der.octetString(createHash("sha1").update(bytes).digest());
	const certID = der.sequenceOf(
		der.algorithmIdentifier("1.3.14.3.2.26", der.nullValue()),
		hash(ca.subject),
		hash(bitStringOctets(key.take())),
		der.integer(Buffer.from(serial, "hex")),
	);
	return der.sequenceOf(der.sequenceOf(der.sequenceOf(der.sequenceOf(certID))));
}

/** Asks `count` times, `inFlight` at once. */
async function load(count: number, inFlight: number, once: (index: number) => Promise<Answer>) {
	const answers: Answer[] = [];
	const times: number[] = [];
	let next = 0;
	const worker = async (): Promise<void> => {
		for (let index = next++; index < count; index = next++) {
			const began = performance.now();
			answers[index] = await once(index);
			times.push(performance.now() - began);
		}
	};
	const cost = await costOf(bench.processes(), async () => {
		await Promise.all(Array.from({ length: inFlight }, worker));
	});
	return { answers, times, cost };
}

describe("OCSP from memory", () => {
	it.each([
		["POST", 1],
		["POST", 32],
		["GET", 32],
	] as const)(
		"by %s, %i at a time",
		async (method, inFlight) => {
			const requests = serials.map(ocspRequest);
			const once = (index: number): Promise<Answer> => {
				const bytes = requests[index % requests.length] as Uint8Array;
				if (method === "POST") return ask("/ocsp", bytes);
				return ask(`/ocsp/${encodeURIComponent(Buffer.from(bytes).toString("base64"))}`);
			};
			await load(requests.length, 8, once);
			const rounds: Awaited<ReturnType<typeof load>>[] = [];
			for (let round = 0; round < 3; round++) rounds.push(await load(amount(10_000), inFlight, once));
			for (const { answers } of rounds) {
				for (const [index, { status, body }] of answers.entries()) {
					expect(status).toBe(200);
					const read = readOcspResponse(body);
					if (read.status !== "successful") throw new Error(read.status);
					const question = { serialNumber: serials[index % serials.length] as string, issuer: ca, now: new Date() };
					// Each once: a thousand equal answers are verified by the first.
					if (index < serials.length) expect(verifyOcspResponse(read.basic, question).status).toBe("good");
				}
			}
			const figure = (of: (round: (typeof rounds)[number]) => number) => median(rounds.map(of));
			const row = {
				method,
				concurrency: inFlight,
				"per second": figure(({ answers, cost }) => (answers.length * 1000) / cost.wall),
				"p95 ms": figure(({ times }) => quantile(times, 0.95)),
				"web CPU ms": figure(({ answers, cost }) => (cost.cpu.web ?? 0) / answers.length),
				"agent CPU ms": figure(({ answers, cost }) => (cost.cpu.agent ?? 0) / answers.length),
				"others' cores": figure(({ cost }) => cost.others),
			};
			report.row("OCSP answers from memory", row);
			progress(`OCSP by ${method}, ${inFlight} at a time: ${row["per second"].toFixed(0)} per second`);
		},
		300_000,
	);
});

describe("a revocation list of ten thousand", () => {
	it("is made once and served from memory", async () => {
		const count = amount(10_000);
		const revoked = { issuerKeyHash: ca.publicKeyHash, state: "revoked", revokedAt: new Date(), revocationReason: 1 };
		await insertHistory(bench.database, count, new Date(), revoked);
		// What the server knows of the database is ten seconds old at most.
		await new Promise((resolve) => setTimeout(resolve, 10_500));
		const made = await load(1, 1, () => ask("/crl"));
		const list = readCertificateList((made.answers[0] as Answer).body);
		verifyCertificateList(list, ca, new Date());
		expect(list.revoked.size).toBe(count);
		const served = await load(amount(2_000), 32, () => ask("/crl"));
		for (const { body } of served.answers) expect(body.length).toBe((made.answers[0] as Answer).body.length);
		report.row("Revocation list", {
			entries: count,
			octets: (made.answers[0] as Answer).body.length,
			"made in ms": made.cost.wall,
			"served per second": (served.answers.length * 1000) / served.cost.wall,
			"web CPU ms": (served.cost.cpu.web ?? 0) / served.answers.length,
			"others' cores": served.cost.others,
		});
		progress(`a list of ${count}: made in ${made.cost.wall.toFixed(0)} ms`);
	}, 300_000);
});
