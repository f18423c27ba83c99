/** What a piece of work costs the machine, as Linux counts it under /proc: processor time by process, and by everybody else. */
import { readFileSync } from "node:fs";
import { descendantsOf } from "../harness/processes.ts";

/** Linux counts in hundredths of a second on every architecture that Node runs on (USER_HZ). */
const tick = 10;

/**
 * Processor time of a process, its threads and its children, those that have ended among them, in milliseconds
 * (user and system; exact to 10 ms).
 */
function processorTime(pid: number): number {
	return [pid, ...descendantsOf(pid).map((child) => child.pid)].reduce((sum, one) => sum + ticksOf(one) * tick, 0);
}

/** Empty for a process that has ended meanwhile: what it took is counted with its parent. */
function readProc(path: string): string {
	try {
		return readFileSync(`/proc/${path}`, "utf8");
	} catch {
		return "";
	}
}

function ticksOf(pid: number): number {
	// pid (name, which may hold blanks and brackets) state ppid ... utime stime cutime cstime, from the 14th on
	const fields = readProc(`${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
	return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

/** Resident memory of a process and its children, megabytes. */
export function residentMegabytes(pid: number): number {
	const pids = [pid, ...descendantsOf(pid).map((child) => child.pid)];
	const kilobytes = (one: number) => Number(/VmRSS:\s+(\d+)/.exec(readProc(`${one}/status`))?.[1] ?? 0);
	return pids.reduce((sum, one) => sum + kilobytes(one), 0) / 1024;
}

/** Time that the machine's processors were busy with anything, or taken away by its host (steal), milliseconds. */
function machineTime(): number {
	const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
		/^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]?.split(" ").map(Number) ?? [];
	return (user + nice + system + irq + softirq + steal) * tick;
}

export interface Cost {
	/** Milliseconds of the wall clock. */
	wall: number;
	/** Milliseconds of processor time by process. */
	cpu: Record<string, number>;
	/** Megabytes resident at the end, by process. */
	resident: Record<string, number>;
	/** Processors that were busy with something that is neither these processes nor this one: 0 on a quiet machine. */
	others: number;
}

/** Runs `work` and tells its cost to `processes` (pids by name). */
export async function costOf(processes: Readonly<Record<string, number>>, work: () => Promise<unknown>): Promise<Cost> {
	const entries = Object.entries(processes);
	const now = () => ({
		wall: performance.now(),
		own: process.cpuUsage(),
		machine: machineTime(),
		cpu: entries.map(([, pid]) => processorTime(pid)),
	});
	const before = now();
	await work();
	const after = now();
	const cpu = entries.map((_, index) => (after.cpu[index] ?? 0) - (before.cpu[index] ?? 0));
	const own = (after.own.user + after.own.system - before.own.user - before.own.system) / 1000;
	const wall = after.wall - before.wall;
	const rest = after.machine - before.machine - own - cpu.reduce((sum, one) => sum + one, 0);
	return {
		wall,
		cpu: Object.fromEntries(entries.map(([name], index) => [name, cpu[index] ?? 0])),
		resident: Object.fromEntries(entries.map(([name, pid]) => [name, residentMegabytes(pid)])),
		others: Math.max(0, rest / wall),
	};
}
