import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bothWays, root, startServer, type TestServer } from "../harness/server.ts";

let server: TestServer;

interface Run {
	code: number | null;
	stdout: string;
	stderr: string;
}

/** The command line as a person types it. */
function enroll(...args: string[]): Promise<Run> {
	const where = ["--url", server.url, "--data-dir", server.dataDir];
	const child = spawn(process.execPath, [join(root, "dist/bin/ota.js"), "device", "enroll", ...where, ...args], {
		stdio: ["ignore", "pipe", "pipe"],
	});
	const run: Run = { code: null, stdout: "", stderr: "" };
	child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
		run.stdout += chunk;
	});
	child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
		run.stderr += chunk;
	});
	return new Promise((resolve) => child.once("close", (code) => resolve({ ...run, code })));
}

describe.each(bothWays)("ota device enroll against %s", (_way, settings) => {
	beforeAll(async () => {
		server = await startServer(settings);
	});
	afterAll(() => server.stop());

	it.each([
		["an iPhone", "alice", []],
		["the same person's second iPhone", "alice", []],
		["another person's iPhone", "bob", []],
		["a Mac", "bob", ["--mac"]],
	])("enrolls %s (%s)", async (_, user, more) => {
		const serial = `T${user.toUpperCase()}0001`;
		const { code, stdout, stderr } = await enroll("--user", user, "--serial", serial, ...more);
		expect([code, stderr]).toEqual([0, expect.stringContaining("profile request")]);
		// The web clip's description names the device, the Wi-Fi's UserName the person: both come decrypted.
		expect(stdout).toContain(`UserName = ${user}@example.com`);
		expect(stdout).toContain(`device ${serial}`);
		expect(stdout).toContain("com.apple.wifi.managed");
	});

	it("prints one JSON object per journey, and nothing else, on stdout", async () => {
		const { code, stdout } = await enroll("--user", "admin", "--json");
		expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ ok: true, user: "admin" })]);
	});

	it("answers 1 for a person that the provider refuses, and 2 for words it does not know", async () => {
		expect((await enroll("--user", "mallory")).code).toBe(1);
		expect((await enroll("--colour", "blue")).code).toBe(2);
	});
});
