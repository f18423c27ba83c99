import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { descendantsOf, isAlive } from "../harness/processes.ts";
import { freePorts, makeDataDir, runBuilt, startServer } from "../harness/server.ts";
import { until } from "../harness/supervised.ts";

const program = "dist/bin/start.js";
let dataDir: string;
beforeAll(async () => {
	// Leaves the keys, the certificates and the database that production would be given.
	const server = await startServer();
	dataDir = server.dataDir;
	await server.end();
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const settings = {
	NEXTAUTH_SECRET: "0123456789abcdef0123456789abcdef",
	OIDC_ISSUER: "https://sso.example.com",
	OIDC_CLIENT_ID: "ota",
	OIDC_CLIENT_SECRET: "not the real one",
};

/** Ready, or ended already. */
async function startReady() {
	const [port] = await freePorts();
	const env = { ...settings, OTA_DATA_DIR: dataDir, PORT: String(port), OTA_LISTEN: "127.0.0.1" };
	const start = runBuilt(program, env);
	await Promise.race([Promise.all([start.saw(/hsm\.ready/), start.saw(/web\.ready/)]), start.ended]);
	return { start, port };
}

describe("npm start", () => {
	it("refuses to start without sign-in, and names everything that is missing", async () => {
		const other = await makeDataDir();
		const start = runBuilt(program, { OTA_DATA_DIR: other, OTA_BASE_URL: "http://ota.example.com" });
		expect(await start.ended).toBe(1);
		const names = ["OTA_BASE_URL", "NEXTAUTH_SECRET", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"];
		for (const name of names) expect(start.output()).toContain(`  - ${name} `);
		await rm(other, { recursive: true });
	});

	it("serves with an agent of its own, and ends all of it on SIGTERM", async () => {
		const { start, port } = await startReady();
		expect((await fetch(`http://localhost:${port}/api/health/ready`)).status).toBe(200);
		const family = descendantsOf(Number(start.child.pid)).map(({ pid }) => pid);
		expect(family).toHaveLength(2);
		start.child.kill("SIGTERM");
		expect(await start.ended).toBe(0);
		expect(family.filter(isAlive)).toEqual([]);
	});

	it("goes on when nobody reads its log any more, and ends in good order", async () => {
		const { start, port } = await startReady();
		const family = descendantsOf(Number(start.child.pid));
		start.child.stdout?.destroy();
		start.child.stderr?.destroy();
		// Two lines of log at least: a child that died, and the one that took its place.
		const agentOf = (all: typeof family) => all.find(({ command }) => command.endsWith("agent"))?.pid;
		const first = agentOf(family);
		process.kill(Number(first), "SIGKILL");
		await until(() => ![undefined, first].includes(agentOf(descendantsOf(Number(start.child.pid)))));
		await until(async () => {
			const answer = await fetch(`http://localhost:${port}/api/health/ready`, { signal: AbortSignal.timeout(5_000) });
			return answer.status === 200;
		});
		start.child.kill("SIGTERM");
		expect(await start.ended).toBe(0);
		expect(family.map(({ pid }) => pid).filter(isAlive)).toEqual([]);
	});

	it("ends when the agent refuses its keys, instead of trying for ever", async () => {
		const [port] = await freePorts();
		const pin = join(dataDir, "no-such-pin");
		const OTA_CA_KEY = `pkcs11:token=ota;object=issuing-ca?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:${pin}`;
		const start = runBuilt(program, { ...settings, OTA_DATA_DIR: dataDir, OTA_CA_KEY, PORT: String(port) });
		expect(await start.ended).toBe(1);
		expect(start.output()).toContain("no-such-pin");
	});
});
