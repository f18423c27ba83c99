/** `ota migrate`: brings the database to this version's models. The server does the same when it starts. */
import { readFileSync } from "node:fs";
import { readConfig } from "../../lib/config.ts";
import { OtaError } from "../../lib/errors.ts";
import { jsonLog } from "../../lib/log.ts";
import { applyMigrations } from "../../prisma/migrate.ts";

const usage = `usage: ota migrate

Applies the migrations that the database of DATABASE_URL (default: ota.db in OTA_DATA_DIR) lacks, and prints their names.
`;

/** Exit code 2: the configuration is at fault. */
export async function run(args: readonly string[]): Promise<number> {
	if (args.length > 0) {
		process.stderr.write(usage);
		return 2;
	}
	try {
		const config = readConfig(process.env, (path) => readFileSync(path, "utf8"), "command");
		const names = await applyMigrations(config.databaseUrl, { ...jsonLog(), info: () => undefined });
		process.stdout.write(names.map((name) => `${name}\n`).join(""));
		return 0;
	} catch (error) {
		process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
		return error instanceof OtaError && error.code === "config" ? 2 : 1;
	}
}
