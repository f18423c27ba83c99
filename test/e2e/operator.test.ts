/** An operator's commands in processes of their own, beside a running server that knows of nothing but the database. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { OpenSsl } from "../harness/openssl.ts";
import { enrollDevice, runOta } from "../harness/ota-command.ts";
import { startServer, type TestServer } from "../harness/server.ts";

describe("an operator beside a running server", () => {
	const openssl = new OpenSsl();
	let server: TestServer;
	let serialNumber: string;
	const ota = (...args: string[]) => {
		const { status, stdout, stderr } = runOta(args, server.dataDir, { OTA_DATA_DIR: server.dataDir });
		return { status, stdout, stderr };
	};
	const enroll = (user: string) => enrollDevice(server, server.dataDir, ["--user", user, "--json"]);
	beforeAll(async () => {
		server = await startServer();
		const { stdout } = await enroll("alice");
		serialNumber = (JSON.parse(stdout) as { identity: { serialNumber: string } }).identity.serialNumber.toLowerCase();
	});
	afterAll(async () => {
		openssl.remove();
		await server.stop();
	});

	it("mints challenges: one a line and nothing else", () => {
		const { status, stdout } = ota("scep", "challenge", "--subject-from-csr", "--count", "3");
		expect(status).toBe(0);
		expect(stdout).toMatch(/^(?:[0-9a-f]{64}\n){3}$/);
	});

	it("sees who has a certificate, and finds nothing wrong with any", () => {
		expect(ota("ca", "devices").stdout).toMatch(/^[0-9a-f]{16} {2}current {2}2 certificates of 1 devices {2}CN=/);
		expect(ota("check-issued")).toMatchObject({ status: 0, stdout: "" });
	});

	it("revokes a person: the list has every certificate, and nobody of that name enrolls until the block is lifted", async () => {
		const { status, stdout } = ota("revoke", "--person", "alice@example.com", "--reason", "affiliationChanged");
		expect(status).toBe(0);
		expect(stdout).toContain(`${serialNumber}  revoked  affiliationChanged  since `);
		const response = await fetch(`${server.url}/crl`);
		const list = openssl.file("now.crl", new Uint8Array(await response.arrayBuffer()));
		expect(openssl.run("crl", "-inform", "DER", "-in", list, "-noout", "-text").toLowerCase()).toContain(serialNumber);
		expect((await enroll("alice")).code).toBe(1);
		expect((await enroll("bob")).code).toBe(0);
		expect(ota("revoke", "--person", "alice@example.com", "--lift").status).toBe(0);
		expect((await enroll("alice")).code).toBe(0);
		expect(ota("check-issued")).toMatchObject({ status: 0, stdout: "" });
	});
});
