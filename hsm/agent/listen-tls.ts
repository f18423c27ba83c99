/**
 * The agent's TLS socket: a client certificate of the given CA or no word. Whoever has not proven itself holds a place in a
 * short row, where newcomers push out the oldest, and none of the places of those who have.
 */
import { type KeyObject, X509Certificate } from "node:crypto";
import type { Server, Socket } from "node:net";
import { createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import { ConfigError } from "../../lib/errors.ts";
import type { Log } from "../../lib/ports.ts";
import { frame } from "../frames.ts";
import { encodeResponse, type Status } from "../protocol.ts";
import type { Listener } from "./listen.ts";

export interface TlsListenOptions {
	host: string;
	port: number;
	/** Of tls.ts. */
	credentials: SecureContextOptions;
	/** CAs of devices (DER): whoever's certificate leads over one of them is no web process, whatever the anchors allow. */
	deviceCas?: readonly Uint8Array[];
	log: Log;
	/** Clients at a time; one more is told that it is busy. 512 unless told. */
	maxClients?: number;
	/** Milliseconds for a handshake (5 s), and of silence after which a client is dropped (10 min). */
	handshakeTimeout?: number;
	idleTimeout?: number;
}

const maxHandshakes = 32;

/** Listens; `config` when the address cannot be had. `onConnection` gets clients that have proven themselves. */
export async function listenTls(options: TlsListenOptions, onConnection: (socket: Socket) => void): Promise<Listener> {
	const {
		credentials,
		deviceCas = [],
		log,
		maxClients = 512,
		handshakeTimeout = 5_000,
		idleTimeout = 600_000,
	} = options;
	const server = createServer({ ...credentials, requestCert: true, rejectUnauthorized: true, handshakeTimeout });
	const strangers = new Strangers(log);
	const deviceKeys = deviceCas.map((ca) => new X509Certificate(ca).publicKey);
	const clients = new Set<TLSSocket>();
	server.on("connection", (socket) => strangers.arrived(socket));
	server.on("tlsClientError", (error, socket) => strangers.refused(error, socket));
	server.on("secureConnection", (socket) => {
		strangers.passed(socket);
		if (leadsOver(socket, deviceKeys)) return strangers.refused(new Error("a certificate of the devices' CA"), socket);
		socket.setNoDelay(true).setKeepAlive(true, 30_000);
		socket.setTimeout(idleTimeout, () => socket.destroy());
		if (clients.size >= maxClients) return turnAway(socket, `${clients.size} clients are connected already`);
		clients.add(socket);
		socket.once("close", () => clients.delete(socket));
		log.info("hsm.peer", { peer: socket.remoteAddress, certificate: nameOf(socket), clients: clients.size });
		onConnection(socket);
		socket.write(greeting("ok"));
	});
	await bind(server, options);
	return {
		close() {
			strangers.leave();
			return new Promise((resolve) => server.close(() => resolve()));
		},
	};
}

/** The agent's first word on a connection, of no request's id. */
const greeting = (status: Status, words = ""): Buffer =>
	frame(...encodeResponse({ id: 0, status, body: Buffer.from(words) }));

function turnAway(socket: TLSSocket, words: string): void {
	socket.on("error", () => socket.destroy());
	socket.setTimeout(1000).resume().end(greeting("busy", words));
}

/** The chain as it was verified, up to the anchor. */
function leadsOver(socket: TLSSocket, keys: readonly KeyObject[]): boolean {
	let certificate = socket.getPeerCertificate(true);
	for (let depth = 0; certificate?.raw && depth < longestChain; depth++) {
		const { publicKey } = new X509Certificate(certificate.raw);
		if (keys.some((key) => key.equals(publicKey))) return true;
		if (certificate.issuerCertificate === certificate) return false;
		certificate = certificate.issuerCertificate;
	}
	return false;
}
const longestChain = 10;

function nameOf(socket: TLSSocket): string {
	const certificate = socket.getPeerX509Certificate();
	return `${certificate?.subject} ${certificate?.serialNumber}`.slice(0, 200);
}

/** Connections whose handshake has not ended well yet, oldest first; and those that failed, told once a second at most. */
class Strangers {
	readonly #sockets = new Map<string, Socket>();
	readonly #log: Log;
	#toldAt = Number.NEGATIVE_INFINITY;
	#untold = 0;
	#lastGone: string | undefined;

	constructor(log: Log) {
		this.#log = log;
	}

	arrived(socket: Socket): void {
		const key = addressOf(socket);
		this.#sockets.set(key, socket);
		socket.once("close", () => {
			if (this.#sockets.get(key) !== socket) return;
			this.#sockets.delete(key);
			this.#lastGone = socket.remoteAddress;
		});
		if (this.#sockets.size <= maxHandshakes) return;
		const [oldest] = this.#sockets.values();
		oldest?.destroy();
	}

	passed(socket: Socket): void {
		this.#sockets.delete(addressOf(socket));
	}

	refused(error: NodeJS.ErrnoException, socket: TLSSocket): void {
		// Over a refused certificate node:tls closes the socket first, which then no longer knows its peer ...
		const peer = socket.remoteAddress ?? this.#lastGone;
		// ... and a handshake that takes too long it leaves open.
		socket.destroy();
		const now = performance.now();
		if (now - this.#toldAt < 1000) {
			this.#untold += 1;
			return;
		}
		const reason = socket.authorizationError ?? error.code ?? error.message;
		this.#log.warn("hsm.peer_refused", { peer, reason: String(reason), untold: this.#untold });
		this.#toldAt = now;
		this.#untold = 0;
	}

	leave(): void {
		for (const socket of this.#sockets.values()) socket.destroy();
	}
}

const addressOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;

function bind(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
	return new Promise((resolve, reject) => {
		const refuse = (error: Error): void =>
			reject(new ConfigError([`cannot listen at tls://${host}:${port}: ${error.message}`]));
		server.once("error", refuse);
		server.listen({ host, port }, () => {
			server.off("error", refuse);
			resolve();
		});
	});
}
