/** Opens the database that DATABASE_URL names: the generated client over its driver adapter, set to lose nothing. */
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import type { Store } from "../lib/ports.ts";
import { prismaStore, queued } from "../lib/store/index.ts";
import { sqliteFile } from "./address.ts";
import { PrismaClient } from "./generated/sqlite/client.ts";

/** Per connection. WAL lets the command line read beside the server; FULL survives a power cut (a kill -9 either way). */
const pragmas = [
	"PRAGMA busy_timeout = 5000",
	"PRAGMA journal_mode = WAL",
	"PRAGMA synchronous = FULL",
	"PRAGMA foreign_keys = ON",
];

class DurableSqlite extends PrismaBetterSqlite3 {
	override async connect() {
		const connection = await super.connect();
		await connection.executeScript(pragmas.join(";"));
		return queued(connection);
	}
}

/**
 * A client on the database, which must have its migrations. Connects with the first query; `$disconnect()` ends it.
 * One connection: transactions queue for it, so they may wait longer than Prisma's two seconds. Error: config.
 */
export function openDatabase(databaseUrl: string): PrismaClient {
	const adapter = new DurableSqlite({ url: sqliteFile(databaseUrl) });
	return new PrismaClient({
		adapter,
		errorFormat: "minimal",
		transactionOptions: { maxWait: 10_000, timeout: 10_000 },
	});
}

/** The Store on that database. */
export function openStore(databaseUrl: string): Store {
	return prismaStore(openDatabase(databaseUrl));
}
