/** The built server on a database of either kind, with the database's own door and the processes whose time is counted. */

import { startPostgres, type TestPostgres } from "../harness/postgres.ts";
import { childrenOf, descendantsOf } from "../harness/processes.ts";
import { startServer, type TestServer } from "../harness/server.ts";
import { type BenchDatabase, embeddedDatabase, postgresBenchDatabase } from "./bench-database.ts";

export interface BenchServer {
	server: TestServer;
	database: BenchDatabase;
	/** Pids by name: web, agent, and postgres where it is one. */
	processes(): Record<string, number>;
	/** Ends all; the data directory stays. */
	stop(): Promise<void>;
}

export interface BenchSettings {
	dataDir: string;
	database: BenchDatabase["name"];
	plainNext?: boolean;
	env?: Readonly<Record<string, string>>;
}

export async function startBenchServer({
	dataDir,
	database: kind,
	plainNext = false,
	env,
}: BenchSettings): Promise<BenchServer> {
	const postgres = kind === "PostgreSQL" ? await startPostgres() : null;
	const url = await postgres?.database();
	const server = await startServer({ dataDir, plainNext, env: { ...env, ...(url && { DATABASE_URL: url }) } });
	const database = url ? await postgresBenchDatabase(url) : embeddedDatabase(dataDir);
	const agent = pidOf(childrenOf(server.pid), /dist\/bin\/ota\.js agent$/);
	const own: Record<string, number> = postgres ? { postgres: pidOf(descendantsOf(process.pid), /\/postgres -D /) } : {};
	return {
		server,
		database,
		processes: () => ({ web: server.webPid(), agent, ...own }),
		stop: () => end(server, database, postgres),
	};
}

function pidOf(processes: ReturnType<typeof childrenOf>, command: RegExp): number {
	const found = processes.find((one) => command.test(one.command));
	if (!found) throw new Error(`there is no process ${command} among ${processes.map((one) => one.command).join(", ")}`);
	return found.pid;
}

async function end(server: TestServer, database: BenchDatabase, postgres: TestPostgres | null): Promise<void> {
	await database.close();
	await server.end();
	await postgres?.stop();
}
