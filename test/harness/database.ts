/** A real SQLite database in a directory of its own, with the committed migrations applied. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log, Store } from "../../lib/ports.ts";
import { prismaStore } from "../../lib/store/index.ts";
import { type DatabaseClient, openDatabase } from "../../prisma/client.ts";
import { applyMigrations } from "../../prisma/migrate.ts";

export const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface TemporaryDatabase {
	url: string;
	file: string;
	client: DatabaseClient;
	store: Store;
	/** Closes the store and removes the directory. */
	remove(): Promise<void>;
}

export async function temporaryDatabase(): Promise<TemporaryDatabase> {
	const folder = mkdtempSync(join(tmpdir(), "ota-store-"));
	const file = join(folder, "ota.db");
	const url = `file:${file}`;
	await applyMigrations(url, silent);
	const client = await openDatabase(url);
	const store = prismaStore(client);
	const remove = async () => {
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	};
	return { url, file, client, store, remove };
}
