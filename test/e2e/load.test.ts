/** `ota device enroll --devices`: many devices at a time against the real server, and what they leave in its database. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import Database from "better-sqlite3";
import { createDeviceAuthority, type LoadOptions, type LoadReport, runLoad } from "../device/index.ts";
import { enrollDevice } from "../harness/ota-command.ts";
import { startServer, type TestServer } from "../harness/server.ts";

let server: TestServer;
let strangers: string;

const enroll = (dataDir: string, ...args: string[]) => enrollDevice(server, dataDir, args);

function query(sql: string): Record<string, unknown>[] {
	const database = new Database(join(server.dataDir, "ota.db"), { readonly: true });
	try {
		return database.prepare(sql).all() as Record<string, unknown>[];
	} finally {
		database.close();
	}
}

describe("a load of devices", () => {
	beforeAll(async () => {
		server = await startServer();
		strangers = mkdtempSync(join(tmpdir(), "ota-strangers-"));
		createDeviceAuthority(join(strangers, "device"));
	});
	afterAll(async () => {
		rmSync(strangers, { recursive: true });
		await server.stop();
	});

	it("brings 40 of them home, 8 at a time, each with a certificate of its own", async () => {
		const { code, stdout, stderr } = await enroll(server.dataDir, "--devices", "40", "--concurrency", "8", "--json");
		expect([code, stderr]).toEqual([0, expect.any(String)]);
		const report = JSON.parse(stdout) as LoadReport;
		expect(report).toMatchObject({ ok: true, devices: 40, concurrency: 8, people: 8, failures: [] });
		expect(report.journeys).toEqual({ ok: 40, failed: 0 });
		expect(report.steps.map(({ step, count }) => [step, count])).toEqual([
			["sign in", 8],
			["profile service", 40],
			["device response", 40],
			["identity GetCACert", 80],
			["identity GetCACaps", 80],
			["identity PKIOperation", 40],
			["profile request", 40],
			["journey", 40],
		]);
		for (const { p50, p95, max } of report.steps) {
			expect([p50 > 0, p95 >= p50, max >= p95]).toEqual([true, true, true]);
		}
		expect(report.journeysPerSecond).toBeCloseTo(40 / report.wallSeconds, 0);
		expect(report.cpu.msPerJourney).toBeGreaterThan(0);
	});

	it("leaves a consistent database", () => {
		expect(query('SELECT state, count(*) AS n FROM "Enrollment" GROUP BY state')).toEqual([
			{ state: "delivered", n: 40 },
		]);
		const [certificates] = query(
			"SELECT count(*) AS n, count(DISTINCT serialNumber) AS serials, count(DISTINCT der) AS distinctOnes FROM \"Certificate\" WHERE state = 'issued'",
		);
		expect(certificates).toEqual({ n: 40, serials: 40, distinctOnes: 40 });
		expect(query("SELECT count(DISTINCT userId) AS people FROM \"Enrollment\" WHERE userId LIKE 'load-%'")).toEqual([
			{ people: 8 },
		]);
		expect(query('SELECT count(*) AS n FROM "Delivery"')).toEqual([{ n: 40 }]);
	});

	it("goes on to the client identity when asked, as one person when named, and ends with a table", async () => {
		const { code, stdout } = await enroll(
			server.dataDir,
			...["--devices", "3", "--concurrency", "1", "--user", "bob", "--client", "--mac"],
		);
		expect(code).toBe(0);
		expect(stdout).toContain("3 journeys succeeded, 0 failed");
		expect(stdout).toContain("1 at a time, of one person");
		expect(stdout).toMatch(/client PKIOperation +3 /);
		expect(stdout).toMatch(/journey +3 /);
	});

	it("counts refusals by their code and answers 1 when the devices' Apple is not trusted", async () => {
		const { code, stdout } = await enroll(strangers, "--devices", "12", "--concurrency", "4", "--json");
		expect(code).toBe(1);
		const report = JSON.parse(stdout) as LoadReport;
		expect(report).toMatchObject({ ok: false, journeys: { ok: 0, failed: 12 } });
		expect(report.failures).toEqual([
			{ code: "HTTP 403 signer_untrusted", count: 12, example: expect.stringContaining("device response") },
		]);
	});

	it("makes its devices in portions, and leaves the rest out when it is ended early", async () => {
		const authority = createDeviceAuthority(join(server.dataDir, "device"));
		const load: LoadOptions = { url: server.url, authority, devices: 7, concurrency: 2, portion: 3 };
		const told: [string, number][] = [];
		const whole = await runLoad({ ...load, progress: ({ phase, done }) => told.push([phase, done]) });
		expect(whole).toMatchObject({ ok: true, journeys: { ok: 7, failed: 0 } });
		const order = told.filter(([phase]) => phase === "devices" || phase === "journeys").map(([, done]) => done);
		expect(order).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 7]);

		const end = new AbortController();
		const progress: LoadOptions["progress"] = ({ phase, done }) => {
			if (phase === "journeys" && done === 4) end.abort();
		};
		const early = await runLoad({ ...load, progress, signal: end.signal });
		expect(early).toMatchObject({ ok: false, journeys: { failed: 0 }, failures: [] });
		expect(early.journeys.ok).toBeGreaterThanOrEqual(4);
		expect(early.journeys.ok).toBeLessThan(7);
	});

	it("answers 1 when it cannot begin", async () => {
		const { code, stdout, stderr } = await enroll(server.dataDir, "--devices", "2", "--user", "mallory", "--json");
		expect([code, stderr]).toEqual([1, expect.stringContaining("could not begin")]);
		expect(JSON.parse(stdout)).toMatchObject({ ok: false, refused: { step: "sign in" } });
	});
});
