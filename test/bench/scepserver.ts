/** micromdm's scepserver (Debian package `scep`), the yardstick: a CA of RSA-2048 with its key in a file, one challenge for all. */
import { execFile, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../harness/server.ts";

const run = promisify(execFile);
/** It takes the digest of Apple's segmented octets wrongly (version 2.1.0): it is spared them. */
export const scepServerRequests = { challenge: "bench", encoding: "der" } as const;

export interface ScepServerProcess {
	url: string;
	pid: number;
	/** Of the certificates in its depot's index. */
	serialNumbers(): string[];
	stop(): Promise<void>;
}

export interface ScepServerAuthority {
	/** On a depot that holds nothing but this CA. */
	start(): Promise<ScepServerProcess>;
	remove(): Promise<void>;
}

/** A CA for it; null where it is not installed. */
export async function makeScepServerAuthority(): Promise<ScepServerAuthority | null> {
	const folder = await mkdtemp(join(tmpdir(), "scep-depot-"));
	const first = join(folder, "ca");
	const remove = () => rm(folder, { recursive: true, force: true });
	try {
		await run("scepserver", ["ca", "-init", "-depot", first, "-keySize", "2048"]);
	} catch (error) {
		await remove();
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
		throw error;
	}
	let count = 0;
	const start = () => {
		count += 1;
		const depot = join(folder, `depot-${count}`);
		mkdirSync(depot);
		for (const file of ["ca.key", "ca.pem"]) copyFileSync(join(first, file), join(depot, file));
		return startOn(depot);
	};
	return { start, remove };
}

async function startOn(depot: string): Promise<ScepServerProcess> {
	const [port] = await freePorts();
	const args = ["-depot", depot, "-port", String(port), "-challenge", scepServerRequests.challenge];
	const child = spawn("scepserver", args, { stdio: "ignore" });
	const ended = new Promise((resolve) => child.once("exit", resolve));
	const url = `http://127.0.0.1:${port}/scep`;
	const answers = () =>
		fetch(`${url}?operation=GetCACaps`).then(
			({ ok }) => ok,
			() => false,
		);
	for (let attempt = 0; !(await answers()); attempt++) {
		if (attempt === 100 || child.exitCode !== null) throw new Error("scepserver did not start");
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return {
		url,
		pid: Number(child.pid),
		// Status, notAfter, revocation, serial number, file, subject: the columns of OpenSSL's index.txt.
		serialNumbers: () =>
			readFileSync(join(depot, "index.txt"), "utf8")
				.trim()
				.split("\n")
				.map((line) => line.split("\t")[3] ?? ""),
		async stop() {
			child.kill("SIGTERM");
			await ended;
		},
	};
}
