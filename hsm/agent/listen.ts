/** The agent's unix socket: 0600 in a directory of its own, and a stale one replaced only if nobody answers on it. */
import { mkdir, stat, unlink } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { ConfigError } from "../../lib/errors.ts";
import type { Log } from "../../lib/ports.ts";

export interface Listener {
	/** Takes no more connections; resolves when those it took have ended. */
	close(): Promise<void>;
}

/** Listens at `path`; `config` when another agent answers there or the path is not a socket. */
export async function listen(path: string, onConnection: (socket: Socket) => void, log: Log): Promise<Listener> {
	await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	const { mode } = await stat(dirname(path));
	if ((mode & 0o077) !== 0) log.warn("hsm.socket_directory", { path: dirname(path), remedy: "chmod 700" });
	await clearStale(path);
	const server = createServer(onConnection);
	await bind(server, path);
	return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function clearStale(path: string): Promise<void> {
	const found = await stat(path).catch(() => null);
	if (!found) return;
	if (!found.isSocket()) throw new ConfigError([`${path} exists and is not a socket`]);
	if (await isAnswered(path)) throw new ConfigError([`another HSM agent answers at ${path}`]);
	await unlink(path).catch(() => undefined);
}

function isAnswered(path: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = createConnection({ path });
		socket.once("connect", () => {
			socket.destroy();
			resolve(true);
		});
		socket.once("error", () => resolve(false));
	});
}

function bind(server: Server, path: string): Promise<void> {
	return new Promise((resolve, reject) => {
		const refuse = (error: Error): void => reject(new ConfigError([`cannot listen at ${path}: ${error.message}`]));
		server.once("error", refuse);
		// The socket file is made within this call: it must never exist with wider permissions.
		const umask = process.umask(0o177);
		try {
			server.listen(path, () => {
				server.off("error", refuse);
				resolve();
			});
		} finally {
			process.umask(umask);
		}
	});
}
