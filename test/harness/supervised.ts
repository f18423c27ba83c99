/** An agent under the supervisor that `up` and `npm start` give it, and load on it while something happens. */
import { type ChildProcess, spawn } from "node:child_process";
import { type KeyObject, randomBytes, verify } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connectAgent } from "../../hsm/client.ts";
import type { Keys, SigningRole } from "../../lib/ports.ts";
import { childrenOf } from "./processes.ts";
import { type AgentOptions, agentCommand } from "./token.ts";

export interface Ended {
	/** Exit code or signal. */
	ended: number | string | null;
	/** Milliseconds until the next start; null: none. */
	again: number | null;
}

export interface Supervised {
	address: string;
	keys: Keys & { close(): Promise<void> };
	/** Of the agent; undefined between two starts. */
	pid(): number | undefined;
	/** Every end of the agent. */
	ends: readonly Ended[];
	/** What the agent wrote. */
	log(): string;
	stop(): Promise<void>;
}

const program = fileURLToPath(new URL("./supervisor-process.mjs", import.meta.url));

/** Resolves when the agent answers. */
export async function startSupervised(options: AgentOptions): Promise<Supervised> {
	const address = `unix:${join(options.dir, "supervised", "agent.sock")}`;
	const { args, env } = agentCommand(options, address);
	const supervisor: ChildProcess = spawn(process.execPath, [program, JSON.stringify({ args })], {
		env,
		stdio: ["ignore", "pipe", "inherit"],
	});
	const ends: Ended[] = [];
	let lines = "";
	if (supervisor.stdout) {
		createInterface({ input: supervisor.stdout }).on("line", (line) => {
			const said = JSON.parse(line) as Ended | { line: string };
			if ("line" in said) lines += `${said.line}\n`;
			else ends.push(said);
		});
	}
	const keys = connectAgent({ address, deadline: options.deadline });
	const stop = async (): Promise<void> => {
		await keys.close();
		const exited = new Promise((resolve) => supervisor.once("exit", resolve));
		supervisor.kill("SIGTERM");
		await exited;
	};
	try {
		await until(() => keys.check().then(() => true));
	} catch (error) {
		await stop();
		throw new Error(`the agent did not start:\n${lines}`, { cause: error });
	}
	const pid = (): number | undefined =>
		childrenOf(supervisor.pid ?? 0).find((child) => child.command.includes("agent-process"))?.pid;
	return { address, keys, pid, ends, log: () => lines, stop };
}

export const pause = (milliseconds: number): Promise<void> =>
	new Promise((resolve) => setTimeout(resolve, milliseconds));

/** How long something that will be so may take on a busy machine (milliseconds). */
const patience = 20_000;

/** Asks until it is so, or throws what it threw last. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
	const end = performance.now() + patience;
	for (;;) {
		const outcome = await Promise.resolve()
			.then(isSo)
			.catch((error: unknown) => error);
		if (outcome === true) return;
		if (performance.now() > end) throw outcome === false ? new Error(`not so within ${patience} ms`) : outcome;
		await pause(20);
	}
}

export interface Load {
	/** Signatures that verified. */
	signed: number;
	/** Codes and words of those that failed. */
	failures: string[];
	/** The longest of a call (ms). */
	slowest: number;
}

/** Signs on several lanes without pause until `fault` has settled and for 300 ms more; each signature is verified. */
export async function signDuring(
	{ keys, role, publicKey, lanes = 16 }: { keys: Keys; role: SigningRole; publicKey: KeyObject; lanes?: number },
	fault: () => Promise<unknown>,
): Promise<Load> {
	const load: Load = { signed: 0, failures: [], slowest: 0 };
	let isOver = false;
	const lane = async (): Promise<void> => {
		while (!isOver) {
			const message = randomBytes(64);
			const began = performance.now();
			try {
				const signature = await keys.sign(role, "sha256", message);
				if (verify("sha256", message, publicKey, signature)) load.signed += 1;
				else load.failures.push("a signature that does not verify");
			} catch (error) {
				load.failures.push(`${(error as { code?: string }).code}: ${(error as Error).message}`);
			}
			load.slowest = Math.max(load.slowest, performance.now() - began);
		}
	};
	const running = Promise.all(Array.from({ length: lanes }, lane));
	await pause(100);
	try {
		await fault();
		await pause(300);
	} finally {
		isOver = true;
		await running;
	}
	return load;
}
