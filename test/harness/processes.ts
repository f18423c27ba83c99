/** The processes below one of ours, as Linux tells them under /proc. */
import { readdirSync, readFileSync } from "node:fs";

export interface Process {
	pid: number;
	/** Its arguments, by blanks. */
	command: string;
}

/** Children of a process. */
export function childrenOf(parent: number): Process[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.flatMap((name) => {
			try {
				// pid (name, which may hold blanks and brackets) state ppid ...
				const ppid = Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1]);
				if (ppid !== parent) return [];
				const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
				return [{ pid: Number(name), command }];
			} catch {
				// It ended meanwhile.
				return [];
			}
		});
}

/** Children, their children, and so on. */
export function descendantsOf(parent: number): Process[] {
	return childrenOf(parent).flatMap((child) => [child, ...descendantsOf(child.pid)]);
}

/** One that has ended and that nobody has asked about yet is not. */
export function isAlive(pid: number): boolean {
	try {
		return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
	} catch {
		return false;
	}
}
