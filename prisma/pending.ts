/** Which SQL the migrations of a provider still lack to equal its schema. */
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from "@prisma/driver-adapter-utils";
import type { MigrationList } from "@prisma/schema-engine-wasm";
import { everything, withEngine } from "./engine.ts";
import type { Provider } from "./migrations.ts";

/**
 * The SQL from the migrations to the schema; "" when they are equal. The migrations are replayed in a database in
 * memory. PostgreSQL has none: there only a first migration can be compared, with the SQL for an empty database.
 */
export async function pendingSql(provider: Provider, migrations: MigrationList, schema: string): Promise<string> {
	const [first, ...later] = migrations.migrationDirectories;
	if (provider === "sqlite") {
		return diff(new ReplayingSqlite({ url: ":memory:" }), first ? migrations : null, schema);
	}
	if (later.length > 0) throw new Error("comparing several PostgreSQL migrations takes a PostgreSQL server");
	const sql = await diff(offlinePostgres(), null, schema);
	return first?.migrationFile.content.value === sql ? "" : sql;
}

function diff(factory: SqlMigrationAwareDriverAdapterFactory, from: MigrationList | null, schema: string) {
	return withEngine(factory, schema, async (engine) => {
		const { stdout } = await engine.diff({
			from: from === null ? { tag: "empty" } : { tag: "migrations", ...from },
			to: { tag: "schemaDatamodel", files: [{ path: "schema.prisma", content: schema }] },
			script: true,
			exitCode: null,
			filters: everything,
		});
		return stdout === null || stdout.trim() === "-- This is an empty migration." ? "" : stdout;
	});
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

/** The engine asks a PostgreSQL for its version before it compares two schemas that need none: this says nothing. */
function offlinePostgres(): SqlMigrationAwareDriverAdapterFactory {
	const none = { columnNames: [], columnTypes: [], rows: [] };
	const adapter: SqlDriverAdapter = {
		provider: "postgres",
		adapterName: "offline",
		queryRaw: async () => none,
		executeRaw: async () => 0,
		executeScript: async () => undefined,
		startTransaction: async () => {
			throw new Error("there is no PostgreSQL here");
		},
		getConnectionInfo: () => ({ schemaName: "public", supportsRelationJoins: false }),
		dispose: async () => undefined,
	};
	const connect = async () => adapter;
	return { provider: "postgres", adapterName: "offline", connect, connectToShadowDb: connect };
}
