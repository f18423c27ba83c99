/** All that a run of server, commands and devices lets others see: kept or found again, to be searched. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Transport } from "../device/index.ts";
import { changedSince, filesBelow, type Place } from "./canaries.ts";
import { descendantsOf } from "./processes.ts";
import type { Run } from "./run.ts";
import { root, type TestServer } from "./server.ts";

const program = join(root, "dist/bin/ota.js");
/** Where a program may leave what it needs for a while. */
const shared = [...new Set(["/tmp", tmpdir(), "/var/tmp", "/dev/shm"])];

export class Traces {
	private readonly kept: Place[] = [];
	private readonly begin = Date.now();
	private readonly there = new Set(shared.flatMap(entriesOf));
	private readonly folder = mkdtempSync(join(tmpdir(), "ota-traces-"));
	/** Where commands run and write. */
	readonly work = join(this.folder, "work");
	/** For every process: folders of this run alone. */
	readonly env = { TMPDIR: join(this.folder, "tmp"), HOME: join(this.folder, "home") };
	private server: TestServer | undefined;
	private commandEnv: Readonly<Record<string, string>> = {};

	/** @param passed over where they lie among others' files */
	constructor(private readonly passed: readonly string[]) {
		for (const folder of [this.work, this.env.TMPDIR, this.env.HOME]) mkdirSync(folder);
	}

	/** @param env all of the commands' environment */
	watch(server: TestServer, env: Readonly<Record<string, string>>): void {
		this.server = server;
		this.commandEnv = env;
	}

	/** What there is so far, processes as they are now. @param seen gets where something was */
	*places(seen: string[] = []): Generator<Place> {
		for (const place of this.allPlaces()) {
			if (place[1].length > 0) seen.push(place[0]);
			yield place;
		}
	}

	private *allPlaces(): Generator<Place> {
		const { server } = this;
		if (!server) throw new Error("no server is watched");
		this.keepProcesses("server", server.pid);
		yield* this.kept;
		yield ["output of the server", Buffer.from(server.output())];
		yield* filesBelow(server.dataDir);
		yield* filesBelow(this.folder);
		yield* this.newFiles([server.dataDir, this.folder, ...this.passed]);
	}

	/** In the server's working folder, and where files lie for a while. */
	private *newFiles(passed: readonly string[]): Generator<Place> {
		const isNew = changedSince(this.begin);
		const others = /\/(?:node_modules|\.git|test)$/;
		yield* filesBelow(root, (path) => !others.test(path) && isNew(path));
		const isOther = (path: string) => this.there.has(path) || passed.includes(path);
		// What lies deeper than a folder of its own is another program's whole tree.
		const isNear = (folder: string, path: string) => path.slice(folder.length).split("/").length <= 3;
		for (const folder of shared) {
			yield* filesBelow(folder, (path) => !isOther(path) && isNear(folder, path) && isNew(path));
		}
	}

	/** What /proc shows to others of the account: arguments and environment, of the process and of those below it. */
	private keepProcesses(what: string, pid: number): void {
		for (const each of [pid, ...descendantsOf(pid).map((process) => process.pid)]) {
			for (const name of ["cmdline", "environ"]) {
				try {
					this.kept.push([`${what}: /proc/${each}/${name}`, readFileSync(`/proc/${each}/${name}`)]);
				} catch {
					// It ended meanwhile.
				}
			}
		}
	}

	/** `ota ...` to its end, looked at while it runs. */
	async ota(args: readonly string[], input = ""): Promise<Run> {
		const { PATH = "" } = process.env;
		const env = { PATH, NODE_ENV: "test" as const, ...this.commandEnv };
		const child = spawn(process.execPath, [program, ...args], { cwd: this.work, env });
		const what = `ota ${args.join(" ")}`;
		const said: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
		for (const name of ["stdout", "stderr"] as const) {
			child[name].on("data", (chunk: Buffer) => said[name].push(chunk));
		}
		child.stdin.on("error", () => undefined).end(input);
		const look = setInterval(() => this.keepProcesses(what, Number(child.pid)), 100);
		const code = await new Promise<number | null>((resolve, reject) => {
			child.once("error", reject).once("close", resolve);
		}).finally(() => clearInterval(look));
		const [stdout, stderr] = [Buffer.concat(said.stdout), Buffer.concat(said.stderr)];
		this.kept.push([`${what}: stdout`, stdout], [`${what}: stderr`, stderr]);
		return { code, stdout: stdout.toString(), stderr: stderr.toString() };
	}

	/** Over the network; keeps what others see of a request, but for its body, which the device made, and all of the answer. */
	readonly transport: Transport = async (request) => {
		const what = `${request.method} ${request.url}`;
		const response = await fetch(request, { redirect: "manual" });
		const { status, statusText } = response;
		this.kept.push(
			[`${what}: request`, Buffer.from(`${request.url}\n${lines(request.headers)}`)],
			[`${what}: headers`, Buffer.from(`${status} ${statusText}\n${lines(response.headers)}`)],
			[`${what}: body`, new Uint8Array(await response.clone().arrayBuffer())],
		);
		return response;
	};

	remove(): void {
		rmSync(this.folder, { recursive: true, force: true });
	}
}

const lines = (headers: Headers): string => [...headers].map(([name, value]) => `${name}: ${value}\n`).join("");

function entriesOf(folder: string): string[] {
	try {
		return readdirSync(folder).map((name) => join(folder, name));
	} catch {
		return [];
	}
}

function reading<Result>(dataDir: string, read: (database: Database.Database) => Result): Result {
	const database = new Database(join(dataDir, "ota.db"), { readonly: true });
	try {
		return read(database);
	} finally {
		database.close();
	}
}

/** Each field of each row, whole, where a file of pages may have it in pieces. */
export function rowsOf(dataDir: string): Place[] {
	return reading(dataDir, (database) => {
		const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
		return tables.flatMap((table) =>
			(database.prepare(`SELECT * FROM "${table}"`).all() as Record<string, unknown>[]).flatMap((row) =>
				Object.entries(row).map(
					([column, value]): Place => [
						`${table}.${column}`,
						value instanceof Uint8Array ? value : Buffer.from(String(value)),
					],
				),
			),
		);
	});
}

/** The octets that devices got, oldest first. */
export const deliveriesOf = (dataDir: string): Uint8Array[] =>
	reading(
		dataDir,
		(database) =>
			database.prepare('SELECT "profile" FROM "Delivery" ORDER BY "deliveredAt"').pluck().all() as Uint8Array[],
	);
