/**
 * Whether the machine itself stood still: a virtual machine that was paused or moved, a disk that did not answer. What fails
 * meanwhile fails by its clocks, and says nothing of the code.
 */
import { closeSync, fsync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Milliseconds between two looks. A busy machine lets this process wait for some tenths of a second, never for so long. */
const interval = 500;
const still = 3_000;

/**
 * Watches until `stop()`. `stalls` are `{ what, from, to }`: a sentence's beginning, and the system's time in milliseconds
 * as `Date.now()` tells it. The disk is that of `folder`.
 * @param {string} folder where a small file is written again and again
 */
export function watchMachine(folder) {
	const stalls = [];
	const file = openSync(join(folder, "machine-watch"), "w");
	let [lastTime, lastDate] = [performance.now(), Date.now()];
	let writing = null;
	let stopped = false;

	const note = (what, from, to) => {
		if (to - from >= still) stalls.push({ what, from, to });
	};
	const look = () => {
		const [time, date] = [performance.now(), Date.now()];
		// A pause shows in either clock: the one that counts from the start may have stood still as well.
		const missed = Math.max(time - lastTime, date - lastDate) - interval;
		note("The machine stood still", date - missed, date);
		[lastTime, lastDate] = [time, date];
		if (writing === null) {
			writing = date;
			writeSync(file, ".", 0);
			fsync(file, () => {
				note("The disk did not answer", writing, Date.now());
				writing = null;
				if (stopped) closeSync(file);
			});
		}
	};
	const timer = setInterval(look, interval);
	return {
		stalls,
		stop() {
			look();
			stopped = true;
			clearInterval(timer);
		},
	};
}
