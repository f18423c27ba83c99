/** The machine that figures come from, and whether it was quiet. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { root } from "../harness/server.ts";

export interface Machine {
	cpu: string;
	cores: number;
	memoryGigabytes: number;
	system: string;
	node: string;
	openssl: string;
	/** Of the packages that the figures depend on. */
	packages: Record<string, string>;
	/** Over the last minute before the bench began. */
	load: number;
	isQuiet: boolean;
}

export function describeMachine(): Machine {
	// run.mjs looks before it builds anything.
	const load = Number(process.env.OTA_BENCH_LOAD ?? loadavg()[0]);
	const cores = availableParallelism();
	return {
		cpu: cpus()[0]?.model.trim() ?? "unknown",
		cores,
		memoryGigabytes: Math.round(totalmem() / 2 ** 30),
		system: `${process.platform} ${release()} ${process.arch}`,
		node: process.version,
		openssl: process.versions.openssl,
		packages: Object.fromEntries(["next", "@prisma/client", "pkcs11js", "better-sqlite3", "pg"].flatMap(versionOf)),
		load: Math.round(load * 100) / 100,
		isQuiet: load <= cores / 2,
	};
}

function versionOf(name: string): [string, string][] {
	try {
		const text = readFileSync(join(root, "node_modules", name, "package.json"), "utf8");
		return [[name, String(JSON.parse(text).version)]];
	} catch {
		return [];
	}
}
