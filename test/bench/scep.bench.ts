/**
 * SCEP enrollments per second and what each costs the server (`npm run bench -- scep`): RSA-2048 everywhere, messages made
 * beforehand and answers judged afterwards, neither timed. The same messages serve every cell, each time on a database
 * that knows nothing of them.
 */
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makeDataDir } from "../harness/server.ts";
import type { BenchDatabase } from "./bench-database.ts";
import { type BenchServer, type BenchSettings, startBenchServer } from "./bench-server.ts";
import { type Cost, costOf } from "./cpu.ts";
import { amount, median, progress, quantile, Report } from "./report.ts";
import { insertHistory, insertWaiting, waitingId } from "./rows.ts";
import {
	askServer,
	countSuccesses,
	judgeAnswers,
	keyHash,
	type Posted,
	postAll,
	RequestPool,
	type ScepRequest,
} from "./scep-requests.ts";
import { makeScepServerAuthority, type ScepServerAuthority, scepServerRequests } from "./scepserver.ts";

const report = new Report("scep");
/** Processor time per enrollment by concurrency, ours and theirs, on an empty database. */
const compared = { ours: new Map<number, number>(), theirs: new Map<number, number>() };
let dataDir: string;
let pool: RequestPool | undefined;
beforeAll(async () => {
	dataDir = await makeDataDir();
});
afterAll(async () => {
	for (const [concurrency, theirs] of compared.theirs) {
		const ours = compared.ours.get(concurrency) ?? null;
		const ratio = ours === null ? null : ours / theirs;
		report.row("CPU ms per SCEP enrollment beside scepserver", { concurrency, ours, scepserver: theirs, ratio });
	}
	report.write();
	await rm(dataDir, { recursive: true, force: true });
});

interface Setup {
	name: string;
	settings: Omit<BenchSettings, "dataDir">;
	/** Certificates in the database before, with the concurrencies to measure there. */
	sizes: readonly (readonly [certificates: number, concurrencies: readonly number[]])[];
}

const setups: readonly Setup[] = [
	{
		name: "npm start",
		settings: { database: "SQLite" },
		sizes: [
			[0, [1, 8, 32]],
			[10_000, [1, 8, 32]],
			[100_000, [1, 8, 32]],
		],
	},
	{
		name: "npm start",
		settings: { database: "PostgreSQL" },
		sizes: [
			[0, [1, 8, 32]],
			[100_000, [1, 8, 32]],
		],
	},
	{ name: "next start", settings: { database: "SQLite", plainNext: true }, sizes: [[0, [1, 32]]] },
];

describe.each(setups)("$name, $settings.database,", ({ name, settings, sizes }) => {
	let bench: BenchServer;
	beforeAll(async () => {
		bench = await startBenchServer({ ...settings, dataDir });
		pool ??= new RequestPool(await askServer(`${bench.server.url}/scep`));
		await enroll(bench, pool.take(300), 8);
	}, 300_000);
	afterAll(() => bench.stop());

	describe.each(sizes)("%i certificates", (size, concurrencies) => {
		const certificates = amount(size);
		beforeAll(async () => {
			await bench.database.remove();
			await insertHistory(bench.database, certificates, new Date());
		}, 600_000);
		it.each(concurrencies)(
			"%i at a time",
			async (concurrency) => {
				const requests = (pool as RequestPool).take(amount(concurrency === 1 ? 1_500 : 2_000));
				const cell = { server: name, database: settings.database, certificates, concurrency };
				const wanted = isKeySetup(cell) && concurrency === 1 ? 3 : 1;
				const rounds: Round[] = [];
				while (rounds.length < wanted) rounds.push(await enroll(bench, requests, concurrency));
				tell(cell, rounds);
			},
			600_000,
		);
	});
});

describe("micromdm scepserver", () => {
	let authority: ScepServerAuthority | null = null;
	let requests: RequestPool | undefined;
	beforeAll(async () => {
		authority = await makeScepServerAuthority();
		if (!authority) report.note("scep: nothing beside it, for scepserver is not installed (Debian package scep)");
	});
	afterAll(async () => authority?.remove());

	it.each([1, 8, 32])(
		"%i at a time",
		async (concurrency) => {
			if (!authority) return;
			const server = await authority.start();
			try {
				requests ??= new RequestPool(await askServer(server.url), scepServerRequests);
				const taken = requests.take(amount(concurrency === 1 ? 1_500 : 2_000));
				let posted: Posted = { answers: [], times: [] };
				const cost = await costOf({ web: server.pid }, async () => {
					posted = await postAll(server.url, taken, concurrency);
				});
				const count = countSuccesses(requests, posted);
				const serials = server.serialNumbers();
				const twice = serials.length - new Set(serials).size;
				const words = `scepserver, ${concurrency} at a time, of ${taken.length} requests`;
				if (count < taken.length) report.note(`${words}: ${taken.length - count} were refused`);
				if (twice > 0) report.note(`${words}: ${twice} certificates have the serial number of another`);
				tell({ server: "scepserver", database: "files", certificates: 0, concurrency }, [
					{ ...cost, count, times: posted.times },
				]);
			} finally {
				await server.stop();
			}
		},
		600_000,
	);
});

interface Cell {
	server: string;
	database: string;
	certificates: number;
	concurrency: number;
}

/** What is compared with others. */
const isKeySetup = ({ server, database, certificates }: Cell): boolean =>
	server === "npm start" && database === "SQLite" && certificates === 0;

interface Round extends Cost {
	count: number;
	times: number[];
}

/** Has every request answered by a server that knows nothing of them, and judges the answers. */
async function enroll(bench: BenchServer, requests: readonly ScepRequest[], concurrency: number): Promise<Round> {
	const { server, database } = bench;
	await database.remove(waitingId);
	await insertWaiting(
		database,
		requests.map(({ challenge }) => challenge),
		new Date(),
	);
	await database.settle();
	let posted: Posted = { answers: [], times: [] };
	const cost = await costOf(bench.processes(), async () => {
		posted = await postAll(`${server.url}/scep`, requests, concurrency);
	});
	judgeAnswers(pool as RequestPool, posted);
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
function tell(cell: Cell, rounds: readonly Round[]): void {
	const figure = (of: (round: Round) => number) => median(rounds.map(of));
	const perOne = (name: string) => figure(({ cpu, count }) => (cpu[name] ?? 0) / count);
	const row = {
		...cell,
		"per second": figure(({ count, wall }) => (count * 1000) / wall),
		"p50 ms": figure(({ times }) => quantile(times, 0.5)),
		"p95 ms": figure(({ times }) => quantile(times, 0.95)),
		"CPU ms": figure(({ cpu, count }) => ((cpu.web ?? 0) + (cpu.agent ?? 0)) / count),
		web: perOne("web"),
		agent: perOne("agent"),
		postgres: cell.database === "PostgreSQL" ? perOne("postgres") : null,
		"web MB": figure(({ resident }) => resident.web ?? 0),
		"agent MB": figure(({ resident }) => resident.agent ?? 0),
		"others' cores": figure(({ others }) => others),
	};
	report.row("SCEP enrollment, RSA-2048", row);
	report.keep(Object.values(cell).join(", "), rounds);
	const { "CPU ms": cpu, "per second": rate } = row;
	if (cell.server === "scepserver") compared.theirs.set(cell.concurrency, cpu);
	else if (isKeySetup(cell)) compared.ours.set(cell.concurrency, cpu);
	progress(`${Object.values(cell).join(", ")}: ${rate.toFixed(0)} per second, ${cpu.toFixed(2)} ms CPU each`);
}
