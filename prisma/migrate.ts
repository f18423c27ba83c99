/** Brings a database to the committed migrations, as `prisma migrate deploy` would, without its engine binary. */
import { OtaError } from "../lib/errors.ts";
import type { Log } from "../lib/ports.ts";
import { providerOf } from "./address.ts";
import { everything, withEngine } from "./engine.ts";
import { type MigrationTarget, readMigrations } from "./migrations.ts";

/**
 * Applies what is missing and answers the names. Creates a SQLite file (0600); a PostgreSQL database must be there.
 * Of several processes at the same moment one applies them, and the others find nothing to do.
 * Failure: store_unavailable, config.
 */
export async function applyMigrations(databaseUrl: string, log: Log): Promise<string[]> {
	const provider = providerOf(databaseUrl);
	const target = await targetOf(databaseUrl);
	const migrationsList = readMigrations(provider);
	try {
		const finished = new Set(await target.finished());
		// A quick look that spares loading the engine.
		if (migrationsList.migrationDirectories.every(({ path }) => finished.has(path))) {
			await target.verify();
			return [];
		}
		const { appliedMigrationNames: names } = await withEngine(target.factory, null, (engine) =>
			engine.applyMigrations({ migrationsList, filters: everything }),
		);
		await target.verify();
		if (names.length > 0) log.info("database.migrated", { migrations: names.join(" ") });
		return names;
	} catch (cause) {
		if (cause instanceof OtaError) throw cause;
		const why = cause instanceof Error && cause.message ? `: ${cause.message}` : "";
		throw new OtaError("store_unavailable", `the database's migrations could not be applied${why}`, { cause });
	}
}

/** Names of the committed migrations that the database lacks. Failure: store_unavailable, config. */
export async function missingMigrations(databaseUrl: string): Promise<string[]> {
	try {
		const finished = new Set(await (await targetOf(databaseUrl)).finished());
		const { migrationDirectories } = readMigrations(providerOf(databaseUrl));
		return migrationDirectories.map(({ path }) => path).filter((path) => !finished.has(path));
	} catch (cause) {
		if (cause instanceof OtaError) throw cause;
		const why = cause instanceof Error && cause.message ? `: ${cause.message}` : "";
		throw new OtaError("store_unavailable", `the database cannot be asked for its migrations${why}`, { cause });
	}
}

async function targetOf(databaseUrl: string): Promise<MigrationTarget> {
	if (providerOf(databaseUrl) === "sqlite") return (await import("./sqlite.ts")).sqliteTarget(databaseUrl);
	return (await import("./postgresql-migrations.ts")).postgresTarget(databaseUrl);
}
