/**
 * `npm run bench [-- PATTERN] [--quick]`: the benchmarks whose path has PATTERN in it, one after the other, and at the end their
 * figures as tables. Other arguments are jest's. `--quick` does a tenth of the work, to see that everything runs.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const results = join(root, "tmp", "bench");
const started = Date.now();
const args = process.argv.slice(2).filter((arg) => arg !== "--quick");
const quick = process.argv.includes("--quick") ? { OTA_BENCH_QUICK: "1" } : {};
// Before the build makes a load of its own.
const env = { ...process.env, ...quick, OTA_BENCH_LOAD: String(loadavg()[0]) };
const program = ["bin/test.mjs", "--testMatch", "**/test/bench/**/*.bench.ts", "--runInBand", ...args];
const { status } = spawnSync(process.execPath, program, { cwd: root, env, stdio: "inherit" });

const reports = newReports();
const [first] = reports;
if (first) {
	console.log(`\n${describe(first)}\n`);
	for (const { tables } of reports) for (const { title, rows } of tables) console.log(`${title}\n\n${table(rows)}\n`);
	for (const words of disturbances(reports)) console.log(words);
	for (const { notes } of reports) for (const note of notes) console.log(`Note: ${note}`);
	console.log(`Raw figures: ${reports.map(({ bench }) => `tmp/bench/${bench}.json`).join(", ")}`);
	console.log(`${Math.round((Date.now() - started) / 1000)} s`);
}
process.exitCode = status === 0 ? 0 : 1;

/** The machine may be quiet before the bench and not while it runs. */
function disturbances(all) {
	const rows = all.flatMap(({ tables }) => tables.flatMap(({ rows }) => rows));
	const disturbed = rows.filter((row) => row["others' cores"] > 0.25);
	return disturbed.length === 0
		? []
		: [`NOT A QUIET MACHINE: in ${disturbed.length} rows others kept more than a quarter of a core busy.`];
}

/** What this run wrote. */
function newReports() {
	let names = [];
	try {
		names = readdirSync(results).filter((name) => name.endsWith(".json"));
	} catch (error) {
		if (error.code !== "ENOENT") throw error;
	}
	return names
		.map((name) => join(results, name))
		.filter((path) => statSync(path).mtimeMs >= started)
		.map((path) => JSON.parse(readFileSync(path, "utf8")));
}

function describe({ machine, quick: isQuick }) {
	const { cpu, cores, memoryGigabytes, system, node, openssl, load, isQuiet } = machine;
	const facts = `${cpu}, ${cores} cores, ${memoryGigabytes} GB, ${system}, Node ${node}, OpenSSL ${openssl}`;
	const warnings = [
		isQuiet
			? null
			: `NOT A QUIET MACHINE: the load average was ${load} before the bench began. Do not believe these figures.`,
		isQuick ? "A QUICK RUN: a tenth of the work. It shows that everything runs, not how fast." : null,
	];
	return [`${facts}; load ${load}`, ...warnings.filter(Boolean)].join("\n");
}

/** Markdown. */
function table(rows) {
	const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
	const lines = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "-")))];
	const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
	const isFigure = names.map((name) => rows.every((row) => typeof (row[name] ?? 0) === "number"));
	const shown = lines.map((line) =>
		line.map((cell, at) => (isFigure[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))),
	);
	const rule = widths.map((width, at) => (isFigure[at] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
	return [shown[0], rule, ...shown.slice(1)].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
