/** What a Prisma error means here, told by its code (Prisma error reference): never by its words. */
import { OtaError } from "../errors.ts";

/** A condition did not hold: the transaction was rolled back and nothing was written. */
export function isConditionFailed(error: unknown): boolean {
	return codeOf(error) === "P2025";
}

/** A unique column has this value already, or a row refers to one that is not there. */
export function isConstraint(error: unknown): boolean {
	return codeOf(error) === "P2002" || codeOf(error) === "P2003";
}

/** Locked by another process, deadlock or write conflict, no connection free in time. All were rolled back. */
const passing = ["P1008", "P2034", "P2028"];
/** Milliseconds before each further try. The driver itself waits for a lock first (busy_timeout). */
const pauses = [20, 80, 320];

/** `work`, again while its failure may pass; every other failure is the caller's to judge. */
export async function persist<T>(work: () => PromiseLike<T>): Promise<T> {
	for (const pause of pauses) {
		try {
			return await work();
		} catch (error) {
			if (!passing.includes(codeOf(error))) throw error;
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

function codeOf(error: unknown): string {
	return error instanceof Error && "code" in error ? String(error.code) : "";
}
