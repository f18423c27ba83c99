/** What a DATABASE_URL says: which provider, for SQLite which file, for PostgreSQL which server. */
import { OtaError } from "../lib/errors.ts";
import type { Provider } from "./migrations.ts";

/** Failure: config. */
export function providerOf(databaseUrl: string): Provider {
	if (databaseUrl.startsWith("file:")) return "sqlite";
	if (/^postgres(ql)?:\/\//.test(databaseUrl)) return "postgresql";
	throw new OtaError("config", "DATABASE_URL must start with file: or postgresql://");
}

/** The path of a SQLite file; a relative one is relative to the working directory. Failure: config. */
export function sqliteFile(databaseUrl: string): string {
	const path = databaseUrl.slice("file:".length).replace(/^\/\/(?=\/)/, "");
	if (path === "" || path.includes("?")) throw new OtaError("config", "DATABASE_URL must be file: and a path alone");
	return path;
}

export interface PostgresAddress {
	/** For the driver, without what is ours. Holds the password. */
	connectionString: string;
	/** Most connections that this process opens. */
	connections: number;
}

/**
 * `connection_limit` is Prisma's own word for the size of the pool; every other parameter is the driver's (sslmode, ...).
 * Failure: config, whose words never repeat the URL: it holds a password.
 */
export function postgresAddress(databaseUrl: string): PostgresAddress {
	if (!URL.canParse(databaseUrl)) throw new OtaError("config", "DATABASE_URL is no address; escape its password (%40)");
	const url = new URL(databaseUrl);
	if (url.pathname.length < 2) {
		throw new OtaError("config", "DATABASE_URL names no database: postgresql://user:password@host:5432/database");
	}
	const limit = url.searchParams.get("connection_limit") ?? "10";
	const connections = Number(limit);
	if (!/^\d{1,4}$/.test(limit) || connections < 1) {
		throw new OtaError("config", "DATABASE_URL: connection_limit must be a number from 1");
	}
	if ((url.searchParams.get("schema") ?? "public") !== "public") {
		throw new OtaError("config", "DATABASE_URL: schema must be public; give next-ota a database of its own");
	}
	for (const name of ["connection_limit", "schema"]) url.searchParams.delete(name);
	return { connectionString: url.href, connections };
}
