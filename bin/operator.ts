/**
 * What the operator's commands share: the database of the configuration, opened beside a server that may run, without token
 * and agent; who is at the keyboard; results on stdout and the rest on stderr, both without anything that a terminal obeys.
 */
import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { type Config, readConfig } from "../lib/config.ts";
import { OtaError } from "../lib/errors.ts";
import type { Store } from "../lib/ports.ts";
import { providerOf, sqliteFile } from "../prisma/address.ts";
import { openStore } from "../prisma/client.ts";
import { missingMigrations } from "../prisma/migrate.ts";
import { printable } from "./printable.ts";

export interface Operator {
	config: Config;
	store: Store;
	now: Date;
	/** Login name. */
	by: string;
	/** A line of the result. */
	say(line: string): void;
	/** A line for the eyes alone. */
	tell(line: string): void;
}

/** Runs `work` and answers the exit code: its own, 1 where it was refused, 2 for a configuration that must change first. */
export async function asOperator(work: (operator: Operator) => Promise<0 | 1>): Promise<0 | 1 | 2> {
	const tell = (line: string) => void process.stderr.write(`${printable(line)}\n`);
	try {
		const config = readConfig(process.env, (path) => readFileSync(path, "utf8"), "command");
		await checkDatabase(config.databaseUrl);
		const store = await openStore(config.databaseUrl);
		const say = (line: string) => void process.stdout.write(`${printable(line)}\n`);
		try {
			return await work({ config, store, now: new Date(), by: loginName(), say, tell });
		} finally {
			await store.close();
		}
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		for (const line of error.message.split("\n")) tell(line);
		return error.code === "config" ? 2 : 1;
	}
}

/** To make a database, or to change one under a server of another version, is no errand of these commands. */
async function checkDatabase(databaseUrl: string): Promise<void> {
	const remedy = "Start the server once, or run: ota migrate";
	if (providerOf(databaseUrl) === "sqlite" && !existsSync(sqliteFile(databaseUrl))) {
		throw new OtaError("store_unavailable", `There is no database at ${sqliteFile(databaseUrl)}. ${remedy}`);
	}
	const missing = await missingMigrations(databaseUrl);
	if (missing.length === 0) return;
	throw new OtaError("store_unavailable", `The database lacks migrations (${missing.join(", ")}). ${remedy}`);
}

/** A container may run us under a number that no account has. */
function loginName(): string {
	try {
		return userInfo().username;
	} catch {
		return `uid ${process.getuid?.() ?? "unknown"}`;
	}
}
