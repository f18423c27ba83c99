/** A child process to its end, with what it said. */
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";

export interface Run {
	code: number | null;
	stdout: string;
	stderr: string;
}

/** Rejects when it cannot be started. */
export function runOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Run> {
	const run: Run = { code: null, stdout: "", stderr: "" };
	child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
		run.stdout += chunk;
	});
	child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
		run.stderr += chunk;
	});
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (code) => resolve({ ...run, code }));
	});
}
