import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { enrollDevice } from "../harness/ota-command.ts";
import { bothWays, startServer, type TestServer } from "../harness/server.ts";

let server: TestServer;

const enroll = (...args: string[]) => enrollDevice(server, server.dataDir, args);

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
