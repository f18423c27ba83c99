/**
 * Developers: `node dist/prisma/draft.js NAME` writes the migrations that bring every provider to the models. The earlier
 * ones of PostgreSQL are replayed on the server that DATABASE_URL names, in a database made for that.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { providerOf } from "./address.ts";
import { migrationsFolder } from "./migrations.ts";
import { inMemory, pendingSql } from "./pending.ts";

async function draft(url: Parameters<typeof pendingSql>[0], directory: string): Promise<void> {
	const provider = providerOf(url);
	const folder = migrationsFolder(provider);
	mkdirSync(folder, { recursive: true });
	const schema = readFileSync(join(folder, "..", "..", "generated", `${provider}.prisma`), "utf8");
	const sql = await pendingSql(url, schema);
	if (sql === "") {
		console.log(`${provider}: nothing to do`);
		return;
	}
	mkdirSync(join(folder, directory));
	writeFileSync(join(folder, directory, "migration.sql"), sql);
	writeFileSync(join(folder, "migration_lock.toml"), `provider = "${provider}"\n`);
	console.log(`${provider}: ${directory}`);
}

const isPostgres = (url: string): url is `postgres${string}` => url.startsWith("postgres");

const name = process.argv[2];
const server = process.env.DATABASE_URL ?? "";
if (name === undefined || !/^[a-z0-9_]+$/.test(name) || !isPostgres(server)) {
	console.error("usage: DATABASE_URL=postgresql://... draft NAME (lower-case letters, digits and _)");
	process.exitCode = 2;
} else {
	const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
	await draft(inMemory, `${stamp}_${name}`);
	await draft(server, `${stamp}_${name}`);
}
