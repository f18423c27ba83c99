/** Developers: `node dist/prisma/draft.js NAME` writes the migrations that bring every provider to the models. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { migrationsFolder, type Provider, readMigrations } from "./migrations.ts";
import { pendingSql } from "./pending.ts";

async function draft(provider: Provider, directory: string): Promise<void> {
	const folder = migrationsFolder(provider);
	mkdirSync(folder, { recursive: true });
	const schema = readFileSync(join(folder, "..", "..", "generated", `${provider}.prisma`), "utf8");
	const sql = await pendingSql(provider, readMigrations(provider), schema);
	if (sql === "") {
		console.log(`${provider}: nothing to do`);
		return;
	}
	mkdirSync(join(folder, directory));
	writeFileSync(join(folder, directory, "migration.sql"), sql);
	writeFileSync(join(folder, "migration_lock.toml"), `provider = "${provider}"\n`);
	console.log(`${provider}: ${directory}`);
}

const name = process.argv[2];
if (name === undefined || !/^[a-z0-9_]+$/.test(name)) {
	console.error("usage: draft NAME (lower-case letters, digits and _)");
	process.exitCode = 2;
} else {
	const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
	await draft("sqlite", `${stamp}_${name}`);
	await draft("postgresql", `${stamp}_${name}`);
}
