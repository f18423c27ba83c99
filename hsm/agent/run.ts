/** The HSM agent: the one process that holds PINs, vendor libraries and sessions. It opens, proves, and only then listens. */
import type { Socket } from "node:net";
import { ConfigError } from "../../lib/errors.ts";
import type { Clock, Log, Random } from "../../lib/ports.ts";
import { parseAddress } from "../address.ts";
import { refuseIssuingCa, type TlsIdentity, tlsOptions, validUntil } from "../tls.ts";
import { type Listener, listen } from "./listen.ts";
import { listenTls } from "./listen-tls.ts";
import { serve } from "./serve.ts";
import { readKnown } from "./sign-policy.ts";
import { type AgentRoles, type HangWatch, type Started, startKeys } from "./start.ts";

export interface AgentOptions {
	/** `unix:/path/of/the/socket`: made 0600; its directory is made 0700 when it does not exist. Or `tls://host:port`. */
	listen: string;
	/** The agent's own certificate and key, and the CA of its clients' certificates, for tls:// alone. */
	tls?: TlsIdentity;
	/** A role that is missing is refused to every caller. */
	roles: AgentRoles;
	/** Calls per token that may wait for a session; one more is refused with `hsm_busy`. 256 unless told. */
	maxQueue?: number;
	/** Sessions per token; min(2 x cores, the token's maximum - 1) unless told. Whoever spawns the process sets UV_THREADPOOL_SIZE to one more. */
	sessions?: number;
	/** Milliseconds that one piece of work on a token may take, 4000 unless told; then `watch` ends this process. */
	operationDeadline?: number;
	/** Told of every piece of work on a token; without one a library that hangs is waited for. */
	watch?: HangWatch;
	/**
	 * Directory of what must outlast a restart: refused PINs (as salted hashes), and a text sealed with the seal key, by which
	 * it is known again. Unless told, both are remembered in this process alone.
	 */
	memory?: string;
	log: Log;
	clock: Clock;
	random: Random;
}

/**
 * Resolves once every key is proven and the socket listens; rejects with ConfigError (all faults at once) or
 * `hsm_unavailable`. `close` finishes accepted work first. A refused PIN is terminal: do not start again by yourself.
 */
export async function runAgent(options: AgentOptions): Promise<{ close(): Promise<void> }> {
	const { roles, maxQueue = 256, operationDeadline = 4000, log, clock, random } = options;
	const known = readKnown(roles);
	const open = opener(options);
	const started = await startKeys({ ...options, maxQueue, operationDeadline });
	const sockets = new Set<Socket>();
	const accept = (socket: Socket): void => {
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
		serve(socket, { keys: started.keys, known, log, clock, random });
	};
	try {
		const listener = await open(accept);
		log.info("hsm.ready", { address: options.listen, roles: [...started.keys.keys()].join(",") });
		return { close: () => close(listener, sockets, started) };
	} catch (error) {
		await started.close();
		throw error;
	}
}

const month = 30 * 86_400_000;

/** How the agent will listen: its address and credentials are judged before any key is touched. */
function opener({
	listen: text,
	tls,
	roles,
	log,
	clock,
}: AgentOptions): (accept: (socket: Socket) => void) => Promise<Listener> {
	const address = parseAddress(text);
	if (address.kind === "unix") return (accept) => listen(address.path, accept, log);
	if (!tls) throw new ConfigError(["tls:// takes the agent's certificate, its key, and the CA of its clients"]);
	const credentials = tlsOptions(tls);
	const deviceCas = [roles.ca, roles.caOld].flatMap((role) => role?.certificate ?? []);
	refuseIssuingCa(tls, deviceCas);
	const until = validUntil(tls.certificate);
	const left = until.getTime() - clock().getTime();
	if (left <= 0) throw new ConfigError([`the agent's TLS certificate has expired (${until.toISOString()})`]);
	if (left < month) log.warn("hsm.certificate_expires", { at: until.toISOString() });
	return (accept) => listenTls({ ...address, credentials, deviceCas, log }, accept);
}

async function close(listener: Listener, sockets: ReadonlySet<Socket>, started: Started): Promise<void> {
	const closed = listener.close();
	for (const socket of sockets) socket.pause();
	await started.close();
	// The last answers are written on the turn after the last work settled.
	await new Promise((resolve) => setImmediate(resolve));
	for (const socket of sockets) socket.destroySoon();
	await closed;
}
