/** How many sessions the agent keeps on a token, and the threads under them: one for each session and one to spare. */
import { availableParallelism } from "node:os";

/** UV_THREADPOOL_SIZE for an agent that somebody starts: libuv reads it once, before any code of ours runs. */
export const threadsWanted = (cores = availableParallelism()): number => Math.max(2 * cores, 4) + 1;

/** As many sessions as the threads of this process carry; a session without a thread would only wait inside the library. */
export function sessionsFor(threadPoolSize: string | undefined): number {
	// As libuv reads it: 4 when it is not set, 1 when it is no number, 1024 at the most.
	const threads = Math.min(Number.parseInt(threadPoolSize ?? "4", 10) || 1, 1024);
	return Math.max(1, threads - 1);
}
