/** The check that the benchmarks make of a database (test/bench/consistency.ts) is content with journeys, and finds what is planted. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import Database from "better-sqlite3";
import { type BenchDatabase, sqliteBenchDatabase, tables } from "../bench/bench-database.ts";
import { assertConsistent, type Contents, faultsOf } from "../bench/consistency.ts";
import { readPem } from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { type TemporaryDatabase, temporaryDatabase } from "../harness/database.ts";
import { type TestOta, testOta } from "../harness/ota.ts";

let temporary: TemporaryDatabase;
let database: BenchDatabase;
let ota: TestOta;
let ca: Uint8Array;
beforeAll(async () => {
	temporary = await temporaryDatabase();
	ota = await testOta({ store: temporary.store });
	ca = readPem(ota.keys.authorities.ca)[0] as Uint8Array;
	const keys = rsaKeySource();
	for (let journey = 0; journey < 2; journey++) {
		const device = await ota.identified({ keys });
		await device.enrollIdentity();
		await device.sendProfileRequest();
		await device.enrollClientIdentities();
	}
	database = sqliteBenchDatabase(temporary.file);
});
afterAll(async () => {
	await database.close();
	await temporary.remove();
});

/** The faults after these statements, which are taken back. */
async function faultsAfter(...statements: string[]): Promise<string[]> {
	const hand = new Database(temporary.file);
	// Whoever corrupts a database asks nobody.
	hand.pragma("foreign_keys = OFF");
	hand.exec("BEGIN");
	try {
		for (const statement of statements) hand.exec(statement);
		const read = sqliteBenchDatabase(hand);
		const contents: Partial<Record<string, unknown>> = {};
		for (const table of tables) contents[table] = await read.read(table);
		return faultsOf(contents as Contents, ca);
	} finally {
		hand.exec("ROLLBACK");
		hand.close();
	}
}

const first = (table: string) => `(SELECT rowid FROM "${table}" LIMIT 1)`;
const identity = `(SELECT rowid FROM "Certificate" WHERE "purpose" = 'identity' LIMIT 1)`;

describe("the check of a database", () => {
	it("is content after two whole journeys", async () => {
		await expect(assertConsistent(database, ca)).resolves.toBeUndefined();
	});

	it("throws with the faults in its words", async () => {
		const contents = { read: async () => [] as Record<string, unknown>[] };
		await expect(assertConsistent(contents, ca)).resolves.toBeUndefined();
		const lonely = { read: async (table: string) => (table === "Enrollment" ? [{ id: "e1", state: "started" }] : []) };
		await expect(assertConsistent(lonely, ca)).rejects.toThrow("enrollment e1 is started");
	});

	it.each([
		[
			"a certificate of another CA",
			`UPDATE "Certificate" SET "der" = x'$OTHER' WHERE rowid = ${identity}`,
			"not signed",
		],
		[
			"a certificate that was never signed",
			`UPDATE "Certificate" SET "state" = 'reserved' WHERE rowid = ${identity}`,
			"is reserved",
		],
		["a certificate whose DER is gone", `UPDATE "Certificate" SET "der" = NULL WHERE rowid = ${identity}`, "no DER"],
		[
			"a certificate for another key",
			`UPDATE "Certificate" SET "publicKeyHash" = 'ab' WHERE rowid = ${identity}`,
			"another key",
		],
		[
			"another to-be-signed part",
			`UPDATE "Certificate" SET "tbs" = x'3000ff' WHERE rowid = ${identity}`,
			"not what was reserved",
		],
		["another end", `UPDATE "Certificate" SET "notAfter" = "notBefore" WHERE rowid = ${identity}`, "another notAfter"],
		[
			"a challenge that nobody spent",
			`UPDATE "Challenge" SET "usedAt" = NULL WHERE "purpose" = 'identity'`,
			"did not spend",
		],
		[
			"a challenge that another key spent",
			`UPDATE "Challenge" SET "usedByKey" = 'ab' WHERE "purpose" = 'identity'`,
			"did not spend",
		],
		[
			"a challenge of another purpose",
			`UPDATE "Challenge" SET "purpose" = 'client' WHERE "purpose" = 'identity'`,
			"another purpose",
		],
		["a challenge spent for nothing", `DELETE FROM "Certificate" WHERE rowid = ${identity}`, "spent for nothing"],
		[
			"a lost SCEP transaction",
			`DELETE FROM "ScepTransaction" WHERE rowid = ${first("ScepTransaction")}`,
			"no SCEP transaction",
		],
		[
			"an enrollment half-way",
			`UPDATE "Enrollment" SET "state" = 'certified' WHERE rowid = ${first("Enrollment")}`,
			"is certified",
		],
		[
			"a delivery that was not written down",
			`DELETE FROM "Delivery" WHERE rowid = ${first("Delivery")}`,
			"has no delivery",
		],
		["an empty profile", `UPDATE "Delivery" SET "profile" = x'' WHERE rowid = ${first("Delivery")}`, "empty profile"],
		[
			"a delivery to somebody else",
			`UPDATE "Delivery" SET "certificateSerialNumber" = 'ab' WHERE rowid = ${first("Delivery")}`,
			"another certificate",
		],
		["a device that is not there", `DELETE FROM "Device" WHERE rowid = ${first("Device")}`, "has no device"],
		[
			"a step that nobody recorded",
			`DELETE FROM "AuditEvent" WHERE "event" = 'certificate.issued'`,
			"0 events certificate.issued",
		],
		[
			"a step that was recorded twice",
			`INSERT INTO "AuditEvent" ("at", "event", "enrollmentId", "detail") SELECT "at", "event", "enrollmentId", "detail" FROM "AuditEvent" WHERE "event" = 'profile.delivered'`,
			"2 events profile.delivered",
		],
		[
			"a refusal",
			`UPDATE "AuditEvent" SET "event" = 'refused' WHERE "event" = 'profile.delivered'`,
			"has an event refused",
		],
		["rows of no enrollment", `DELETE FROM "Enrollment" WHERE rowid = ${first("Enrollment")}`, "does not exist"],
	])("finds %s", async (_name, statement, fault) => {
		const other = Buffer.from(ota.authority.deviceCa).toString("hex");
		const faults = await faultsAfter(statement.replace("$OTHER", other));
		expect(faults).toContainEqual(expect.stringContaining(fault));
	});

	it("finds a serial number and a key that are there twice", () => {
		const row = { serialNumber: "01", publicKeyHash: "ab", challengeHash: "cd", state: "reserved" };
		const empty = Object.fromEntries(tables.map((table) => [table, []])) as unknown as Contents;
		const faults = faultsOf({ ...empty, Certificate: [row, { ...row }] }, ca);
		expect(faults).toContain("serialNumber 01 has several certificates");
		expect(faults).toContain("publicKeyHash ab has several certificates");
	});
});
