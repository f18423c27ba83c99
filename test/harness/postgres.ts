/** A real PostgreSQL for tests and benchmarks: started once per file, on a free port, with databases as many as wanted. */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { applyMigrations } from "../../prisma/migrate.ts";
import { silent } from "./database.ts";

export interface TestPostgres {
	/** Of an empty database, without migrations. */
	url: string;
	/** The URL of a fresh database with the committed migrations. */
	database(): Promise<string>;
	/** The URL of a fresh database without them. */
	emptyDatabase(): Promise<string>;
	/** The server goes away, as for an update; `resume` brings it back on the same port with its data. */
	halt(): Promise<void>;
	resume(): Promise<void>;
	/** Ends the server and removes all of it; so does the end of this process. */
	stop(): Promise<void>;
}

/**
 * Takes about two seconds.
 * @param settings `durable: false` does not wait for the disk: quicker, for tests of what is written, not of crashes
 */
export async function startPostgres(settings: { durable?: boolean } = {}): Promise<TestPostgres> {
	const password = randomBytes(12).toString("hex");
	const flags = settings.durable === false ? ["-c", "fsync=off", "-c", "full_page_writes=off"] : [];
	const program = fileURLToPath(new URL("./postgres-process.mjs", import.meta.url));
	// In a group of its own: Ctrl-C reaches the tests alone, and the child tidies up once they are gone.
	const child = fork(program, [JSON.stringify({ password, flags })], { execArgv: [], stdio: "ignore", detached: true });
	const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	const ask = asker(child);
	const stop = async () => {
		if (child.connected) child.disconnect();
		await ended;
	};
	try {
		const port = await ask("start");
		const urlOf = (name: string) => `postgresql://ota:${password}@127.0.0.1:${port}/${name}`;
		let count = 0;
		const create = async (template: string) => {
			count += 1;
			await ask("run", `CREATE DATABASE "test${count}" TEMPLATE "${template}"`);
			return urlOf(`test${count}`);
		};
		let migrated: Promise<string> | null = null;
		const migrate = async () => {
			await ask("run", `CREATE DATABASE "migrated"`);
			await applyMigrations(urlOf("migrated"), silent);
			return "migrated";
		};
		return {
			url: urlOf("postgres"),
			async database() {
				migrated ??= migrate();
				return create(await migrated);
			},
			emptyDatabase: () => create("template1"),
			halt: async () => void (await ask("halt")),
			resume: async () => void (await ask("resume")),
			stop,
		};
	} catch (error) {
		await stop();
		throw error;
	}
}

type Answer = { id: number; value?: unknown; error?: string };

/** Commands of postgres-process.mjs, each with its answer. */
function asker(child: ChildProcess): (command: string, ...args: string[]) => Promise<unknown> {
	const waiting = new Map<number, (answer: Answer) => void>();
	let last = 0;
	const ready = new Promise<Answer>((resolve) => waiting.set(0, resolve));
	child.on("message", (answer: Answer) => waiting.get(answer.id)?.(answer));
	child.once("exit", () => {
		for (const [id, tell] of waiting) tell({ id, error: "the PostgreSQL process ended" });
	});
	return async (command, ...args) => {
		await ready;
		return new Promise((resolve, reject) => {
			last += 1;
			const id = last;
			waiting.set(id, ({ value, error }) => {
				waiting.delete(id);
				if (error === undefined) resolve(value);
				else reject(new Error(`PostgreSQL could not ${command}: ${error}`));
			});
			child.send({ id, command, args });
		});
	};
}
