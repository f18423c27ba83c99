/** The HSM agent: the one process that holds PINs, vendor libraries and sessions. It opens, proves, and only then listens. */
import type { Server, Socket } from "node:net";
import type { Clock, Log, Random } from "../../lib/ports.ts";
import { socketPath } from "../address.ts";
import { listen } from "./listen.ts";
import { serve } from "./serve.ts";
import { type AgentRoles, type Started, startKeys } from "./start.ts";

export interface AgentOptions {
	/** `unix:/path/of/the/socket`: made 0600; its directory is made 0700 when it does not exist. */
	listen: string;
	/** A role that is missing is refused to every caller. */
	roles: AgentRoles;
	/** Calls per token that may wait for a session; one more is refused with `hsm_busy`. 256 unless told. */
	maxQueue?: number;
	/** Sessions per token; min(2 x cores, the token's maximum - 1) unless told. Whoever spawns the process sets UV_THREADPOOL_SIZE to one more. */
	sessions?: number;
	log: Log;
	clock: Clock;
	random: Random;
}

/**
 * Resolves once every key is proven and the socket listens; rejects with ConfigError (all faults at once) or
 * `hsm_unavailable`. `close` finishes accepted work first. A refused PIN is terminal: do not start again by yourself.
 */
export async function runAgent(options: AgentOptions): Promise<{ close(): Promise<void> }> {
	const path = socketPath(options.listen);
	const { roles, sessions, maxQueue = 256, log, clock, random } = options;
	const started = await startKeys({ roles, sessions, maxQueue, log, random });
	const sockets = new Set<Socket>();
	const accept = (socket: Socket): void => {
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
		serve(socket, { keys: started.keys, log, clock, random });
	};
	try {
		const server = await listen(path, accept, log);
		log.info("hsm.ready", { address: options.listen, roles: [...started.keys.keys()].join(",") });
		return { close: () => close(server, sockets, started) };
	} catch (error) {
		await started.close();
		throw error;
	}
}

async function close(server: Server, sockets: ReadonlySet<Socket>, started: Started): Promise<void> {
	const closed = new Promise<void>((resolve) => server.close(() => resolve()));
	for (const socket of sockets) socket.pause();
	await started.close();
	// The last answers are written on the turn after the last work settled.
	await new Promise((resolve) => setImmediate(resolve));
	for (const socket of sockets) socket.destroySoon();
	await closed;
}
