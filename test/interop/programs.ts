/** Programs that others wrote: whether they are here, and what they say when they run. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "@jest/globals";
import { runOf } from "../harness/run.ts";

/** Debian keeps daemons where not everybody's PATH leads. */
const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

export function findProgram(name: string): string | null {
	return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** Why its tests cannot run: a program that is missing, with Debian's package; null when all of them are here. */
export function lackOf(names: readonly string[], debian: string): string | null {
	const missing = names.filter((name) => findProgram(name) === null);
	return missing.length === 0 ? null : `there is no ${missing.join(", no ")} (Debian: ${debian})`;
}

/** A describe that is skipped, with a printed reason, when there is one. */
export function describeUnless(lack: string | null, name: string, tests: () => void): void {
	if (lack !== null) console.log(`The tests of ${name} are skipped: ${lack}`);
	(lack === null ? describe : describe.skip)(name, tests);
}

/** To its end. It has no input, and nothing of the tests' configuration in its environment. */
export function runProgram(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
	const { PATH, HOME, NODE_ENV } = process.env;
	const child = spawn(findProgram(name) ?? name, args, {
		env: { PATH, HOME, NODE_ENV, LC_ALL: "C", ...env },
		stdio: ["ignore", "pipe", "pipe"],
	});
	return runOf(child);
}

/** As runProgram; throws with what it said when it ends with anything but 0. */
export async function runWell(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
	const run = await runProgram(name, args, env);
	if (run.code !== 0) throw new Error(`${name} ${args[0]} ended with ${run.code}:\n${run.stdout}${run.stderr}`);
	return run;
}

/** Asks until the answer is not null; throws after 10 seconds. */
export async function until<T>(what: string, ask: () => T | null | Promise<T | null>): Promise<T> {
	const end = performance.now() + 10_000;
	for (;;) {
		const answer = await ask();
		if (answer !== null) return answer;
		if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}
