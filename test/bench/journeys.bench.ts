/**
 * Whole journeys, from GET /enroll of somebody signed in to the decrypted final profile, 32 at a time on each database
 * (`npm run bench -- journeys`): journeys per second, what each costs the server, the times of its steps, and whether the
 * web process grows. No journey may fail, and the database must be consistent afterwards.
 */
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type LoadReport, readPem } from "../device/index.ts";
import { makeDataDir, root } from "../harness/server.ts";
import type { BenchDatabase } from "./bench-database.ts";
import { type BenchServer, startBenchServer } from "./bench-server.ts";
import { assertConsistent } from "./consistency.ts";
import { type Cost, costOf } from "./cpu.ts";
import { amount, progress, Report } from "./report.ts";

const concurrency = 32;
const report = new Report("journeys");
let dataDir: string;
beforeAll(async () => {
	dataDir = await makeDataDir();
});
afterAll(async () => {
	report.write();
	await rm(dataDir, { recursive: true, force: true });
});

interface Setup {
	server: "npm start" | "next start";
	database: BenchDatabase["name"];
	/** Journeys of one load after the other on the same server; the second is the one whose figures are told. */
	loads: readonly number[];
}

const setups: readonly Setup[] = [
	{ server: "npm start", database: "SQLite", loads: [1_000, 2_000, 2_000] },
	{ server: "npm start", database: "PostgreSQL", loads: [500, 2_000] },
	{ server: "next start", database: "SQLite", loads: [500, 1_000] },
];

describe.each(setups)("$server, $database", ({ server, database, loads }) => {
	let bench: BenchServer;
	let travelled = 0;
	beforeAll(async () => {
		// The load's people begin more in a minute than people do.
		bench = await startBenchServer({
			dataDir,
			database,
			plainNext: server === "next start",
			env: { OTA_LIMIT_ENROLL: "100000" },
		});
	}, 120_000);
	afterAll(() => bench.stop());

	it.each(loads.map((devices, index) => [amount(devices), index] as const))(
		"%i journeys (load %i)",
		async (devices, index) => {
			const { cost, load } = await runLoad(bench, devices);
			travelled += devices;
			expect(load.failures).toEqual([]);
			expect(load.journeys).toEqual({ ok: devices, failed: 0 });
			report.keep(`${server}, ${database}, load ${index}`, { cost, load });
			tellMemory({ server, database }, travelled, cost);
			if (index === 1) tell({ server, database }, load, cost);
			await judgeDatabase(bench, travelled);
		},
		600_000,
	);
});

/** The report, and what the server spent from the first journey to the last. */
async function runLoad({ server, processes }: BenchServer, devices: number): Promise<{ cost: Cost; load: LoadReport }> {
	const settings = { url: server.url, devices, concurrency, folder: join(server.dataDir, "device") };
	const child = fork(join(root, "test/bench/journey-load.mjs"), [JSON.stringify(settings)], {
		execArgv: [],
		env: plain(),
	});
	const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
	const started = performance.now();
	const message = <T>(name: string) =>
		new Promise<T>((resolve, reject) => {
			child.on("message", (said: Record<string, T>) => {
				if (said[name] !== undefined) resolve(said[name]);
			});
			ended.then((code) => reject(new Error(`the load ended with ${code}`)));
		});
	const loaded = message<LoadReport>("report");
	child.on("message", ({ done }: { done?: number }) => {
		if (done) progress(`${done} of ${devices} journeys`);
	});
	await Promise.race([message("begun"), loaded]);
	progress(`${devices} devices prepared in ${((performance.now() - started) / 1000).toFixed(1)} s`);
	const cost = await costOf(processes(), () => loaded);
	const load = await loaded;
	await ended;
	return { cost, load };
}

/** Without what jest needs of Node. */
const plain = () => ({ ...process.env, NODE_OPTIONS: "" });

async function judgeDatabase({ database, server }: BenchServer, journeys: number): Promise<void> {
	const [ca] = readPem(readFileSync(join(server.dataDir, "certs/ca.pem"), "utf8"));
	await assertConsistent(database, ca as Uint8Array);
	expect(await database.read("Enrollment")).toHaveLength(journeys);
	progress(`${journeys} journeys in the database, and it is consistent`);
}

type Way = Pick<Setup, "server" | "database">;

function tell(way: Way, load: LoadReport, { cpu, others, wall }: Cost): void {
	const { devices, journeysPerSecond, wallSeconds, steps } = load;
	const perOne = (name: string) => (name in cpu ? (cpu[name] ?? 0) / devices : null);
	const journey = steps.find(({ step }) => step === "journey");
	report.row("Whole journeys, 32 at a time", {
		...way,
		journeys: devices,
		"per second": journeysPerSecond,
		seconds: wallSeconds,
		"p50 ms": journey?.p50 ?? null,
		"p95 ms": journey?.p95 ?? null,
		"CPU ms": ((cpu.web ?? 0) + (cpu.agent ?? 0)) / devices,
		web: perOne("web"),
		agent: perOne("agent"),
		postgres: perOne("postgres"),
		"device's": load.cpu.msPerJourney,
		"others' cores": Math.max(0, others - (load.cpu.userMs + load.cpu.systemMs) / wall),
	});
	for (const { step, p50, p95 } of steps) report.row("Steps of a journey, ms", { ...way, step, p50, p95 });
	progress(`${way.server}, ${way.database}: ${journeysPerSecond.toFixed(1)} journeys per second`);
}

function tellMemory(way: Way, journeys: number, { resident }: Cost): void {
	const { web = 0, agent = 0 } = resident;
	report.row("Memory after so many journeys, MB", { ...way, journeys, web, agent });
	progress(`${way.server}, ${way.database}, ${journeys} journeys: the web process has ${web.toFixed(0)} MB`);
}
