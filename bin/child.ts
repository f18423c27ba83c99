/** A child process that is started again when it ends, with growing pauses, until it is told to stop. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface ChildOptions {
	/** For people: "agent". */
	name: string;
	/** Arguments of node. */
	args: readonly string[];
	env: NodeJS.ProcessEnv;
	cwd: string;
	/** Each line the child writes on stdout or stderr. */
	onLine(line: string): void;
	/** It ended by itself; `again`: milliseconds until the next start, null when it will not be started again. */
	onEnd(code: number | null, signal: NodeJS.Signals | null, again: number | null): void;
}

const firstPause = 25;
const longestPause = 5_000;
/** Who ran this long starts with the first pause again. */
const steady = 10_000;
/** A child with this exit code refused its configuration: trying again will not help. */
const refused = 2;
/** Unless it ran this long before: what it misses now, a token say, was there and may come back. */
const accepted = 1_000;

export class Child {
	private process: ChildProcess | null = null;
	private timer: NodeJS.Timeout | null = null;
	private pause = firstPause;
	private stopping = false;
	private hasServed = false;

	constructor(private readonly options: ChildOptions) {}

	start(): void {
		const { args, env, cwd } = this.options;
		const tether = new URL("./tether.js", import.meta.url).href;
		const started = performance.now();
		// Not detached: it belongs to our process group, so that Ctrl-C reaches it too.
		const child = spawn(process.execPath, ["--import", tether, ...args], {
			env,
			cwd,
			stdio: ["ignore", "pipe", "pipe", "ipc"],
		});
		this.process = child;
		for (const stream of [child.stdout, child.stderr]) {
			if (stream) createInterface({ input: stream }).on("line", this.options.onLine);
		}
		child.once("exit", (code, signal) => this.ended(code, signal, performance.now() - started));
		// No process, no exit: the system had none to give.
		child.on("error", () => {
			if (child.pid === undefined) this.ended(null, null, 0);
		});
	}

	/** From now on it is not started again: Ctrl-C ends it by itself. */
	retire(): void {
		this.stopping = true;
	}

	/** SIGTERM, and SIGKILL after the grace (milliseconds). */
	async stop(grace: number): Promise<void> {
		this.stopping = true;
		if (this.timer) clearTimeout(this.timer);
		const child = this.process;
		if (child?.pid === undefined) return;
		const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
		child.kill("SIGTERM");
		const timer = setTimeout(() => child.kill("SIGKILL"), grace);
		await ended;
		clearTimeout(timer);
	}

	private ended(code: number | null, signal: NodeJS.Signals | null, ranFor: number): void {
		this.process = null;
		if (this.stopping) return;
		if (code !== refused && ranFor > accepted) this.hasServed = true;
		if (code === refused && !this.hasServed) {
			this.options.onEnd(code, signal, null);
			return;
		}
		if (ranFor > steady) this.pause = firstPause;
		const pause = this.pause;
		this.pause = Math.min(pause * 2, longestPause);
		this.options.onEnd(code, signal, pause);
		this.timer = setTimeout(() => this.start(), pause);
	}
}
