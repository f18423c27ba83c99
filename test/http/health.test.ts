import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { signIn } from "../harness/browser.ts";
import { childrenOf } from "../harness/processes.ts";
import { bothWays, startServer, type TestServer } from "../harness/server.ts";

let server: TestServer;

/** A child of `up` by the end or the beginning of its command; 0 when there is none. */
const childPid = (command: RegExp) => childrenOf(server.pid).find((child) => command.test(child.command))?.pid ?? 0;
const agentPid = () => childPid(/ota\.js agent$/);

const get = (path: string) => fetch(`${server.url}${path}`);

async function until(condition: () => Promise<boolean>): Promise<void> {
	const end = performance.now() + 20_000;
	while (!(await condition())) {
		if (performance.now() > end) throw new Error("it did not happen within 20 s");
		await new Promise((done) => setTimeout(done, 50));
	}
}

describe.each(bothWays)("health under %s", (_, settings) => {
	beforeAll(async () => {
		server = await startServer(settings);
	});
	afterAll(() => server.stop());

	it("is live and ready once up says so", async () => {
		for (const path of ["/api/health/live", "/api/health/ready"]) {
			const response = await get(path);
			expect([path, response.status, response.headers.get("cache-control")]).toEqual([path, 200, "no-store"]);
		}
	});

	it("answers under any name, for load balancers", async () => {
		const { port } = new URL(server.url);
		expect((await fetch(`http://127.0.0.1:${port}/api/health/ready`)).status).toBe(200);
	});

	it("says 503 with Retry-After while the agent hangs, and recovers by itself", async () => {
		const { browser } = await signIn(server.url, "alice");
		const pid = agentPid();
		process.kill(pid, "SIGSTOP");
		try {
			const [ready, enroll] = await Promise.all([get("/api/health/ready"), browser.visit(`${server.url}/enroll`)]);
			for (const response of [ready, enroll]) {
				expect(response.status).toBe(503);
				expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
				expect(response.headers.get("content-type")).toBe("application/problem+json");
			}
			expect((await get("/api/health/live")).status).toBe(200);
		} finally {
			process.kill(pid, "SIGCONT");
		}
		await until(async () => (await get("/api/health/ready")).status === 200);
	});

	it("starts a killed agent again and serves the next enrollment", async () => {
		const { browser } = await signIn(server.url, "bob");
		const pid = agentPid();
		process.kill(pid, "SIGKILL");
		await until(async () => agentPid() > 0 && agentPid() !== pid);
		await until(async () => (await get("/api/health/ready")).status === 200);
		expect((await browser.visit(`${server.url}/enroll`)).status).toBe(200);
		expect(server.output()).toMatch(/agent process was ended by SIGKILL/);
	});

	it("says 503 and the HSM's state while the token is away, why to the agent's log alone, and recovers by itself", async () => {
		const tokens = join(server.dataDir, "tokens");
		renameSync(tokens, `${tokens}.away`);
		try {
			const response = await get("/api/health/ready");
			const body = await response.text();
			expect([response.status, body]).toEqual([503, expect.stringContaining("hsm_unavailable")]);
			expect(JSON.parse(body).hsm).toMatch(/^(recovering|broken)$/);
			expect(body).not.toMatch(/token|pkcs11|CKR_/i);
		} finally {
			renameSync(`${tokens}.away`, tokens);
		}
		await until(async () => (await get("/api/health/ready")).status === 200);
		const log = readFileSync(join(server.dataDir, "log/agent.log"), "utf8");
		for (const state of ["recovering", "broken", "ready"]) expect(log).toContain(`"state":"${state}"`);
	});

	it("keeps PKCS#11 out of the web process", () => {
		const maps = readFileSync(join("/proc", String(server.webPid()), "maps"), "utf8");
		expect(maps).toContain("better_sqlite3.node");
		expect(maps).not.toMatch(/pkcs11|softhsm/);
	});
});
