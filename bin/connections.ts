/**
 * Who may keep a connection open: a request that arrived whole is served; those that still make us wait are many at the
 * most, and when there are more, who has made us wait longest goes first. So slow ones cannot lock the others out.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** Connections without a whole request: unfinished ones and idle ones. */
export interface WaitingLimits {
	all: number;
	/** Of one peer; trusted proxies keep as many as they like. */
	perPeer: number;
}

export class Connections {
	/** In the order in which the waiting began. */
	readonly #waiting = new Set<Socket>();
	readonly #peers = new Map<string, Set<Socket>>();
	/** Requests of a socket that have no answer yet. */
	readonly #unanswered = new WeakMap<Socket, Set<IncomingMessage>>();
	readonly #refused = new WeakSet<Socket>();

	constructor(
		private readonly limits: WaitingLimits,
		private readonly isTrusted: (peer: string) => boolean,
	) {}

	opened(socket: Socket): void {
		this.#unanswered.set(socket, new Set());
		const peer = socket.remoteAddress ?? "";
		socket.once("close", () => this.#served(socket, peer));
		this.#waits(socket, peer);
	}

	/** Its head has arrived. */
	began(request: IncomingMessage): void {
		this.#unanswered.get(request.socket)?.add(request);
	}

	/** All of it has arrived. */
	arrived({ socket }: IncomingMessage): void {
		this.#served(socket, socket.remoteAddress ?? "");
	}

	/** Its answer was written. */
	answered(request: IncomingMessage): void {
		const { socket } = request;
		const unanswered = this.#unanswered.get(socket);
		unanswered?.delete(request);
		// A request that is still arriving does not make the connection a served one.
		if (unanswered && !this.isAnswering(socket) && !socket.destroyed) this.#waits(socket, socket.remoteAddress ?? "");
	}

	/** The request that is arriving on a socket; null before its head is there. */
	arriving(socket: Socket): IncomingMessage | null {
		return [...(this.#unanswered.get(socket) ?? [])].find(({ complete }) => !complete) ?? null;
	}

	/** Whether a request before this one still waits for its answer, so that nothing else may be written. */
	isAnswering(socket: Socket): boolean {
		return [...(this.#unanswered.get(socket) ?? [])].some(({ complete }) => complete);
	}

	/** Nothing that still comes on this socket counts. */
	refuse(socket: Socket): void {
		this.#refused.add(socket);
	}

	isRefused(socket: Socket): boolean {
		return this.#refused.has(socket);
	}

	#waits(socket: Socket, peer: string): void {
		const own = this.#peers.get(peer) ?? new Set();
		this.#peers.set(peer, own.add(socket));
		this.#waiting.add(socket);
		if (this.#waiting.size > this.limits.all) this.#cutOff(first(this.#waiting));
		if (own.size > this.limits.perPeer && !this.isTrusted(peer)) this.#cutOff(first(own));
	}

	/** Out of the count at once: Node tells of the close only after it has accepted the next ones. */
	#cutOff(socket: Socket | undefined): void {
		if (!socket) return;
		this.#served(socket, socket.remoteAddress ?? "");
		socket.destroy();
	}

	#served(socket: Socket, peer: string): void {
		this.#waiting.delete(socket);
		const own = this.#peers.get(peer);
		own?.delete(socket);
		if (own?.size === 0) this.#peers.delete(peer);
	}
}

function first(sockets: ReadonlySet<Socket>): Socket | undefined {
	return sockets.values().next().value;
}
