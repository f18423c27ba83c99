import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import Database from "better-sqlite3";
import { applyMigrations } from "../../prisma/migrate.ts";
import { migrationsFolder, readMigrations } from "../../prisma/migrations.ts";
import { pendingSql } from "../../prisma/pending.ts";
import { silent } from "../harness/database.ts";

const folderOfModels = join(migrationsFolder("sqlite"), "..", "..");
/** As generate.mjs composes it. */
const schemaOf = (provider: string, models = readFileSync(join(folderOfModels, "models.prisma"), "utf8")) =>
	`${readFileSync(join(folderOfModels, `${provider}.prisma`), "utf8")}\n${models}`;

describe("committed migrations", () => {
	for (const provider of ["sqlite", "postgresql"] as const) {
		it(`equal the models on ${provider}`, async () => {
			expect(await pendingSql(provider, readMigrations(provider), schemaOf(provider))).toBe("");
		});
		it(`are noticed to differ from other models on ${provider}`, async () => {
			const models = readFileSync(join(folderOfModels, "models.prisma"), "utf8").replace("udid          String?", "");
			const other = models.replace("  @@index([udid])\n", "");
			expect(other).not.toBe(models);
			expect(await pendingSql(provider, readMigrations(provider), schemaOf(provider, other))).not.toBe("");
		});
		it(`name their provider on ${provider}`, () => {
			expect(readMigrations(provider).lockfile.content).toBe(`provider = "${provider}"\n`);
		});
	}
});

describe("applyMigrations", () => {
	let folder = "";
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "ota-migrate-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));

	it("creates the database, keeps Prisma's own table, and has nothing to do the second time", async () => {
		const file = join(folder, "new", "ota.db");
		const names = readMigrations("sqlite").migrationDirectories.map(({ path }) => path);
		expect(await applyMigrations(`file:${file}`, silent)).toEqual(names);
		expect(await applyMigrations(`file:${file}`, silent)).toEqual([]);
		const database = new Database(file);
		const rows = database.prepare("SELECT migration_name, checksum, rolled_back_at FROM _prisma_migrations").all();
		database.close();
		const checksum = (name: string) =>
			createHash("sha256")
				.update(readFileSync(join(migrationsFolder("sqlite"), name, "migration.sql")))
				.digest("hex");
		const expected = names.map((name) => ({ migration_name: name, checksum: checksum(name), rolled_back_at: null }));
		expect(rows).toEqual(expected);
	});

	it("says that the database cannot be used when its file is none", async () => {
		const file = join(folder, "ota.db");
		writeFileSync(file, "not a database at all, but long enough to be looked at as one");
		await expect(applyMigrations(`file:${file}`, silent)).rejects.toMatchObject({ code: "store_unavailable" });
	});

	for (const url of ["mysql://host/db", "postgresql://host/db", "file:", "file:x.db?mode=ro"]) {
		it(`refuses ${url}`, async () => {
			await expect(applyMigrations(url, silent)).rejects.toMatchObject({ code: "config" });
			expect(readdirSync(folder)).toEqual([]);
		});
	}
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
