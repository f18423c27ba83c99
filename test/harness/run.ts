/** A child process to its end, with what it said. */
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";

export interface Run {
	code: number | null;
	stdout: string;
	stderr: string;
}

/** Less than a test has. */
const patience = 90_000;

/** Rejects when it cannot be started; one that does not end is killed, and `stderr` says so last. */
export function runOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Run> {
	const run: Run = { code: null, stdout: "", stderr: "" };
	child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
		run.stdout += chunk;
	});
	child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
		run.stderr += chunk;
	});
	const timer = setTimeout(() => {
		run.stderr += `\nstill running after ${patience / 1000} s, and killed\n`;
		child.kill("SIGKILL");
		// A child of its own may hold them open.
		child.stdout.destroy();
		child.stderr.destroy();
	}, patience);
	const ended = new Promise<Run>((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (code) => resolve({ ...run, code }));
	});
	return ended.finally(() => clearTimeout(timer));
}
