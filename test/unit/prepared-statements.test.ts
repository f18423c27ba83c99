/** Statements that a connection keeps: on real SQLite files. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import Database from "better-sqlite3";
import { keepPrepared } from "../../prisma/statements.ts";

let folder: string;
let database: Database.Database;
let prepared: string[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "ota-statements-"));
	database = new Database(join(folder, "s.db"));
	database.pragma("journal_mode = WAL");
	database.exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
	prepared = [];
	const prepare = database.prepare.bind(database);
	Object.assign(database, {
		prepare(sql: string) {
			prepared.push(sql);
			return prepare(sql);
		},
	});
	keepPrepared(database);
});
afterEach(() => {
	database.close();
	rmSync(folder, { recursive: true });
});

/** As Prisma's adapter does it. */
const execute = (sql: string, ...values: unknown[]) => database.prepare(sql).bind(values).run().changes;
function query(sql: string, ...values: unknown[]) {
	const statement = database.prepare(sql).bind(values);
	return { columns: statement.columns().map(({ name }) => name), rows: statement.raw().all() };
}

describe("kept statements", () => {
	it("are prepared once and take other values each time", () => {
		for (let a = 1; a <= 3; a++) expect(execute("INSERT INTO t VALUES (?, ?)", a, `b${a}`)).toBe(1);
		const rows = [1, 2, 3].map((a) => query("SELECT b FROM t WHERE a = ?", a).rows);
		expect(rows).toEqual([[["b1"]], [["b2"]], [["b3"]]]);
		expect(prepared).toEqual(["INSERT INTO t VALUES (?, ?)", "SELECT b FROM t WHERE a = ?"]);
	});

	it("hold no value of the time before", () => {
		execute("INSERT INTO t VALUES (?, ?)", 1, "secret");
		expect(() => execute("INSERT INTO t VALUES (?, ?)", 2)).toThrow(/parameter/);
		expect(query("SELECT count(*) FROM t").rows).toEqual([[1]]);
	});

	it("see the columns that another connection has added", () => {
		execute("INSERT INTO t VALUES (?, ?)", 1, "x");
		expect(query("SELECT * FROM t").columns).toEqual(["a", "b"]);
		const other = new Database(join(folder, "s.db"));
		other.exec("ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'new'");
		other.close();
		expect(query("SELECT * FROM t")).toEqual({ columns: ["a", "b", "c"], rows: [[1, "x", "new"]] });
	});

	it("answer their rows to whoever does not ask for the columns", () => {
		execute("INSERT INTO t VALUES (?, ?)", 1, "x");
		expect(database.prepare("SELECT * FROM t WHERE a = ?").bind([1]).raw().all()).toEqual([[1, "x"]]);
	});

	it("work again after one of them has failed", () => {
		execute("INSERT INTO t VALUES (?, ?)", 1, "x");
		expect(() => execute("INSERT INTO t VALUES (?, ?)", 1, "x")).toThrow(/UNIQUE/);
		expect(execute("INSERT INTO t VALUES (?, ?)", 2, "y")).toBe(1);
	});

	it("are not kept without end", () => {
		for (let n = 0; n < 1_000; n++) query(`SELECT ${n}`);
		for (let n = 0; n < 1_000; n++) expect(query(`SELECT ${n}`).rows).toEqual([[n]]);
		expect(prepared.length).toBe(2_000);
	});
});
