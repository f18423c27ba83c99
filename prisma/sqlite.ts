/** SQLite: the generated client over its driver adapter, one connection that is set to lose nothing. */
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import Database from "better-sqlite3";
import { OtaError } from "../lib/errors.ts";
import { queued } from "../lib/store/index.ts";
import { sqliteFile } from "./address.ts";
import { PrismaClient } from "./generated/sqlite/client.ts";
import type { MigrationTarget } from "./migrations.ts";
import { keepPrepared } from "./statements.ts";

/**
 * Per connection: name, value, and what SQLite answers when it is in force. WAL lets the command line read beside the
 * server; FULL survives a power cut (a kill -9 either way).
 */
const pragmas = [
	["busy_timeout", "5000", 5000],
	["journal_mode", "WAL", "wal"],
	["synchronous", "FULL", 2],
	["foreign_keys", "ON", 1],
] as const;

class DurableSqlite extends PrismaBetterSqlite3 {
	override async connect() {
		const connection = await super.connect();
		await connection.executeScript(pragmas.map(([name, value]) => `PRAGMA ${name} = ${value}`).join(";"));
		for (const [name, , wanted] of pragmas) {
			const { rows } = await connection.queryRaw({ sql: `PRAGMA ${name}`, args: [], argTypes: [] });
			// SQLite leaves what it cannot do as it was, and says nothing.
			if (String(rows[0]?.[0]) === String(wanted)) continue;
			await connection.dispose();
			const words = `SQLite keeps ${name} at ${rows[0]?.[0]}, not ${wanted}: DATABASE_URL must name a file on a local disk`;
			throw new OtaError("store_unavailable", words);
		}
		// The adapter keeps its database to itself.
		keepPrepared((connection as unknown as { client: Database.Database }).client);
		return queued(connection);
	}
}

/** Connects at once. Failure: store_unavailable, config. */
export async function openSqlite(databaseUrl: string): Promise<PrismaClient> {
	const client = new PrismaClient({
		adapter: new DurableSqlite({ url: sqliteFile(databaseUrl) }),
		errorFormat: "minimal",
		// One connection: transactions queue for it, so they may wait longer than Prisma's two seconds.
		transactionOptions: { maxWait: 10_000, timeout: 10_000 },
	});
	await client.$connect();
	return client;
}

/** Creates the file (0600). */
export function sqliteTarget(databaseUrl: string): MigrationTarget {
	const file = sqliteFile(databaseUrl);
	return {
		factory: new PrismaBetterSqlite3({ url: file }),
		async finished() {
			createPrivately(file);
			return finishedMigrations(file);
		},
		async verify() {
			await (await new DurableSqlite({ url: file }).connect()).dispose();
		},
	};
}

/** SQLite gives its journal files the mode of the database. */
function createPrivately(file: string): void {
	mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
	closeSync(openSync(file, "a", 0o600));
	chmodSync(file, 0o600);
}

function finishedMigrations(file: string): string[] {
	const database = new Database(file, { timeout: 5000 });
	try {
		const known = database.prepare("SELECT 1 FROM sqlite_master WHERE name = '_prisma_migrations'").get();
		if (!known) return [];
		const finished = "finished_at IS NOT NULL AND rolled_back_at IS NULL";
		const rows = database.prepare(`SELECT migration_name AS name FROM _prisma_migrations WHERE ${finished}`).all();
		return (rows as { name: string }[]).map(({ name }) => name);
	} finally {
		database.close();
	}
}
