/** `ota revoke` on a real database: once, again, unknown, refused, lifted (hostile A03). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/revoke.ts";
import { readSerialNumber } from "../../bin/serial-number.ts";
import { pemCertificates, readCertificate } from "../../lib/cms/certificate.ts";
import { identify, start } from "../contract/store-exchange.ts";
import { enroll } from "../harness/issued.ts";
import { type OperatorDesk, operatorDesk, typed } from "../harness/operator-desk.ts";

describe("A03 ota revoke", () => {
	let desk: OperatorDesk;
	const type = (...args: string[]) => desk.type(run, ...args);
	const serialOf = async (id: string) => (await enroll(desk.store, desk.keys, id)).reserved.serialNumber;
	const rowOf = async (serialNumber: string) => (await desk.store.findCertificate(serialNumber))?.certificate;
	beforeAll(async () => {
		desk = await operatorDesk();
	});
	afterAll(() => desk.leave());

	it.each([
		["nothing", []],
		["two targets", ["--serial", "0a", "--device", "x"]],
		["an empty target", ["--person", ""]],
		["a flag that is none", ["--serial", "0a", "--force"]],
		["a word too many", ["--serial", "0a", "now"]],
		["a serial number that is none", ["--serial", "xyz"]],
		["the serial number 0", ["--serial", "0x00"]],
		["a serial number of 21 octets", ["--serial", "11".repeat(21)]],
		["cACompromise", ["--serial", "0a", "--reason", "cACompromise"]],
		["reason 2", ["--serial", "0a", "--reason", "2"]],
		["reason 7", ["--serial", "0a", "--reason", "7"]],
		["reason 10", ["--serial", "0a", "--reason", "10"]],
		["reason 11", ["--serial", "0a", "--reason", "11"]],
		["a reason that is none", ["--serial", "0a", "--reason", "because"]],
		["an empty reason", ["--serial", "0a", "--reason", ""]],
		["the lifting of a certificate", ["--serial", "0a", "--lift"]],
		["the lifting with a reason", ["--device", "x", "--lift", "--reason", "superseded"]],
	])("answers 2 and its usage to %s", async (_, args) => {
		const { code, out, err } = await type(...args);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toContain("usage: ota revoke");
	});

	it.each(["certificateHold", "6", "removeFromCRL", "8"])("refuses reason %s: nothing is unrevoked", async (reason) => {
		const serial = await serialOf(`hold-${reason}`);
		const { code, out, err } = await type("--serial", serial, "--reason", reason);
		expect({ code, out }).toEqual({ code: 1, out: "" });
		expect(err).toContain("nothing is ever unrevoked");
		expect((await rowOf(serial))?.state).toBe("issued");
	});

	it("revokes one certificate, and says since when the second time, when nothing changes", async () => {
		const serial = await serialOf("one");
		const spelled = (serial.toUpperCase().match(/../g) ?? []).join(":");
		const first = await type("--serial", spelled, "--reason", "keycompromise");
		const revokedAt = (await rowOf(serial))?.revokedAt?.toISOString();
		expect(first).toEqual({ code: 0, out: `${serial}  revoked  keyCompromise  since ${revokedAt}\n`, err: "" });
		const again = await type("--serial", serial, "--reason", "4");
		expect(again).toEqual({ code: 0, out: `${serial}  revoked already  keyCompromise  since ${revokedAt}\n`, err: "" });
		expect(await rowOf(serial)).toMatchObject({ state: "revoked", revocationReason: 1 });
		expect(await desk.store.listBlocks()).toEqual([]);
	});

	it("abandons what was reserved", async () => {
		const { serialNumber } = (await enroll(desk.store, desk.keys, "reserved", "reserved")).reserved;
		const { code, out } = await type("--serial", serialNumber);
		expect(code).toBe(0);
		expect(out).toMatch(/ {2}abandoned {2}never issued {2}since 2/);
	});

	it.each([
		["--serial", "0badc0ffee"],
		["--device", "00008030-00000000DEADBEEF"],
		["--person", "nobody@example.com"],
	])("answers 1 to an unknown %s", async (flag, value) => {
		const { code, out, err } = await type(flag, value);
		expect({ code, out }).toEqual({ code: 1, out: "" });
		expect(err).toContain("Nothing is known here");
	});

	it.each(["root", "ca", "ra", "profile"] as const)("refuses the %s certificate itself", async (role) => {
		const [der] = pemCertificates(desk.keys.authorities[role]);
		const { code, out, err } = await type("--serial", readCertificate(der as Uint8Array).serialNumber);
		expect({ code, out }).toEqual({ code: 1, out: "" });
		expect(err).toContain("ota keys rotate");
	});

	it("revokes and blocks a device by a name in any case, and lifts the block alone", async () => {
		const serial = await serialOf("phone");
		const revoked = await type("--device", "UDID-phone");
		expect(revoked.code).toBe(0);
		expect(revoked.out).toContain(`${serial}  revoked  cessationOfOperation  since `);
		expect(revoked.out).toContain("device udid-phone  blocked  cessationOfOperation  since ");
		const again = await type("--device", "udid-phone", "--reason", "superseded");
		expect(again.code).toBe(0);
		expect(again.out).toBe(revoked.out.replace("revoked  ", "revoked already  "));
		expect(await desk.store.isBlocked({ udid: "udid-phone" })).toBe(true);
		const lifted = await type("--device", "udid-phone", "--lift");
		expect(lifted.code).toBe(0);
		expect(lifted.out).toContain("device udid-phone  block lifted\n");
		expect(await desk.store.isBlocked({ udid: "udid-phone" })).toBe(false);
		expect((await rowOf(serial))?.state).toBe("revoked");
		const { code, err } = await type("--device", "udid-phone", "--lift");
		expect(code).toBe(1);
		expect(err).toContain("There is no block of a device udid-phone.");
	});

	it("revokes and blocks a person by the e-mail address, with what is under way", async () => {
		const serial = await serialOf("person");
		await desk.store.startEnrollment(start("under-way", "user-person"));
		await desk.store.identifyFirst(identify("under-way"));
		const { code, out } = await type("--person", "USER-person@example.com");
		expect(code).toBe(0);
		expect(out).toContain(`${serial}  revoked  privilegeWithdrawn  since `);
		expect(out).toContain("person user-person  blocked  privilegeWithdrawn  since ");
		expect((await desk.store.findChallenge(identify("under-way").challengeHash))?.isBlocked).toBe(true);
	});

	it("explains itself when asked", async () => {
		const { code, out } = await type("--help");
		expect(code).toBe(0);
		expect(out).toContain("usage: ota revoke");
	});
});

describe("a command for operators", () => {
	it("answers 1 and what to do when there is no database, and makes none", async () => {
		const { code, err } = await typed(run, ["--serial", "0a"], { OTA_DATA_DIR: "no-such-folder" });
		expect(code).toBe(1);
		expect(err).toBe("There is no database at no-such-folder/ota.db. Start the server once, or run: ota migrate\n");
	});

	it("answers 1 and what to do when the database lacks migrations", async () => {
		const folder = mkdtempSync(join(tmpdir(), "operator-"));
		writeFileSync(join(folder, "ota.db"), "");
		const { code, out, err } = await typed(run, ["--serial", "0a"], { OTA_DATA_DIR: folder });
		rmSync(folder, { recursive: true });
		expect({ code, out }).toEqual({ code: 1, out: "" });
		expect(err).toMatch(
			/^The database lacks migrations \(.+_init, .+\)\. Start the server once, or run: ota migrate\n$/,
		);
	});

	it("answers 2 to a configuration that must change first", async () => {
		const { code, err } = await typed(run, ["--serial", "0a"], { DATABASE_URL: "mysql://example" });
		expect(code).toBe(2);
		expect(err).toContain("DATABASE_URL");
	});
});

describe("a serial number as it is typed", () => {
	it.each([
		["3f0a", "3f0a"],
		["3F:0A", "3f0a"],
		["0x3F0A", "3f0a"],
		["00:00:3f:0a", "3f0a"],
		["3f 0a", "3f0a"],
		["0a", "0a"],
		["A", "0a"],
		["f".repeat(40), "f".repeat(40)],
		["", null],
		["0", null],
		["-5", null],
		["3f::0a", null],
		["1e+3", null],
		["f".repeat(41), null],
	])("%j is %j", (text, expected) => expect(readSerialNumber(text)).toBe(expected));
});
