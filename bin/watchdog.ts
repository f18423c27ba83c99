/** Ends this process when a call into the vendor's library does not come back. A thread of its own counts, since such a call blocks this one. */
import { Worker } from "node:worker_threads";
import type { HangWatch } from "../hsm/index.ts";

/** More than an agent has sessions. */
const places = 1100;

/**
 * SIGKILL to this process, after a line on stderr, once something that began has not ended within its deadline. Whoever
 * supervises the process starts it again.
 */
export function startWatchdog(): HangWatch {
	// Two numbers a place: the deadline (ms), and a count that is odd while something runs.
	const calls = new Int32Array(new SharedArrayBuffer(places * 2 * Int32Array.BYTES_PER_ELEMENT));
	const thread = new Worker(new URL("./watchdog-thread.js", import.meta.url), { workerData: calls, execArgv: [] });
	thread.unref();
	const free = Array.from({ length: places }, (_, index) => 2 * (places - 1 - index));
	return {
		began(deadline) {
			const place = free.pop();
			if (place === undefined) return () => undefined;
			Atomics.store(calls, place, deadline);
			Atomics.add(calls, place + 1, 1);
			return () => {
				Atomics.add(calls, place + 1, 1);
				free.push(place);
			};
		},
	};
}
