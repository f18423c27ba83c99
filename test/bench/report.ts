/** The figures of one bench file: rows of tables, kept as JSON in tmp/bench/ for whoever prints them (run.mjs) or compares them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../harness/server.ts";
import { describeMachine } from "./machine.ts";

type Cell = string | number | null;

/** Fewer repetitions, to see that everything runs: `npm run bench -- --quick`. */
export const isQuick = process.env.OTA_BENCH_QUICK === "1";
/** `count`, or a tenth of it in a quick run. */
export const amount = (count: number): number => (isQuick ? Math.ceil(count / 10) : count);

export class Report {
	private readonly tables: { title: string; rows: Record<string, Cell>[] }[] = [];
	private readonly raw: Record<string, unknown> = {};
	private readonly notes: string[] = [];
	private readonly machine = describeMachine();

	constructor(private readonly name: string) {}

	/** A row of the table with this title; figures are rounded to three digits that count. */
	row(title: string, row: Record<string, Cell>): void {
		if (!this.tables.some((table) => table.title === title)) this.tables.push({ title, rows: [] });
		const rounded = Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, shown(cell)]));
		this.tables.find((table) => table.title === title)?.rows.push(rounded);
	}

	/** What a table does not show: every repetition, unrounded. */
	keep(name: string, value: unknown): void {
		this.raw[name] = value;
	}

	/** A sentence under the tables: what was left out and why. */
	note(words: string): void {
		this.notes.push(words);
		progress(words);
	}

	/** tmp/bench/<name>.json */
	write(): void {
		const { machine, tables, notes, raw } = this;
		const folder = join(root, "tmp", "bench");
		mkdirSync(folder, { recursive: true });
		const content = { bench: this.name, at: new Date().toISOString(), quick: isQuick, machine, tables, notes, raw };
		writeFileSync(join(folder, `${this.name}.json`), `${JSON.stringify(content, null, "\t")}\n`);
	}
}

function shown(cell: Cell): Cell {
	if (typeof cell !== "number" || !Number.isFinite(cell)) return cell;
	return Math.abs(cell) >= 100 ? Math.round(cell) : Number(cell.toPrecision(3));
}

/** One line, past jest: for whoever waits. */
export function progress(words: string): void {
	process.stderr.write(`  bench: ${words}\n`);
}

export function quantile(values: readonly number[], q: number): number {
	return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0;
}
export const median = (values: readonly number[]): number => quantile(values, 0.5);
