/** The watchdog's thread: looks at the shared counts and ends the process when one stays odd for longer than its deadline. */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

const calls = workerData as Int32Array;
/** Milliseconds between two looks. */
const interval = 50;
const counts = new Int32Array(calls.length / 2);
const waited = new Float64Array(counts.length);
let lastLook = performance.now();

setInterval(() => {
	const now = performance.now();
	// A process that was stopped for a while and goes on has not hung.
	const passed = Math.min(now - lastLook, 2 * interval);
	lastLook = now;
	for (let place = 0; place < counts.length; place++) {
		const count = Atomics.load(calls, 2 * place + 1);
		const isSame = count === counts[place] && (count & 1) === 1;
		waited[place] = isSame ? (waited[place] ?? 0) + passed : 0;
		counts[place] = count;
		const deadline = Atomics.load(calls, 2 * place);
		if ((waited[place] ?? 0) > deadline) end(deadline);
	}
}, interval);

function end(deadline: number): void {
	const line = {
		time: new Date().toISOString(),
		level: "error",
		event: "hsm.hang",
		deadline,
		does: "ends the process",
	};
	try {
		// Not through the main thread, which may be the one that hangs.
		writeSync(2, `${JSON.stringify(line)}\n`);
	} finally {
		process.kill(process.pid, "SIGKILL");
	}
}
