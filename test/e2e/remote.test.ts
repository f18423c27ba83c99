/** Web processes that reach their keys over mutual TLS: token, PIN and agent belong to another process tree. */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { files } from "../../bin/agent-certificates.ts";
import { enrollDevice, loadDeviceAuthority } from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { freePorts, runBuilt, startServer, type TestServer, type Up } from "../harness/server.ts";

let folder: string;
let agent: Up;
let agentPort: number;
let upPort: number;
/** `npm run up`'s web process, and plain `next start` beside it, which serves `url`. */
let server: TestServer;
const nextKey = rsaKeySource();

const ota = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Up =>
	runBuilt("dist/bin/ota.js", { OTA_DATA_DIR: join(folder, "hsm"), ...env }, args);

/** As `ota agent certs` says it. */
const credentials = (side: "agent" | "client") => ({
	OTA_HSM_AGENT_CERT_FILE: join(folder, "tls", files[side]),
	OTA_HSM_AGENT_KEY_FILE: join(folder, "tls", files[`${side}Key`]),
	OTA_HSM_AGENT_CA_FILE: join(folder, "tls", files.ca),
});

async function startAgent(): Promise<void> {
	agent = ota(["agent", "--listen", `tls://localhost:${agentPort}`], credentials("agent"));
	await Promise.race([agent.saw(/hsm\.ready/), agent.ended]);
	if (agent.child.exitCode !== null) throw new Error(`the agent did not start:\n${agent.output()}`);
}

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "ota-remote-"));
	[agentPort, upPort] = await freePorts(2);
	expect(await ota(["ceremony"]).ended).toBe(0);
	expect(await ota(["agent", "certs", "--dir", join(folder, "tls"), "--host", "localhost"]).ended).toBe(0);
	await startAgent();
	const certificate = (name: string) => join(folder, "hsm/certs", `${name}.pem`);
	server = await startServer({
		plainNext: true,
		env: {
			PORT: String(upPort),
			OTA_HSM_AGENT: `tls://localhost:${agentPort}`,
			...credentials("client"),
			OTA_ROOT_CERT_FILE: certificate("root"),
			OTA_CA_CERT_FILE: certificate("ca"),
			OTA_RA_CERT_FILE: certificate("ra"),
			OTA_PROFILE_CERT_FILE: certificate("profile"),
		},
	});
});
afterAll(async () => {
	await server?.stop();
	agent?.child.kill("SIGTERM");
	await agent?.ended;
	await rm(folder, { recursive: true, force: true });
});

const enroll = () => {
	const authority = loadDeviceAuthority(join(server.dataDir, "device"));
	if (!authority) throw new Error("no device authority");
	return enrollDevice({ url: server.url, authority, keys: nextKey, user: "alice" });
};

describe("with the agent in another process tree", () => {
	it("a device enrolls", async () => {
		const { identity } = await enroll();
		expect(identity.certificate.length).toBeGreaterThan(0);
		expect(agent.output()).toContain("CN=next-ota web");
	});

	it("two web processes use it", async () => {
		for (const url of [server.url, `http://localhost:${upPort}`]) {
			expect((await fetch(`${url}/api/health/ready`)).status).toBe(200);
		}
		expect(agent.output()).toContain('"clients":2');
	});

	it("no token, PIN or socket is on the web's side", () => {
		for (const name of ["tokens", "pin", "softhsm2.conf", "certs", "agent.sock"]) {
			expect([name, existsSync(join(server.dataDir, name))]).toEqual([name, false]);
		}
		const secret = readFileSync(join(folder, "hsm/pin"), "utf8").trim();
		expect(`${server.webLog()}${server.output()}${agent.output()}`).not.toContain(secret);
	});

	it("an agent that dies is away, and back without a restart of anything else", async () => {
		agent.child.kill("SIGKILL");
		await agent.ended;
		const away = await fetch(`${server.url}/api/health/ready`);
		expect([away.status, await away.text()]).toEqual([503, expect.stringContaining("hsm_unavailable")]);
		await startAgent();
		await enroll();
	});
});
