/**
 * Prisma's adapter prepares every statement anew, some 30 microseconds each, a dozen in an enrollment. Here a connection
 * keeps what it has prepared; SQLite itself prepares again what a changed schema has outdated.
 */
import type { Database, Statement } from "better-sqlite3";

/** As much of a statement as the adapter uses. */
type Prepared = Pick<Statement, "run"> & { bind(values: unknown[]): Bound };
type Bound = Pick<Statement, "reader" | "run" | "columns"> & { raw(): Pick<Statement, "all"> };

/** Ours are some twenty; Prisma's own differ with the length of a list. */
const mostKept = 200;

/** The same connection, whose `prepare` answers a statement that it has when the text is the same. */
export function keepPrepared(database: Database): void {
	const prepare = database.prepare.bind(database);
	const kept = new Map<string, Prepared>();
	const find = (sql: string): Prepared => {
		const known = kept.get(sql);
		if (known) return known;
		if (kept.size >= mostKept) kept.clear();
		const made = reusable(prepare(sql));
		kept.set(sql, made);
		return made;
	};
	Object.assign(database, { prepare: find });
}

/**
 * A better-sqlite3 statement that was once bound cannot be bound again; one that is given its values each time can. The
 * adapter asks for the columns first: they are those of the rows only once a changed schema has been noticed, by running.
 */
function reusable(statement: Statement): Prepared {
	return {
		run: () => statement.run(),
		bind(values) {
			let rows: unknown[] | null = null;
			const run = () => statement.raw(true).all(values);
			return {
				reader: statement.reader,
				run: () => statement.run(values),
				columns() {
					rows = run();
					return statement.columns();
				},
				raw: () => ({ all: () => rows ?? run() }),
			};
		},
	};
}
