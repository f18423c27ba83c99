import { readdirSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { descendantsOf, isAlive } from "../harness/processes.ts";
import { freePorts, listenAnywhere, makeDataDir, runUp, startServer, type TestServer } from "../harness/server.ts";
import { until } from "../harness/supervised.ts";

let dataDir: string;
let server: TestServer;
let secrets: string;
beforeAll(async () => {
	server = await startServer();
	dataDir = server.dataDir;
	secrets = readSecrets();
});
afterAll(() => server.stop());

const readSecrets = () =>
	["pin", "nextauth-secret", "oidc-secret", "certs/root.pem", "device/roots.pem"]
		.map((name) => readFileSync(join(dataDir, name), "utf8"))
		.join();

describe("npm run up", () => {
	it("says where it is, what to try and where the state lies", () => {
		expect(server.output()).toContain(`next-ota is ready:  ${server.url}`);
		expect(server.output()).toContain("npx ota device enroll --user alice");
		expect(server.output()).toContain(dataDir);
	});

	it("says in words, and only in words, that it trusts the emulated device", () => {
		expect(server.output()).toContain("Trusting the emulated device's root beside Apple's (OTA_DEVICE_ROOTS)");
		expect(server.output()).not.toContain("config.device_roots");
	});

	it("keeps its state to its owner", () => {
		expect(statSync(dataDir).mode & 0o777).toBe(0o700);
		for (const name of ["pin", "nextauth-secret", "oidc-secret", "ota.db", "softhsm2.conf"]) {
			expect([name, statSync(join(dataDir, name)).mode & 0o077]).toEqual([name, 0]);
		}
		const folders = ["device", "tokens", "log", "profiles"];
		for (const name of folders) expect([name, statSync(join(dataDir, name)).mode & 0o077]).toEqual([name, 0]);
	});

	it("writes the payload templates", () => {
		expect(readdirSync(join(dataDir, "profiles"))).toEqual(["10-wifi.plist", "20-web-clip.plist", "30-root.plist"]);
	});

	it("refuses a second one on the same data directory", async () => {
		const [port, idpPort] = await freePorts();
		const second = runUp({ OTA_DATA_DIR: dataDir, PORT: String(port), OTA_IDP_PORT: String(idpPort) });
		expect(await second.ended).toBe(1);
		expect(second.output()).toMatch(new RegExp(`OTA_DATA_DIR: .* in use by another .*\\(process ${server.pid}\\)`));
	});

	it("names PORT and OTA_IDP_PORT when they are taken", async () => {
		const [one, two] = await Promise.all([listenAnywhere(), listenAnywhere()]);
		const other = await makeDataDir();
		const up = runUp({ OTA_DATA_DIR: other, PORT: String(one.port), OTA_IDP_PORT: String(two.port) });
		expect(await up.ended).toBe(1);
		expect(up.output()).toContain(`PORT: port ${one.port} is taken`);
		expect(up.output()).toContain(`OTA_IDP_PORT: port ${two.port} is taken`);
		await Promise.all([one.close(), two.close(), rm(other, { recursive: true })]);
	});

	it("lists every fault of the configuration at once", async () => {
		const other = await makeDataDir();
		const env = { OTA_DATA_DIR: other, PORT: "none", OTA_LIMIT_LIVE: "-1", OTA_CA_KEY: "key.pem" };
		const up = runUp(env);
		expect(await up.ended).toBe(1);
		for (const name of ["PORT", "OTA_LIMIT_LIVE", "OTA_CA_KEY"]) expect(up.output()).toContain(`  - ${name} `);
		await rm(other, { recursive: true });
	});

	it("ends within 10 s of SIGTERM, every child with it, and starts again in under 10 s with the same keys", async () => {
		const family = [server.pid, ...descendantsOf(server.pid).map(({ pid }) => pid)];
		expect(family.length).toBeGreaterThanOrEqual(4);
		const { code, ms } = await server.end();
		expect([code, ms < 10_000]).toEqual([0, true]);
		expect(family.filter(isAlive)).toEqual([]);
		const started = performance.now();
		server = await startServer({ dataDir });
		expect(performance.now() - started).toBeLessThan(10_000);
		expect(readSecrets()).toBe(secrets);
		expect((await fetch(`${server.url}/api/health/ready`)).status).toBe(200);
	});

	it("takes its children along when it is killed", async () => {
		const family = descendantsOf(server.pid).map(({ pid }) => pid);
		process.kill(server.pid, "SIGKILL");
		await until(() => !family.some(isAlive));
		server = await startServer({ dataDir });
	});

	it("takes children along that it started a moment before it is killed", async () => {
		await server.end();
		const [port, idpPort] = await freePorts();
		const up = runUp({ OTA_DATA_DIR: dataDir, PORT: String(port), OTA_IDP_PORT: String(idpPort) });
		const family = () => descendantsOf(Number(up.child.pid)).map(({ pid }) => pid);
		await until(() => family().length > 0);
		const born = family();
		up.child.kill("SIGKILL");
		await until(() => !born.some(isAlive));
		server = await startServer({ dataDir });
	});
});
