/** `ota ca devices` on a real database: who is left on which issuing CA. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/ca.ts";
import { at, issue, proceed, reserve, revocation } from "../contract/store-exchange.ts";
import { caOf, enroll } from "../harness/issued.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";

describe("ota ca devices", () => {
	let desk: OperatorDesk;
	let before: SoftwareKeys;
	let left: string;
	const type = (...args: string[]) => desk.type(run, "devices", ...args);
	beforeAll(async () => {
		[desk, before] = await Promise.all([operatorDesk(), softwareKeys()]);
		const { store, keys, folder } = desk;
		left = (await enroll(store, before, "old-phone")).reserved.serialNumber;
		const revoked = (await enroll(store, before, "revoked")).reserved.serialNumber;
		await store.revoke(revocation({ serialNumber: revoked }));
		await enroll(store, before, "reserved", "reserved");
		await enroll(store, keys, "new-phone");
		await enroll(store, keys, "new-mac");
		writeFileSync(join(folder, "old.pem"), before.authorities.ca);
		writeFileSync(join(folder, "nobody.pem"), before.authorities.root);
		writeFileSync(join(folder, "two.pem"), before.authorities.ca + before.authorities.root);
	});
	afterAll(() => desk.leave());

	it.each([
		[[]],
		[["device"]],
		[["devices", "--on", "0123"]],
		[["devices", "--on", "no-such.pem"]],
		[["devices", "all"]],
	])("answers 2 and its usage to %j", async (args) => {
		const { code, out, err } = await desk.type(run, ...args);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toContain("usage: ota ca devices");
	});

	it("answers 2 to a file of two certificates", async () => {
		expect((await type("--on", join(desk.folder, "two.pem"))).code).toBe(2);
	});

	it("counts what lives, of every generation that has something", async () => {
		const current = { issuer: caOf(desk.keys).publicKeyHash, role: "current", certificates: 2, devices: 2 };
		const former = { issuer: caOf(before).publicKeyHash, role: "not configured", certificates: 1, devices: 1 };
		const { code, out } = await type("--json");
		expect(code).toBe(0);
		expect(JSON.parse(out)).toEqual([
			{ ...current, subject: "CN=Example & Söhne Issuing CA,O=Example & Söhne" },
			{ ...former, subject: "CN=Example & Söhne Issuing CA,O=Example & Söhne" },
		]);
		expect((await type()).out).toContain(`${current.issuer.slice(0, 16)}  current  2 certificates of 2 devices  CN=`);
	});

	it("names the CA before, where it is configured", async () => {
		const env = { OTA_CA_OLD_CERT_FILE: join(desk.folder, "old.pem") };
		const [, former] = JSON.parse((await desk.typeWith(env, run, "devices", "--json")).out) as { role: string }[];
		expect(former?.role).toBe("before");
	});

	it("lists who is left on the CA of a file, or by its key", async () => {
		for (const on of [join(desk.folder, "old.pem"), caOf(before).publicKeyHash.slice(0, 16).toUpperCase()]) {
			const { code, out } = await type("--on", on);
			expect(code).toBe(0);
			expect(out).toMatch(/^[^\n]*\n$/);
			for (const part of [left, "udid-old-phone", "user-old-phone@example.com", "identity", "until 20"]) {
				expect(out).toContain(part);
			}
			const [listed] = JSON.parse((await type("--on", on, "--json")).out) as Record<string, unknown>[];
			expect(listed).toMatchObject({ serialNumber: left, purpose: "identity", device: { udid: "udid-old-phone" } });
		}
	});

	it("says that nobody is left, which is no failure", async () => {
		const { code, out, err } = await type("--on", join(desk.folder, "nobody.pem"));
		expect({ code, out }).toEqual({ code: 0, out: "" });
		expect(err).toContain("Nobody is left");
		expect((await type("--on", "0123456789abcdef", "--json")).out).toBe("[]\n");
	});

	it("lays certificates of a time before generations to the current CA, as the server does", async () => {
		const { store, keys } = desk;
		await proceed(store, "ancient", "identified");
		const { certificate, ...more } = reserve("ancient");
		const notAfter = new Date(Date.now() + 86_400_000);
		await store.reserveCertificate({ ...more, certificate: { ...certificate, issuerKeyHash: "", notAfter } });
		await store.issueCertificate({ ...issue("ancient", 1, at(3001)), der: (await enroll(store, keys, "twin")).der });
		const { out } = await type("--on", caOf(keys).publicKeyHash);
		expect(out).toContain("udid-ancient");
	});
});
