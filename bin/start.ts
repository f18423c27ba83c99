/** `npm start`: the plain production server. Configuration from the environment alone; logs on stdout and stderr. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { readConfig } from "../lib/config.ts";
import { OtaError } from "../lib/errors.ts";
import { jsonLog } from "../lib/log.ts";
import { applyMigrations } from "../prisma/migrate.ts";
import { outliveReaders } from "./lost-output.ts";
import { startServer } from "./server.ts";

async function main(): Promise<number> {
	outliveReaders();
	const ended = new Promise<void>((done) => {
		for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => done());
	});
	const log = jsonLog();
	const env = { ...process.env, OTA_DATA_DIR: resolve(process.env.OTA_DATA_DIR?.trim() || ".ota") };
	const config = readConfig(env, (path) => readFileSync(path, "utf8"));
	await applyMigrations(config.databaseUrl, log);
	if (config.deviceRoots) log.warn("config.device_roots", { trusted: "further device roots beside Apple's" });
	let refused: () => void = () => undefined;
	const failed = new Promise<"refused">((done) => {
		refused = () => done("refused");
	});
	const server = startServer({
		config,
		env,
		localIdp: false,
		onLine: (_, line) => process.stdout.write(`${line}\n`),
		tell: (words) => log.warn("child.ended", { words }),
		onRefused: () => refused(),
	});
	const outcome = await Promise.race([ended, failed]);
	await server.stop();
	return outcome === "refused" ? 1 : 0;
}

try {
	process.exit(await main());
} catch (error) {
	process.stderr.write(`${error instanceof OtaError ? error.message : error instanceof Error ? error.stack : error}\n`);
	process.exit(1);
}
