/** What a Prisma error means here, told by its code (Prisma error reference) and its adapter's kind: never by its words. */
import { OtaError } from "../errors.ts";

/** Thrown inside a transaction to roll it back: a condition did not hold, nothing shall be written. */
class ConditionFailed extends Error {}

/** `count`, of the rows that a conditional statement changed, must be one; else the transaction is rolled back. */
export function must(count: unknown): void {
	if (count !== 1) throw new ConditionFailed();
}

/** A condition did not hold: the transaction was rolled back and nothing was written. */
function isConditionFailed(error: unknown): boolean {
	return error instanceof ConditionFailed || codeOf(error) === "P2025";
}

/** A unique column has this value already. */
export function isUnique(error: unknown): boolean {
	return codeOf(error) === "P2002" || kindOf(error) === "UniqueConstraintViolation";
}

/** A row refers to one that is not there. */
export function isForeignKey(error: unknown): boolean {
	return codeOf(error) === "P2003" || kindOf(error) === "ForeignKeyConstraintViolation";
}

/**
 * Locked by another process, deadlock or write conflict, too many connections, a server that is away for a moment
 * (prisma/postgresql.ts says so only where nothing was kept). In all of them nothing was written. Not P2028: who has waited
 * ten seconds for a transaction in vain makes the crowd no smaller by waiting again.
 */
const passing = [
	...["P1008", "SocketTimeout"],
	...["P2034", "TransactionWriteConflict"],
	...["P1001", "DatabaseNotReachable"],
	...["P2037", "TooManyConnections"],
];
/** Milliseconds before each further try. The driver itself waits for a lock first (busy_timeout). */
const pauses = [20, 80, 320];

/** `work`, again while its failure may pass; every other failure is the caller's to judge. */
export async function persist<T>(work: () => PromiseLike<T>): Promise<T> {
	for (const pause of pauses) {
		try {
			return await work();
		} catch (error) {
			if (!passing.includes(codeOf(error)) && !passing.includes(kindOf(error))) throw error;
			await new Promise((resolve) => setTimeout(resolve, pause));
		}
	}
	return work();
}

/** True when `work` committed, false when one of its conditions did not hold. */
export async function holds(work: () => PromiseLike<unknown>): Promise<boolean> {
	try {
		await persist(work);
		return true;
	} catch (error) {
		if (isConditionFailed(error)) return false;
		throw error;
	}
}

/** Whatever else the database says is one failure to the rest of the program. */
export async function available<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (cause) {
		if (cause instanceof OtaError) throw cause;
		throw new OtaError("store_unavailable", "the database could not do what was asked", { cause });
	}
}

/** Prisma's code; that of every raw statement is P2010, whatever happened. */
function codeOf(error: unknown): string {
	return error instanceof Error && "code" in error ? String(error.code) : "";
}

/**
 * What the driver's adapter calls it, for raw statements and Prisma's own alike. Of a failed BEGIN or COMMIT Prisma
 * passes on the adapter's error as it is.
 */
function kindOf(error: unknown): string {
	type Told = { kind?: unknown };
	const { meta, cause } = (error instanceof Error ? error : {}) as {
		meta?: { driverAdapterError?: { cause?: Told } };
		cause?: Told;
	};
	return String((meta?.driverAdapterError?.cause ?? cause)?.kind ?? "");
}
