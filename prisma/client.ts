/** Opens the database that DATABASE_URL names; the other provider's client and driver are never loaded. */
import type { Store } from "../lib/ports.ts";
import { prismaStore } from "../lib/store/index.ts";
import { providerOf } from "./address.ts";
import type { PrismaClient } from "./generated/sqlite/client.ts";

/** Both clients are generated from one set of models: what is asked of one can be asked of the other. */
export type DatabaseClient = PrismaClient;

/**
 * A connected client on the database, which must have its migrations; `$disconnect()` ends it.
 * Failure: config, store_unavailable.
 */
export async function openDatabase(databaseUrl: string): Promise<DatabaseClient> {
	if (providerOf(databaseUrl) === "sqlite") return (await import("./sqlite.ts")).openSqlite(databaseUrl);
	const { openPostgres } = await import("./postgresql.ts");
	return (await openPostgres(databaseUrl)) as unknown as DatabaseClient;
}

/** The Store on that database. */
export async function openStore(databaseUrl: string): Promise<Store> {
	return prismaStore(await openDatabase(databaseUrl));
}
