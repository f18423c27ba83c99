/** PostgreSQL as the schema engine needs it: one session, whole scripts, and databases to replay migrations in. */
import { randomUUID } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import {
	ColumnTypeEnum,
	type SqlMigrationAwareDriverAdapterFactory,
	type SqlQuery,
} from "@prisma/driver-adapter-utils";
import { postgresAddress } from "./address.ts";
import type { MigrationTarget } from "./migrations.ts";

export function postgresTarget(databaseUrl: string): MigrationTarget {
	const factory = migratingPostgres(databaseUrl);
	return {
		factory,
		async finished() {
			const connection = await factory.connect();
			try {
				const ask = async (sql: string) => (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
				const [known] = await ask("SELECT to_regclass('_prisma_migrations') IS NOT NULL");
				if (!known?.[0]) return [];
				const finished = "finished_at IS NOT NULL AND rolled_back_at IS NULL";
				const rows = await ask(`SELECT migration_name FROM _prisma_migrations WHERE ${finished}`);
				return rows.map(([name]) => String(name));
			} finally {
				await connection.dispose();
			}
		},
		verify: async () => undefined,
	};
}

/** One connection, since the engine's lock is that of a session. Failure: config. */
export function migratingPostgres(databaseUrl: string): SqlMigrationAwareDriverAdapterFactory {
	const { connectionString } = postgresAddress(databaseUrl);
	return new MigratingPostgres(connectionString);
}

class MigratingPostgres extends PrismaPg {
	readonly #connectionString: string;
	constructor(connectionString: string) {
		super({ connectionString, max: 1, connectionTimeoutMillis: 10_000, application_name: "next-ota migrate" });
		this.#connectionString = connectionString;
	}

	override async connect() {
		return whole(await super.connect());
	}

	/** The adapter's own would be the very database of the URL. */
	override async connectToShadowDb() {
		const url = new URL(this.#connectionString);
		url.pathname = `next_ota_replay_${randomUUID()}`;
		const name = url.pathname.slice(1);
		const server = await this.connect();
		await server.executeScript(`CREATE DATABASE "${name}" TEMPLATE template0`);
		const replay = await new MigratingPostgres(url.href).connect();
		const disconnect = replay.dispose.bind(replay);
		const remove = async () => {
			await disconnect();
			await server.executeScript(`DROP DATABASE "${name}"`);
			await server.dispose();
		};
		// The engine disposes of it, and so does withEngine when the engine failed.
		let removed: Promise<void> | undefined;
		const dispose = () => {
			removed ??= remove();
			return removed;
		};
		return Object.assign(replay, { dispose });
	}
}

type Connection = Awaited<ReturnType<PrismaPg["connect"]>>;

/** Of PostgreSQL's types (pg_type.dat): the one-byte `"char"`, and an array of them. */
const oneChar = 18;
const charArray = 1002;

/**
 * The adapter as the engine needs it. A script goes in one message, and so in one transaction: a migration is applied
 * whole or not at all (the adapter would cut it at every semicolon, those of a function's body too). And the catalogue
 * has columns of type `"char"`, which the adapter does not know, while the engine takes nothing else: they pass through
 * it as arrays, of which it asks for none.
 */
function whole(connection: Connection): Connection {
	const driver = connection.underlyingDriver();
	const query = driver.query.bind(driver) as (query: unknown) => Promise<QueryResult>;
	const disguised = async (text: unknown) => {
		const result = await query(text);
		for (const field of result.fields ?? []) if (field.dataTypeID === oneChar) field.dataTypeID = charArray;
		return result;
	};
	Object.assign(driver, { query: disguised });
	const ask = connection.queryRaw.bind(connection);
	const { Character, CharacterArray } = ColumnTypeEnum;
	return Object.assign(connection, {
		executeScript: async (script: string) => void (await driver.query(script)),
		async queryRaw(question: SqlQuery) {
			const { columnTypes, ...answer } = await ask(question);
			return { ...answer, columnTypes: columnTypes.map((type) => (type === CharacterArray ? Character : type)) };
		},
	});
}

interface QueryResult {
	/** Absent where several statements went in one message. */
	fields?: { dataTypeID: number }[];
}
