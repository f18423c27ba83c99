/** A token behind `p11-kit server`: a remote HSM that can be killed, stopped and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { formatUri, parseUri } from "../../hsm/uri.ts";
import type { TestToken } from "./token.ts";

const clients = [
	"/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so",
	"/usr/lib/aarch64-linux-gnu/pkcs11/p11-kit-client.so",
	"/usr/lib64/pkcs11/p11-kit-client.so",
	"/usr/lib/pkcs11/p11-kit-client.so",
];

/** Path of p11-kit's client module, or null where p11-kit is not installed. */
export function findP11Kit(): string | null {
	const folders = (process.env.PATH ?? "").split(delimiter);
	const hasServer = folders.some((folder) => existsSync(join(folder, "p11-kit")));
	return hasServer ? (clients.find((path) => existsSync(path)) ?? null) : null;
}

export interface RemoteToken {
	/** URI of a key on the token, through p11-kit's client module. */
	uri(object: string): string;
	/** For the agent. */
	env: Record<string, string>;
	start(): Promise<void>;
	/** To the server and whatever serves its connections. */
	signal(signal: "SIGSTOP" | "SIGCONT"): void;
	/** SIGKILL. */
	kill(): Promise<void>;
}

/** The token behind a server whose socket lies in `dir`; started. */
export async function serveToken(token: TestToken, dir: string, client: string): Promise<RemoteToken> {
	const path = join(dir, "p11.sock");
	let server: ChildProcess | null = null;
	const start = async (): Promise<void> => {
		await rm(path, { force: true });
		const args = ["server", "-f", "--provider", token.modulePath, "--name", path, `pkcs11:token=${token.label}`];
		// A process group of its own: the server makes a process for each connection.
		const child = spawn("p11-kit", args, {
			env: { ...process.env, ...token.env },
			detached: true,
			stdio: ["ignore", "ignore", "inherit"],
		});
		server = child;
		for (let left = 250; !existsSync(path); left--) {
			if (left === 0 || child.exitCode !== null) throw new Error("p11-kit server does not listen");
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	};
	const signal = (name: NodeJS.Signals): void => {
		if (server?.pid) process.kill(-server.pid, name);
	};
	await start();
	return {
		uri: (object) => formatUri({ ...parseUri(token.uri(object)), modulePath: client }),
		env: { P11_KIT_SERVER_ADDRESS: `unix:path=${path}` },
		start,
		signal,
		async kill() {
			if (!server || server.exitCode !== null || server.signalCode !== null) return;
			const exited = new Promise((resolve) => server?.once("exit", resolve));
			signal("SIGKILL");
			await exited;
			server = null;
		},
	};
}
