import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import Database from "better-sqlite3";
import { openDatabase } from "../../prisma/client.ts";
import { applyMigrations } from "../../prisma/migrate.ts";
import { migrationsFolder, type Provider, readMigrations } from "../../prisma/migrations.ts";
import { inMemory, pendingSql } from "../../prisma/pending.ts";
import { migratingPostgres } from "../../prisma/postgresql-migrations.ts";
import { silent } from "../harness/database.ts";
import { startPostgres, type TestPostgres } from "../harness/postgres.ts";

const folderOfModels = join(migrationsFolder("sqlite"), "..", "..");
/** As generate.mjs composes it. */
const schemaOf = (provider: string, models = readFileSync(join(folderOfModels, "models.prisma"), "utf8")) =>
	`${readFileSync(join(folderOfModels, `${provider}.prisma`), "utf8")}\n${models}`;

let postgres: TestPostgres;
beforeAll(async () => {
	postgres = await startPostgres({ durable: false });
});
afterAll(() => postgres?.stop());

const names = (provider: Provider) => readMigrations(provider).migrationDirectories.map(({ path }) => path);
const checksum = (provider: Provider, name: string) =>
	createHash("sha256")
		.update(readFileSync(join(migrationsFolder(provider), name, "migration.sql")))
		.digest("hex");

describe("committed migrations", () => {
	const places = [
		["sqlite", (): typeof inMemory => inMemory],
		["postgresql", () => postgres.url as `postgres${string}`],
	] as const;
	for (const [provider, place] of places) {
		it(`equal the models on ${provider}`, async () => {
			expect(await pendingSql(place(), schemaOf(provider))).toBe("");
		});
		it(`are noticed to differ from other models on ${provider}`, async () => {
			const models = readFileSync(join(folderOfModels, "models.prisma"), "utf8").replace("udid          String?", "");
			const other = models.replace("  @@index([udid])\n", "");
			expect(other).not.toBe(models);
			expect(await pendingSql(place(), schemaOf(provider, other))).not.toBe("");
		});
		it(`name their provider on ${provider}`, () => {
			expect(readMigrations(provider).lockfile.content).toBe(`provider = "${provider}"\n`);
		});
	}
	it("leave no database behind that they were replayed in", async () => {
		const client = await openDatabase(postgres.url);
		const rows = await client.$queryRaw`SELECT datname FROM pg_database WHERE datname LIKE '%replay%'`;
		await client.$disconnect();
		expect(rows).toEqual([]);
	});
});

describe("applyMigrations", () => {
	let folder = "";
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "ota-migrate-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));

	it("creates the database, keeps Prisma's own table, and has nothing to do the second time", async () => {
		const file = join(folder, "new", "ota.db");
		expect(await applyMigrations(`file:${file}`, silent)).toEqual(names("sqlite"));
		expect(await applyMigrations(`file:${file}`, silent)).toEqual([]);
		const database = new Database(file);
		const rows = database.prepare("SELECT migration_name, checksum, rolled_back_at FROM _prisma_migrations").all();
		database.close();
		expect(rows).toEqual(
			names("sqlite").map((name) => ({
				migration_name: name,
				checksum: checksum("sqlite", name),
				rolled_back_at: null,
			})),
		);
	});

	it("brings an empty PostgreSQL database to the models, and has nothing to do the second time", async () => {
		const url = await postgres.emptyDatabase();
		expect(await applyMigrations(url, silent)).toEqual(names("postgresql"));
		expect(await applyMigrations(url, silent)).toEqual([]);
		expect(await keptBy(url)).toEqual(
			names("postgresql").map((name) => ({ migration_name: name, checksum: checksum("postgresql", name) })),
		);
	});

	it("lets one of two processes migrate PostgreSQL while the other waits", async () => {
		const url = await postgres.emptyDatabase();
		const results = await Promise.all([migrateElsewhere(url), migrateElsewhere(url)]);
		expect(results.map(({ code }) => code)).toEqual([0, 0]);
		expect(results.flatMap(({ stdout }) => stdout.split("\n").filter(Boolean))).toEqual(names("postgresql"));
		expect(await keptBy(url)).toHaveLength(names("postgresql").length);
	});

	it("says without the password that PostgreSQL is away, refuses it, or lacks the database", async () => {
		const wrong = [
			postgres.url.replace(/:\d+\//, ":1/"),
			postgres.url.replace(/:\w+@/, ":hunter2@"),
			postgres.url.replace(/\w+$/, "absent"),
		];
		for (const url of wrong) {
			for (const open of [() => applyMigrations(url, silent), () => openDatabase(url)]) {
				const failure = await open().catch((error: unknown) => error);
				expect(failure).toMatchObject({ code: "store_unavailable" });
				expect(inspect(failure, { depth: 10 })).not.toContain(new URL(url).password);
			}
		}
	});

	it("says that the database cannot be used when its file is none", async () => {
		const file = join(folder, "ota.db");
		writeFileSync(file, "not a database at all, but long enough to be looked at as one");
		await expect(applyMigrations(`file:${file}`, silent)).rejects.toMatchObject({ code: "store_unavailable" });
	});

	const refused = [
		...[
			"mysql://host/db",
			"file:",
			"file:x.db?mode=ro",
			"postgresql://u:hunter2@host",
			"postgresql://u:hunter2@ho st/db",
		],
		...["0", "-1", "many"].map((limit) => `postgresql://u:hunter2@host/db?connection_limit=${limit}`),
		"postgresql://u:hunter2@host/db?schema=other",
	];
	for (const url of refused) {
		it(`refuses ${url}`, async () => {
			for (const open of [() => applyMigrations(url, silent), () => openDatabase(url)]) {
				const failure = await open().catch((error: unknown) => error);
				expect(failure).toMatchObject({ code: "config" });
				expect(inspect(failure, { depth: 10 })).not.toContain("hunter2");
			}
			expect(readdirSync(folder)).toEqual([]);
		});
	}
});

describe("the migration to a life after issuing", () => {
	const migration = /_life_after_issuing$/;
	const scripts = (provider: Provider, which: (name: string) => boolean) =>
		names(provider)
			.filter(which)
			.map((name) => readFileSync(join(migrationsFolder(provider), name, "migration.sql"), "utf8"));
	const before = (name: string) => name < "20261126" && !migration.test(name);
	/** Rows of before it: a person with an e-mail address and a device, and one without either. */
	const rows = `
		INSERT INTO "Enrollment" ("id", "userId", "user", "state", "createdAt", "expiresAt", "device", "attempts") VALUES
			('full', 'u', '{"id":"u","email":"Alice@Example.COM","name":"\\u00fc"}', 'delivered', '2026-11-22T10:00:00.000+00:00',
				'2026-11-22T10:20:00.000+00:00', '{"UDID":"U1","SERIAL":"C02"}', 1),
			('bare', 'v', '{"id":"v","email":""}', 'started', '2026-11-22T10:00:00.000+00:00',
				'2026-11-22T10:20:00.000+00:00', '{}', 0),
			('odd', 'w', '{"id":"w","email":"w@example.com","name":"half \\ud800"}', 'started', '2026-11-22T10:00:00.000+00:00',
				'2026-11-22T10:20:00.000+00:00', '{"SERIAL":""}', 0);
		INSERT INTO "Challenge" ("hash", "purpose", "enrollmentId", "createdAt", "expiresAt", "usedAt", "usedByKey") VALUES
			('c', 'identity', 'full', '2026-11-22T10:00:00.000+00:00', '2026-11-22T10:20:00.000+00:00', '2026-11-22T10:00:00.000+00:00', 'k1'),
			('d', 'identity', 'full', '2026-11-22T10:00:00.000+00:00', '2026-11-22T10:20:00.000+00:00', '2026-11-22T10:00:00.000+00:00', 'k2');
		INSERT INTO "Certificate" ("serialNumber", "challengeHash", "publicKeyHash", "enrollmentId", "purpose", "tbs",
			"notBefore", "notAfter", "createdAt", "state") VALUES
			('01', 'c', 'k1', 'full', 'identity', '', '2026-11-22T10:00:00.000+00:00', '2027-11-22T10:00:00.000+00:00', '2026-11-22T10:00:01.000+00:00', 'issued'),
			('02', 'd', 'k2', 'full', 'identity', '', '2026-11-22T10:00:00.000+00:00', '2027-11-22T10:00:00.000+00:00', '2026-11-22T10:00:02.000+00:00', 'abandoned');`;
	const enrollments = `SELECT "id", "userEmail", "deviceSerial" FROM "Enrollment" ORDER BY "id"`;
	const certificates = `SELECT "serialNumber", "keyGeneration", "issuerKeyHash", "renews", "revokedAt" IS NULL AS "valid",
		"revokedAt" = "createdAt" AS "then" FROM "Certificate" ORDER BY "serialNumber"`;

	it("fills in what rows of before lack on SQLite", () => {
		const database = new Database(":memory:");
		for (const script of [...scripts("sqlite", before), rows]) database.exec(script);
		for (const script of scripts("sqlite", (name) => migration.test(name))) database.exec(script);
		expect(database.prepare(enrollments).raw().all()).toEqual([
			["bare", null, null],
			["full", "alice@example.com", "C02"],
			["odd", "w@example.com", null],
		]);
		expect(database.prepare(certificates).raw().all()).toEqual([
			["01", 0, "", null, 1, null],
			["02", 0, "", null, 0, 1],
		]);
		database.close();
	});

	it("fills in what rows of before lack on PostgreSQL, as far as it can read them", async () => {
		const connection = await migratingPostgres(await postgres.emptyDatabase()).connect();
		for (const script of [...scripts("postgresql", before), rows]) await connection.executeScript(script);
		for (const script of scripts("postgresql", (name) => migration.test(name))) await connection.executeScript(script);
		const ask = async (sql: string) => (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
		expect(await ask(enrollments)).toEqual([
			["bare", null, null],
			["full", "alice@example.com", "C02"],
			// PostgreSQL makes no text of half a surrogate pair: this person is found by the subject.
			["odd", null, null],
		]);
		expect(await ask(certificates)).toEqual([
			["01", 0, "", null, true, null],
			["02", 0, "", null, false, true],
		]);
		await connection.dispose();
	});

	it("changes nothing on SQLite when a statement of it fails", () => {
		const database = new Database(":memory:");
		for (const script of [...scripts("sqlite", before), rows]) database.exec(script);
		database.exec(`CREATE TABLE "RevocationList" ("x" TEXT)`);
		const [script = ""] = scripts("sqlite", (name) => migration.test(name));
		expect(() => database.exec(script)).toThrow("already exists");
		if (database.inTransaction) database.exec("ROLLBACK");
		expect(database.prepare(`SELECT name FROM pragma_table_info('Enrollment') WHERE name = 'userEmail'`).all()).toEqual(
			[],
		);
		database.close();
	});
});

describe("the migration to profiles", () => {
	const scripts = (provider: Provider) =>
		names(provider).map((name) => readFileSync(join(migrationsFolder(provider), name, "migration.sql"), "utf8"));
	const at = (provider: Provider) => names(provider).findIndex((name) => name.endsWith("_profiles"));
	const time = "2026-11-22T10:00:00.000+00:00";
	/** A delivery of before, and what it refers to. */
	const rows = (bytes: string) => `
		INSERT INTO "Enrollment" ("id", "userId", "user", "state", "createdAt", "expiresAt", "device", "attempts") VALUES
			('e', 'u', '{"email":"U@example.com","groups":["staff","ü","staff"]}', 'delivered', '${time}', '${time}', '{}', 1),
			('d', 'u', '{"email":"old@example.com","groups":["former"]}', 'cancelled', '2026-11-21T10:00:00.000+00:00', '${time}', '{}', 0),
			('f', 'v', '{"email":"v@example.com"}', 'started', '${time}', '${time}', '{}', 0),
			('g', 'w', '{"email":"w@example.com","groups":["half \\ud800"]}', 'started', '${time}', '${time}', '{}', 0),
			('m', 'operator:root', '{"email":"root","groups":["staff"]}', 'minted', '${time}', '${time}', '{}', 0);
		UPDATE "Enrollment" SET "userEmail" = "id" || '@example.com';
		INSERT INTO "Challenge" ("hash", "purpose", "enrollmentId", "createdAt", "expiresAt", "usedAt", "usedByKey") VALUES
			('c', 'identity', 'e', '${time}', '${time}', '${time}', 'k');
		INSERT INTO "Certificate" ("serialNumber", "challengeHash", "publicKeyHash", "enrollmentId", "purpose", "tbs",
			"notBefore", "notAfter", "createdAt", "state") VALUES ('01', 'c', 'k', 'e', 'identity', '', '${time}', '${time}', '${time}', 'issued');
		INSERT INTO "Delivery" ("enrollmentId", "certificateSerialNumber", "profile", "deliveredAt") VALUES ('e', '01', ${bytes}, '${time}');`;
	/** A further one to the same certificate. */
	const further = `INSERT INTO "Delivery" ("enrollmentId", "number", "kind", "certificateSerialNumber", "contents", "profile", "deliveredAt")
		VALUES ('e', 1, 'update', '01', 'base@1', '', '${time}')`;
	const deliveries = `SELECT "enrollmentId", "number", "kind", "certificateSerialNumber", "contents",
		length("profile") AS "length", "confirmedAt" FROM "Delivery" ORDER BY "number"`;
	const people = `SELECT "Person"."id", "group" FROM "Person" LEFT JOIN "PersonGroup" ON "userId" = "Person"."id"
		WHERE "Person"."id" <> 'w' ORDER BY "Person"."id", "group"`;
	const knownPeople = [
		["u", "staff"],
		["u", "ü"],
		["v", null],
	];
	const kept = [
		["e", 0, "first", "01", "", 3, null],
		["e", 1, "update", "01", "base@1", 0, null],
	];

	it("keeps deliveries as their journeys' on SQLite", () => {
		const database = new Database(":memory:");
		database.pragma("foreign_keys = ON");
		const all = scripts("sqlite");
		for (const script of [...all.slice(0, at("sqlite")), rows("x'010203'")]) database.exec(script);
		for (const script of all.slice(at("sqlite"))) database.exec(script);
		database.exec(further);
		expect(database.prepare(deliveries).raw().all()).toEqual(kept);
		expect(database.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
		expect(database.prepare(people).raw().all()).toEqual(knownPeople);
		expect(database.prepare(`SELECT "email" FROM "Person"`).pluck().all().sort()).toEqual([
			"e@example.com",
			"f@example.com",
			"g@example.com",
		]);
		database.close();
	});

	it("keeps deliveries as their journeys' on PostgreSQL", async () => {
		const connection = await migratingPostgres(await postgres.emptyDatabase()).connect();
		const all = scripts("postgresql");
		for (const script of [...all.slice(0, at("postgresql")), rows("'\\x010203'")])
			await connection.executeScript(script);
		for (const script of all.slice(at("postgresql"))) await connection.executeScript(script);
		await connection.executeScript(further);
		const ask = async (sql: string) => (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
		expect(await ask(deliveries)).toEqual(kept);
		expect(await ask(people)).toEqual(knownPeople);
		expect(await ask(`SELECT count(*)::int FROM "Person" WHERE "id" = 'w'`)).toEqual([[1]]);
		await connection.dispose();
	});
});

/** What Prisma's own table says. */
async function keptBy(url: string): Promise<unknown> {
	const client = await openDatabase(url);
	const rows = await client.$queryRaw`SELECT migration_name, checksum FROM _prisma_migrations ORDER BY migration_name`;
	await client.$disconnect();
	return rows;
}

/** `ota migrate` in a process of its own. */
async function migrateElsewhere(url: string): Promise<{ code: number; stdout: string }> {
	const env = { ...process.env, DATABASE_URL: url, NODE_OPTIONS: "" };
	const run = promisify(execFile)(process.execPath, [join(folderOfModels, "..", "dist/bin/ota.js"), "migrate"], {
		env,
	});
	return run.then(
		({ stdout }) => ({ code: 0, stdout }),
		(error) => ({ code: error.code, stdout: `${error.stdout}${error.stderr}` }),
	);
}

describe("openDatabase", () => {
	it.each([
		["sqlite", "better-sqlite3", "pg"],
		["postgresql", "pg", "better-sqlite3"],
	])("loads the driver of %s alone", async (provider, driver, other) => {
		const folder = mkdtempSync(join(tmpdir(), "ota-open-"));
		const url = provider === "sqlite" ? `file:${join(folder, "ota.db")}` : postgres.url;
		const program = `
			import { createRequire } from "node:module";
			import { openDatabase } from ${JSON.stringify(join(folderOfModels, "..", "dist/prisma/client.js"))};
			await (await openDatabase(${JSON.stringify(url)})).$disconnect();
			console.log(Object.keys(createRequire(import.meta.url).cache).join("\\n"));`;
		const args = ["--input-type=module", "-e", program];
		const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: "" } });
		rmSync(folder, { recursive: true });
		expect(stdout).toContain(`/node_modules/${driver}/`);
		expect(stdout).not.toContain(`/node_modules/${other}/`);
	});
});

describe("generated schemas", () => {
	it("are what the sources say", () => {
		execFileSync(process.execPath, [join(folderOfModels, "generate.mjs")]);
		for (const provider of ["sqlite", "postgresql"]) {
			const generated = readFileSync(join(folderOfModels, "generated", `${provider}.prisma`), "utf8");
			expect(generated).toBe(schemaOf(provider));
		}
	});
});
