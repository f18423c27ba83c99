/** What a DATABASE_URL says: which provider, and for SQLite which file. */
import { OtaError } from "../lib/errors.ts";
import type { Provider } from "./migrations.ts";

function providerOf(databaseUrl: string): Provider {
	if (databaseUrl.startsWith("file:")) return "sqlite";
	if (/^postgres(ql)?:\/\//.test(databaseUrl)) return "postgresql";
	throw new OtaError("config", "DATABASE_URL must start with file: or postgresql://");
}

/** The path of a SQLite file; a relative one is relative to the working directory. */
export function sqliteFile(databaseUrl: string): string {
	if (providerOf(databaseUrl) !== "sqlite") {
		throw new OtaError("config", "this version serves SQLite alone: DATABASE_URL must start with file:");
	}
	const path = databaseUrl.slice("file:".length).replace(/^\/\/(?=\/)/, "");
	if (path === "" || path.includes("?")) throw new OtaError("config", "DATABASE_URL must be file: and a path alone");
	return path;
}
