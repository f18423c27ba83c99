/**
 * PostgreSQL: the generated client over its driver adapter, a bounded pool, and errors that say whether a lost
 * connection can have left something behind.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import { DriverAdapterError, type SqlQuery, type SqlQueryable } from "@prisma/driver-adapter-utils";
import { OtaError } from "../lib/errors.ts";
import { postgresAddress } from "./address.ts";
import { PrismaClient } from "./generated/postgresql/client.ts";

/**
 * Milliseconds. A server that says nothing must not hold a request for ever: `query_timeout` is the driver's own, for when
 * not even the server's word arrives. A lost start is tried four times, so that all of it stays under the web server's 30 s.
 */
const patience = {
	connectionTimeoutMillis: 3_000,
	statement_timeout: 10_000,
	query_timeout: 12_000,
	idle_in_transaction_session_timeout: 15_000,
	keepAliveInitialDelayMillis: 10_000,
};

/** The database did nothing that was kept: the same may be asked again (Prisma: P1001). */
const nothingDone = "DatabaseNotReachable";
/** Whether it committed is not known (Prisma: P1017). */
const unknown = "ConnectionClosed";

class SteadyPostgres extends PrismaPg {
	override async connect() {
		const connection = await super.connect();
		const start = connection.startTransaction.bind(connection);
		const startTransaction: typeof start = async (isolationLevel) => {
			const transaction = await losing(nothingDone, () => start(isolationLevel));
			return telling(transaction, ({ sql }) => (sql === "COMMIT" ? unknown : nothingDone));
		};
		const readsOnly = ({ sql }: SqlQuery) => /^\s*SELECT\b/i.test(sql);
		return Object.assign(
			telling(connection, (query) => (readsOnly(query) ? nothingDone : unknown)),
			{ startTransaction },
		);
	}
}

type Loss = typeof nothingDone | typeof unknown;

/** The same queryable, whose lost connections are errors of the kind that `lossOf` names for the query. */
function telling<Q extends SqlQueryable>(queryable: Q, lossOf: (query: SqlQuery) => Loss): Q {
	const queryRaw = queryable.queryRaw.bind(queryable);
	const executeRaw = queryable.executeRaw.bind(queryable);
	return Object.assign(queryable, {
		queryRaw: (query: SqlQuery) => losing(lossOf(query), () => queryRaw(query)),
		executeRaw: (query: SqlQuery) => losing(lossOf(query), () => executeRaw(query)),
	});
}

async function losing<T>(kind: Loss, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (!isLost(error)) throw error;
		// The driver's words, which hold no password, are all that the operator has to go by.
		const words = error instanceof Error ? error.message : String(error);
		const told = error instanceof DriverAdapterError ? error.cause : { originalMessage: words };
		throw Object.assign(new DriverAdapterError({ ...told, kind }), { message: words });
	}
}

/** SQLSTATE class 08, and 57P01 to 57P03: shut down by the administrator, by a crash, not started yet. */
const lostStates = /^(08...|57P0[123])$/;
const lostKinds = ["DatabaseNotReachable", "ConnectionClosed", "SocketTimeout"];
/** A fault in the driver's own code is not the network's. */
const faults = [TypeError, RangeError, ReferenceError, SyntaxError];

/** The adapter passes on as they are what the driver says without a code: a closed socket, a pool that waited too long. */
function isLost(error: unknown): boolean {
	if (!(error instanceof DriverAdapterError)) return !faults.some((fault) => error instanceof fault);
	const { kind, originalCode } = error.cause;
	return lostKinds.includes(kind) || lostStates.test(originalCode ?? "");
}

/** Connects at once. Failure: store_unavailable, config. */
export async function openPostgres(databaseUrl: string): Promise<PrismaClient> {
	const { connectionString, connections: max } = postgresAddress(databaseUrl);
	const pool = { connectionString, max, keepAlive: true, application_name: "next-ota", ...patience };
	const client = new PrismaClient({
		adapter: new SteadyPostgres(pool),
		errorFormat: "minimal",
		// Under load transactions wait for a connection, which may take longer than Prisma's two seconds.
		transactionOptions: { maxWait: 10_000, timeout: 10_000 },
	});
	try {
		await client.$queryRaw`SELECT 1`;
	} catch (cause) {
		await client.$disconnect();
		throw new OtaError("store_unavailable", "the database does not answer", { cause });
	}
	return client;
}
