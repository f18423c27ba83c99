/** Which SQL the migrations of a provider still lack to equal its schema. */
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import type { SqlMigrationAwareDriverAdapterFactory } from "@prisma/driver-adapter-utils";
import { providerOf } from "./address.ts";
import { everything, withEngine } from "./engine.ts";
import { readMigrations } from "./migrations.ts";
import { migratingPostgres } from "./postgresql-migrations.ts";

/** SQLite's place to replay migrations in. */
export const inMemory = "file::memory:";

/**
 * The SQL from the committed migrations to the schema; "" when they are equal. The migrations are replayed in memory, or
 * in a database that is made for it on the PostgreSQL server of the URL and removed afterwards.
 */
export async function pendingSql(url: typeof inMemory | `postgres${string}`, schema: string): Promise<string> {
	const migrations = readMigrations(providerOf(url));
	const none = migrations.migrationDirectories.length === 0;
	return withEngine(replaying(url), schema, async (engine) => {
		const { stdout } = await engine.diff({
			from: none ? { tag: "empty" } : { tag: "migrations", ...migrations },
			to: { tag: "schemaDatamodel", files: [{ path: "schema.prisma", content: schema }] },
			script: true,
			exitCode: null,
			filters: everything,
		});
		return stdout === null || stdout.trim() === "-- This is an empty migration." ? "" : stdout;
	});
}

function replaying(url: string): SqlMigrationAwareDriverAdapterFactory {
	return url === inMemory ? new ReplayingSqlite({ url: ":memory:" }) : migratingPostgres(url);
}

class ReplayingSqlite extends PrismaBetterSqlite3 {
	/** The engine replays a whole migration as one query without arguments; the driver takes that as a script alone. */
	override async connectToShadowDb() {
		const connection = await super.connectToShadowDb();
		const execute = connection.executeRaw.bind(connection);
		connection.executeRaw = async (query) => {
			if (query.args.length > 0) return execute(query);
			await connection.executeScript(query.sql);
			return 0;
		};
		return connection;
	}
}
