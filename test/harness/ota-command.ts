/** `ota ...` as a person types it: the built command line in a process of its own. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Run, runOf } from "./run.ts";
import { root, type TestServer } from "./server.ts";

const program = join(root, "dist/bin/ota.js");

/** To its end, in `cwd`, with nothing in its environment but what is given. */
export function runOta(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
	const { PATH, HOME } = process.env;
	return spawnSync(process.execPath, [program, ...args], {
		cwd,
		encoding: "utf8",
		env: { PATH, HOME, NODE_ENV: "test", ...env },
	});
}

/** `ota device enroll` against a server, beside which the test goes on. */
export function enrollDevice(server: TestServer, dataDir: string, args: readonly string[]): Promise<Run> {
	const where = ["--url", server.url, "--data-dir", dataDir];
	const child = spawn(process.execPath, [program, "device", "enroll", ...where, ...args], {
		stdio: ["ignore", "pipe", "pipe"],
	});
	return runOf(child);
}
