import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { sessionsFor, threadsWanted } from "../../bin/sessions.ts";
import { connectAgent } from "../../hsm/client.ts";
import { findSoftHsmModule } from "../../hsm/provision/softhsm.ts";
import { start } from "./command.ts";

let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "ota-agent-"));
	// Another token of the same person's, without any key of ours.
	await mkdir(join(folder, "other"));
	await writeFile(join(folder, "other.conf"), `directories.tokendir = ${join(folder, "other")}\n`);
	expect(await ota(["ceremony"]).ended).toBe(0);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ota = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
	start(folder, ["dist/bin/ota.js", ...args], env);

describe("ota agent", () => {
	it.each([
		["with nothing but its own defaults", {}],
		["while SOFTHSM2_CONF leads to another token", { SOFTHSM2_CONF: "other.conf" }],
		["on a socket named by a relative path", { OTA_HSM_AGENT: "unix:.ota/agent.sock" }],
		["with the fewest threads", { UV_THREADPOOL_SIZE: "1" }],
	])("serves the embedded keys %s", async (_, env) => {
		const agent = ota(["agent"], env);
		try {
			await agent.saw(/hsm\.ready/);
			const keys = connectAgent({ address: `unix:${join(folder, ".ota/agent.sock")}` });
			await keys.check();
			await Promise.all(Array.from({ length: 20 }, () => keys.sign("profile", "sha256", new Uint8Array(32))));
			await keys.close();
		} finally {
			expect(await agent.stop()).toBe(0);
		}
	});

	it("answers 2 for a configuration that trying again will not help", async () => {
		const faults = { OTA_DATA_DIR: "nowhere", OTA_HSM_AGENT: "http://x", OTA_APPROVAL: "perhaps" };
		for (const [name, value] of Object.entries(faults)) {
			expect([name, await ota(["agent"], { [name]: value }).ended]).toEqual([name, 2]);
		}
		expect(await ota(["migrate"], { DATABASE_URL: "file:x.db?mode=ro" }).ended).toBe(2);
	});

	it("keeps the caller's SOFTHSM2_CONF for keys that the caller names", async () => {
		const pin = join(folder, ".ota/pin");
		const conf = join(folder, "mine.conf");
		await writeFile(conf, await readFile(join(folder, ".ota/softhsm2.conf")));
		const module = await findSoftHsmModule();
		const uri = (object: string) => `pkcs11:token=ota;object=${object}?module-path=${module}&pin-source=file:${pin}`;
		const env = {
			OTA_CA_KEY: uri("issuing-ca"),
			OTA_RA_KEY: uri("scep-ra"),
			OTA_PROFILE_KEY: uri("profile-signing"),
			OTA_SEAL_KEY: uri("seal"),
			SOFTHSM2_CONF: conf,
		};
		const agent = ota(["agent"], env);
		await agent.saw(/hsm\.ready/);
		expect(await agent.stop()).toBe(0);
		const astray = ota(["agent"], { ...env, SOFTHSM2_CONF: join(folder, "other.conf") });
		expect(await astray.ended).not.toBe(0);
	});
});

describe("sessionsFor", () => {
	it.each([
		[undefined, 3],
		["4", 3],
		["17", 16],
		["1", 1],
		["0", 1],
		["", 1],
		["many", 1],
		["5000", 1023],
	])("leaves a thread to spare: UV_THREADPOOL_SIZE=%s", (size, sessions) => {
		expect(sessionsFor(size)).toBe(sessions);
	});

	it("fits the threads that the server gives its agent", () => {
		for (const cores of [1, 2, 8, 64]) {
			expect(sessionsFor(String(threadsWanted(cores)))).toBe(Math.max(2 * cores, 4));
		}
	});
});
