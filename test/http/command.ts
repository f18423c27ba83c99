/** A built program as a person starts it: in a folder of its own, with no setting but those that are given. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../harness/server.ts";

export interface Command {
	child: ChildProcess;
	/** What it wrote so far on stdout and stderr. */
	output(): string;
	/** Resolves when the output matches; rejects when it ended before, or after 20 s. */
	saw(what: RegExp): Promise<void>;
	/** The exit code. */
	ended: Promise<number | null>;
	/** SIGTERM; answers the exit code. */
	stop(): Promise<number | null>;
}

/** `program` is a path below the repository. */
export function start(
	cwd: string,
	[program, ...args]: readonly [string, ...string[]],
	env: Readonly<Record<string, string>> = {},
): Command {
	const ours = /^(OTA_|OIDC_|NEXTAUTH_|NODE_|UV_|JEST|DATABASE_URL|SOFTHSM2_CONF|PORT$)/;
	const inherited = Object.entries(process.env).filter(([name]) => !ours.test(name));
	const child: ChildProcess = spawn(process.execPath, [join(root, program), ...args], {
		cwd,
		env: { ...Object.fromEntries(inherited), ...env } as NodeJS.ProcessEnv,
		stdio: ["ignore", "pipe", "pipe"],
	});
	let output = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding("utf8").on("data", (chunk: string) => {
			output += chunk;
		});
	}
	const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
	return {
		child,
		output: () => output,
		async saw(what) {
			const end = performance.now() + 20_000;
			while (!what.test(output)) {
				if (child.exitCode !== null || performance.now() > end) throw new Error(`${what} did not come:\n${output}`);
				await new Promise((done) => setTimeout(done, 20));
			}
		},
		ended,
		stop() {
			child.kill("SIGTERM");
			return ended;
		},
	};
}
