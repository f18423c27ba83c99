/** Runs jest, and once more the files that failed while the machine stood still; `npm test` is this after its set-up. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Answers `{ passed, failed, skipped, status }`, of every file's last run.
 * @param {{
 *   jest: readonly string[], args: readonly string[], cwd: string, env: NodeJS.ProcessEnv,
 *   folder: string, stalls: readonly { what: string, from: number, to: number }[], say: (line: string) => void
 * }} options `jest`: its program and configuration; `args`: which tests; `folder`: for jest's results; `stalls`: grows
 * while the tests run
 */
export async function runJest({ jest, args, cwd, env, folder, stalls, say }) {
	const first = await run("results.json", args);
	const failed = first.files.filter(({ status }) => status === "failed");
	const disturbed = failed.filter(({ startTime, endTime }) =>
		stalls.some(({ from, to }) => from <= endTime && to >= startTime),
	);
	for (const { what, from, to } of stalls) {
		say(`${what} for ${((to - from) / 1000).toFixed(1)} s, until ${new Date(to).toISOString()}.`);
	}
	if (disturbed.length === 0) return { ...counted(first.files), status: first.status };
	say(`Failed meanwhile, and run again: ${disturbed.map(({ name }) => name.replace(`${cwd}/`, "")).join(", ")}`);
	const again = await run("again.json", ["--runTestsByPath", ...disturbed.map(({ name }) => name)]);
	const files = first.files.map((file) => again.files.find(({ name }) => name === file.name) ?? file);
	return { ...counted(files), status: files.some(({ status }) => status === "failed") ? 1 : again.status };

	async function run(name, which) {
		const results = join(folder, name);
		const child = spawn(process.execPath, [...jest, "--json", `--outputFile=${results}`, ...which], {
			cwd,
			env,
			stdio: ["ignore", process.stderr, process.stderr],
		});
		const status = await new Promise((resolve) => child.once("close", resolve));
		return { status, files: existsSync(results) ? JSON.parse(readFileSync(results, "utf8")).testResults : [] };
	}
}

/** A test file that could not even be loaded has failed. */
function counted(files) {
	const each = files.flatMap(({ status, assertionResults }) => {
		const all = assertionResults.map((test) => test.status);
		return status === "failed" && !all.includes("failed") ? [...all, "failed"] : all;
	});
	const count = (...statuses) => each.filter((status) => statuses.includes(status)).length;
	return { passed: count("passed"), failed: count("failed"), skipped: count("pending", "todo", "skipped") };
}
