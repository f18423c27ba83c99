/** The committed migrations of a provider, read from the package's own folder wherever it was started from. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SqlMigrationAwareDriverAdapterFactory } from "@prisma/driver-adapter-utils";
import type { MigrationList } from "@prisma/schema-engine-wasm";

export type Provider = "sqlite" | "postgresql";

/** A database to be migrated. */
export interface MigrationTarget {
	factory: SqlMigrationAwareDriverAdapterFactory;
	/** Names in `_prisma_migrations` that were finished and not rolled back; none without that table. */
	finished(): Promise<string[]>;
	/** What must hold of the database before it is used. Failure: store_unavailable. */
	verify(): Promise<void>;
}

/** The folder of a provider's migrations: beside this file in the sources, one level above it in dist/. */
export function migrationsFolder(provider: Provider): string {
	let folder = dirname(fileURLToPath(import.meta.url));
	while (!existsSync(join(folder, "prisma", "migrations"))) {
		const parent = dirname(folder);
		if (parent === folder) throw new Error("the package's prisma/migrations folder is missing");
		folder = parent;
	}
	return join(folder, "prisma", "migrations", provider);
}

/** What the schema engine wants to know of a migrations folder. */
export function readMigrations(provider: Provider): MigrationList {
	const baseDir = migrationsFolder(provider);
	const names = readdirSync(baseDir).filter((name) => existsSync(join(baseDir, name, "migration.sql")));
	const lockfile = join(baseDir, "migration_lock.toml");
	return {
		baseDir,
		lockfile: { path: "migration_lock.toml", content: existsSync(lockfile) ? readFileSync(lockfile, "utf8") : null },
		shadowDbInitScript: "",
		migrationDirectories: names.sort().map((name) => ({
			path: name,
			migrationFile: {
				path: "migration.sql",
				content: { tag: "ok", value: readFileSync(join(baseDir, name, "migration.sql"), "utf8") },
			},
		})),
	};
}
