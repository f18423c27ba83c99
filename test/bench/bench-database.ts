/** A running server's database, written in bulk from outside: what would take the server minutes is there in seconds. */
import { join } from "node:path";
import Database from "better-sqlite3";
import { openDatabase } from "../../prisma/client.ts";

type Value = string | number | Date | Uint8Array | null;
export type Row = Readonly<Record<string, Value>>;

/** In the order in which rows may be inserted. */
export const tables = [
	"Enrollment",
	"Challenge",
	"Certificate",
	"Approval",
	"ScepTransaction",
	"Device",
	"Delivery",
	"AuditEvent",
] as const;
export type Table = (typeof tables)[number];
export type Rows = Partial<Record<Table, readonly Row[]>>;

export interface BenchDatabase {
	name: "SQLite" | "PostgreSQL";
	/** In one transaction; the rows of a table all have the same columns. */
	insert(rows: Rows): Promise<void>;
	/** Removes every row of the enrollments from this id on, or every row there is. */
	remove(fromId?: string): Promise<void>;
	/** Lets the database settle what bulk writes left undone, so that nobody is measured doing it. */
	settle(): Promise<void>;
	/** The rows of a table, of the enrollments from this id on; dates as Date and bytes as Uint8Array. */
	read(table: Table, fromId?: string): Promise<Record<string, unknown>[]>;
	close(): Promise<void>;
}

/** Prisma's driver adapter writes times as text like this. */
const isoText = (date: Date): string => date.toISOString().replace("Z", "+00:00");

/** SQLite's: a file, beside the server that has it open, or a connection that is open already. */
export function sqliteBenchDatabase(file: string | Database.Database): BenchDatabase {
	const database = typeof file === "string" ? quickConnection(file) : file;
	const bound = (value: Value) => (value instanceof Date ? isoText(value) : value);
	const insert = (table: Table, rows: readonly Row[]) => {
		const columns = Object.keys(rows[0] ?? {});
		const names = columns.map((column) => `"${column}"`).join(", ");
		const places = columns.map(() => "?").join(", ");
		const statement = database.prepare(`INSERT INTO "${table}" (${names}) VALUES (${places})`);
		for (const row of rows) statement.run(columns.map((column) => bound(row[column] ?? null)));
	};
	const all = database.transaction((rows: Rows) => {
		for (const table of tables) if (rows[table]?.length) insert(table, rows[table]);
	});
	const remove = database.transaction((fromId?: string) => {
		for (const statement of removals(fromId === undefined ? null : "?")) {
			database.prepare(statement).run(...(fromId === undefined ? [] : [fromId]));
		}
	});
	return {
		name: "SQLite",
		insert: async (rows) => all.immediate(rows),
		remove: async (fromId) => remove.immediate(fromId),
		async settle() {
			// With FULL the checkpoint waits until all of it is on the disk.
			for (const one of ["synchronous = FULL", "wal_checkpoint(TRUNCATE)", "synchronous = OFF"]) database.pragma(one);
		},
		read: async (table, fromId = "") => {
			const found = database.prepare(selection(table, "?")).all(fromId) as Record<string, unknown>[];
			return found.map(dated);
		},
		close: async () => void database.close(),
	};
}

/** What is lost with the power is a benchmark: this connection waits for no disk. */
function quickConnection(file: string): Database.Database {
	const database = new Database(file, { timeout: 30_000 });
	for (const setting of ["synchronous = OFF", "cache_size = -262144"]) database.pragma(setting);
	return database;
}

/** PostgreSQL's. */
export async function postgresBenchDatabase(url: string): Promise<BenchDatabase> {
	const client = await openDatabase(`${url}?connection_limit=1&statement_timeout=0`);
	const run = (statement: string, ...values: unknown[]) => client.$executeRawUnsafe(statement, ...values);
	const insert = (table: Table, rows: readonly Row[]) => {
		const names = Object.keys(rows[0] ?? {}).map((column) => `"${column}"`);
		const source = `json_populate_recordset(NULL::"${table}", $1::json)`;
		return run(`INSERT INTO "${table}" (${names}) SELECT ${names} FROM ${source}`, JSON.stringify(rows.map(inHex)));
	};
	return {
		name: "PostgreSQL",
		async insert(rows) {
			const inserts = tables.flatMap((table) => (rows[table]?.length ? [insert(table, rows[table])] : []));
			// Foreign keys are not looked up: most of the time would go there.
			await client.$transaction([run("SET LOCAL session_replication_role = replica"), ...inserts]);
		},
		async remove(fromId) {
			if (fromId === undefined) await run(`TRUNCATE ${tables.map((table) => `"${table}"`)}`);
			else await client.$transaction(removals("$1").map((statement) => run(statement, fromId)));
		},
		async settle() {
			await run("VACUUM ANALYZE");
			await run("CHECKPOINT");
		},
		read: (table, fromId = "") => client.$queryRawUnsafe(selection(table, "$1"), fromId),
		close: () => client.$disconnect(),
	};
}

/** Bytes as PostgreSQL reads them from text. */
const inHex = (row: Row): Row =>
	Object.fromEntries(
		Object.entries(row).map(([name, value]) => [
			name,
			value instanceof Uint8Array ? `\\x${Buffer.from(value).toString("hex")}` : value,
		]),
	);

/** The rows of the enrollments from this one on: `place` is where its id goes in the statement. */
function condition(table: Table, place: string): string {
	if (table === "Enrollment") return `"id" >= ${place}`;
	if (table !== "ScepTransaction") return `"enrollmentId" >= ${place}`;
	return `"serialNumber" IN (SELECT "serialNumber" FROM "Certificate" WHERE "enrollmentId" >= ${place})`;
}

const selection = (table: Table, place: string): string => `SELECT * FROM "${table}" WHERE ${condition(table, place)}`;

/** DELETE statements in the order that the foreign keys need; of all rows when there is no `place`. */
const removals = (place: string | null): string[] =>
	tables
		.toReversed()
		.map((table) => `DELETE FROM "${table}"${place === null ? "" : ` WHERE ${condition(table, place)}`}`);

/** SQLite has no type for times: the columns are known by their names. */
function dated(row: Record<string, unknown>): Record<string, unknown> {
	const isTime = (name: string) => name === "at" || /(At|Before|After)$/.test(name);
	const read = ([name, value]: [string, unknown]) => [name, isTime(name) && value ? new Date(String(value)) : value];
	return Object.fromEntries(Object.entries(row).map(read as never));
}

/** The embedded database of a data directory. */
export const embeddedDatabase = (dataDir: string): BenchDatabase => sqliteBenchDatabase(join(dataDir, "ota.db"));
