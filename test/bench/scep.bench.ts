/**
 * SCEP enrollments per second and what each costs the server (`npm run bench -- scep`): RSA-2048 everywhere, messages made
 * beforehand and answers judged afterwards, neither timed. The same messages serve every cell, each time on a database
 * that knows nothing of them.
 */
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { childrenOf } from "../harness/processes.ts";
import { makeDataDir, type ServerSettings, startServer, type TestServer } from "../harness/server.ts";
import { type BenchDatabase, embeddedDatabase } from "./bench-database.ts";
import { type Cost, costOf } from "./cpu.ts";
import { amount, median, progress, quantile, Report } from "./report.ts";
import { insertHistory, insertWaiting, waitingId } from "./rows.ts";
import {
	askServer,
	judgeAnswers,
	keyHash,
	type Posted,
	postAll,
	RequestPool,
	type ScepRequest,
} from "./scep-requests.ts";

const title = "SCEP enrollment, RSA-2048";
const report = new Report("scep");
let dataDir: string;
let pool: RequestPool | undefined;
beforeAll(async () => {
	dataDir = await makeDataDir();
});
afterAll(async () => {
	report.write();
	await rm(dataDir, { recursive: true, force: true });
});

interface Setup {
	name: string;
	settings: ServerSettings;
	/** Certificates in the database before, with the concurrencies to measure there. */
	sizes: readonly (readonly [certificates: number, concurrencies: readonly number[]])[];
}

const setups: readonly Setup[] = [
	{
		name: "npm start",
		settings: {},
		sizes: [
			[0, [1, 8, 32]],
			[10_000, [1, 8, 32]],
			[100_000, [1, 8, 32]],
		],
	},
	{ name: "next start", settings: { plainNext: true }, sizes: [[0, [1, 32]]] },
];

describe.each(setups)("$name", ({ name, settings, sizes }) => {
	let server: TestServer;
	let database: BenchDatabase;
	beforeAll(async () => {
		server = await startServer({ ...settings, dataDir });
		database = embeddedDatabase(dataDir);
		pool ??= new RequestPool(await askServer(`${server.url}/scep`));
		await enroll(server, database, pool.take(300), 8);
	}, 300_000);
	afterAll(async () => {
		await database.close();
		await server.end();
	});

	describe.each(sizes)("%i certificates", (size, concurrencies) => {
		const certificates = amount(size);
		beforeAll(async () => {
			await database.remove();
			await insertHistory(database, certificates, new Date());
		}, 600_000);
		it.each(concurrencies)(
			"%i at a time",
			async (concurrency) => {
				const requests = (pool as RequestPool).take(amount(concurrency === 1 ? 1_500 : 3_000));
				const isKey = name === "npm start" && certificates === 0 && concurrency === 1;
				const rounds: Round[] = [];
				while (rounds.length < (isKey ? 3 : 1)) rounds.push(await enroll(server, database, requests, concurrency));
				tell({ server: name, database: database.name, certificates, concurrency }, rounds);
			},
			600_000,
		);
	});
});

interface Round extends Cost {
	count: number;
	times: number[];
}

/** Has every request answered by a server that knows nothing of them, and judges the answers. */
async function enroll(
	server: TestServer,
	database: BenchDatabase,
	requests: readonly ScepRequest[],
	concurrency: number,
): Promise<Round> {
	await database.remove(waitingId);
	await insertWaiting(
		database,
		requests.map(({ challenge }) => challenge),
		new Date(),
	);
	await database.settle();
	const agent = childrenOf(server.pid).find(({ command }) => command.endsWith("dist/bin/ota.js agent"))?.pid ?? 0;
	let posted: Posted = { answers: [], times: [] };
	const cost = await costOf({ web: server.webPid(), agent }, async () => {
		posted = await postAll(`${server.url}/scep`, requests, concurrency);
	});
	judgeAnswers((pool as RequestPool).server, requests, posted);
	await judgeCertificates(database, requests);
	return { ...cost, count: requests.length, times: posted.times };
}

/** Each of these keys has one issued certificate, and no serial number is there twice. */
async function judgeCertificates(database: BenchDatabase, requests: readonly ScepRequest[]): Promise<void> {
	const issued = (await database.read("Certificate", waitingId)).filter(({ state, der }) => state === "issued" && der);
	const keys = new Set(issued.map(({ publicKeyHash }) => publicKeyHash));
	expect(requests.filter(({ key }) => !keys.has(keyHash(key)))).toEqual([]);
	expect(issued.length).toBe(requests.length);
	expect(new Set(issued.map(({ serialNumber }) => serialNumber)).size).toBe(requests.length);
}

/** The row of a cell: the median of its rounds. */
function tell(cell: Record<string, string | number>, rounds: readonly Round[]): void {
	const figure = (of: (round: Round) => number) => median(rounds.map(of));
	const perOne = (name: "web" | "agent") => figure(({ cpu, count }) => (cpu[name] ?? 0) / count);
	const row = {
		...cell,
		"per second": figure(({ count, wall }) => (count * 1000) / wall),
		"p50 ms": figure(({ times }) => quantile(times, 0.5)),
		"p95 ms": figure(({ times }) => quantile(times, 0.95)),
		"CPU ms": figure(({ cpu, count }) => ((cpu.web ?? 0) + (cpu.agent ?? 0)) / count),
		web: perOne("web"),
		agent: perOne("agent"),
		"web MB": figure(({ resident }) => resident.web ?? 0),
		"agent MB": figure(({ resident }) => resident.agent ?? 0),
		"others' cores": figure(({ others }) => others),
	};
	report.row(title, row);
	report.keep(Object.values(cell).join(", "), rounds);
	const { "CPU ms": cpu, "per second": rate } = row;
	progress(`${Object.values(cell).join(", ")}: ${rate.toFixed(0)} per second, ${cpu.toFixed(2)} ms CPU each`);
}
