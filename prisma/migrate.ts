/** Brings a database to the committed migrations, as `prisma migrate deploy` would, without its engine binary. */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import type { MigrationList } from "@prisma/schema-engine-wasm";
import Database from "better-sqlite3";
import { OtaError } from "../lib/errors.ts";
import type { Log } from "../lib/ports.ts";
import { sqliteFile } from "./address.ts";
import { everything, withEngine } from "./engine.ts";
import { readMigrations } from "./migrations.ts";

/** Applies what is missing and answers the names. Creates the SQLite file (0600). Failure: store_unavailable, config. */
export async function applyMigrations(databaseUrl: string, log: Log): Promise<string[]> {
	const file = sqliteFile(databaseUrl);
	const migrationsList = readMigrations("sqlite");
	try {
		createPrivately(file);
		const applied = appliedMigrations(file);
		if (migrationsList.migrationDirectories.every(({ path }) => applied.has(path))) return [];
		const names = await apply(file, migrationsList);
		if (names.length > 0) log.info("database.migrated", { migrations: names.join(" ") });
		return names;
	} catch (cause) {
		throw new OtaError("store_unavailable", "the database's migrations could not be applied", { cause });
	}
}

/** The engine locks the database while it works: a second process waits, then finds nothing to do. */
async function apply(file: string, migrationsList: MigrationList): Promise<string[]> {
	const { appliedMigrationNames } = await withEngine(new PrismaBetterSqlite3({ url: file }), null, (engine) =>
		engine.applyMigrations({ migrationsList, filters: everything }),
	);
	return appliedMigrationNames;
}

/** SQLite gives its journal files the mode of the database. */
function createPrivately(file: string): void {
	mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
	closeSync(openSync(file, "a", 0o600));
	chmodSync(file, 0o600);
}

/** Names of the migrations that were finished and not rolled back; a quick look that spares loading the engine. */
function appliedMigrations(file: string): Set<string> {
	const database = new Database(file, { timeout: 5000 });
	try {
		const known = database.prepare("SELECT 1 FROM sqlite_master WHERE name = '_prisma_migrations'").get();
		if (!known) return new Set();
		const finished = "finished_at IS NOT NULL AND rolled_back_at IS NULL";
		const rows = database.prepare(`SELECT migration_name AS name FROM _prisma_migrations WHERE ${finished}`).all();
		return new Set((rows as { name: string }[]).map(({ name }) => name));
	} finally {
		database.close();
	}
}
