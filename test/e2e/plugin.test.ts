import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createDeviceAuthority } from "../device/index.ts";
import { freePorts, makeDataDir, root } from "../harness/server.ts";

const next = join(root, "node_modules/next/dist/bin/next");
const host = join(root, "test/e2e/host-app");
const ota = join(root, "dist/bin/ota.js");

let dataDir: string;
let url: string;
const children: ChildProcess[] = [];

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
	const inherited = Object.entries(process.env).filter(([name]) => !/^(OTA_|OIDC_|NEXTAUTH_|NODE_|JEST)/.test(name));
	return spawn(process.execPath, args, {
		cwd: root,
		env: { ...Object.fromEntries(inherited), NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1", ...env },
		stdio: ["ignore", "pipe", "pipe"],
	});
}

/** Runs to the end; answers what it printed on stdout. */
async function run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string> {
	const child = start(args, env);
	const chunks: [string[], string[]] = [[], []];
	child.stdout?.setEncoding("utf8").on("data", (chunk: string) => chunks[0].push(chunk));
	child.stderr?.setEncoding("utf8").on("data", (chunk: string) => chunks[1].push(chunk));
	const code = await new Promise((resolve) => child.once("close", resolve));
	if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}:\n${chunks[0].join("")}${chunks[1].join("")}`);
	return chunks[0].join("");
}

async function untilReady(): Promise<void> {
	const end = performance.now() + 20_000;
	while (performance.now() < end) {
		const ready = await fetch(`${url}/ota/api/health/ready`).then(
			(response) => response.ok,
			() => false,
		);
		if (ready) return;
		await new Promise((done) => setTimeout(done, 100));
	}
	throw new Error("the host app did not become ready");
}

beforeAll(async () => {
	dataDir = await makeDataDir();
	const [port] = await freePorts();
	url = `http://localhost:${port}`;
	// No token, no database, no setting: the build must not want any.
	await run([next, "build", host]);
	await run([ota, "ceremony", "--data-dir", dataDir]);
	createDeviceAuthority(join(dataDir, "device"));
	const env = {
		HOST_URL: url,
		HOST_DATA_DIR: dataDir,
		DATABASE_URL: `file:${join(dataDir, "host.db")}`,
		OTA_HSM_AGENT: `unix:${join(dataDir, "agent.sock")}`,
	};
	const migrate = `import { applyMigrations } from ${JSON.stringify(join(root, "dist/prisma/migrate.js"))};
		await applyMigrations(process.env.DATABASE_URL, { info() {}, warn() {}, error() {} });`;
	await run(["--input-type=module", "-e", migrate], env);
	children.push(start([ota, "agent"], { ...env, OTA_DATA_DIR: dataDir }));
	children.push(start([next, "start", host, "-H", "127.0.0.1", "-p", String(port)], env));
	await untilReady();
}, 120_000);

afterAll(async () => {
	for (const child of children) {
		const ended = new Promise((resolve) => child.once("exit", resolve));
		child.kill("SIGTERM");
		await ended;
	}
	await rm(dataDir, { recursive: true, force: true });
});

describe("the package in a host's app, under /ota", () => {
	it("takes a device through the whole exchange", async () => {
		const args = ["device", "enroll", "--url", `${url}/ota`, "--data-dir", dataDir, "--user", "carol", "--json"];
		const journey = await run([ota, ...args]);
		expect(JSON.parse(journey)).toBeTruthy();
		expect(journey).toContain("carol@host.example");
	});

	it("sends a person without a session to the host's own sign-in", async () => {
		const response = await fetch(`${url}/ota/enroll`, { redirect: "manual" });
		expect([response.status, response.headers.get("location")]).toEqual([302, "/login?to=%2Fota%2Fenroll"]);
	});

	it("answers its base path, and nothing unknown below it", async () => {
		const statuses = ["/ota", "/ota/CA", "/ota/nope"].map(async (path) => (await fetch(`${url}${path}`)).status);
		expect(await Promise.all(statuses)).toEqual([200, 200, 404]);
	});
});
