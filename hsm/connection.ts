/** One connection of the client: many calls in flight over one socket, each with its deadline. */
import type { Socket } from "node:net";
import { OtaError } from "../lib/errors.ts";
import { dial, type Target } from "./dial.ts";
import { FrameReader, frame } from "./frames.ts";
import { decodeResponse, encodeRequest, type Request, type Response, statusError } from "./protocol.ts";

/** The connection went away before the answer came: whether the agent did the work is unknown. */
export class ConnectionLost extends OtaError {
	/** Nothing ever came over it: so ends who is let in by an agent that is just dying. */
	wasMute = false;
	constructor(cause?: unknown) {
		super("hsm_unavailable", "the connection to the HSM agent was lost", { cause });
	}
}

interface Waiting {
	resolve(body: Uint8Array): void;
	reject(error: OtaError): void;
	timer: NodeJS.Timeout;
	/** Monotonic milliseconds. */
	sentAt: number;
}

/** Milliseconds of silence after which a remote connection is made anew: a frozen serverless process wakes up to dead ones. */
const staleAfter = 60_000;

export class Connection {
	readonly #socket: Socket;
	readonly #reader = new FrameReader();
	readonly #waiting = new Map<number, Waiting>();
	readonly #onLost: (error: OtaError) => void;
	readonly #isRemote: boolean;
	#heardAt = performance.now();
	#isMute = true;
	#nextId = 1;
	#isLost = false;

	private constructor(socket: Socket, isRemote: boolean, onLost: (error: OtaError) => void) {
		this.#socket = socket;
		this.#isRemote = isRemote;
		this.#onLost = onLost;
		socket.on("data", (chunk: Buffer) => this.#receive(chunk));
		socket.on("error", (error) => this.#lose(new ConnectionLost(error)));
		socket.on("close", () => this.#lose(new ConnectionLost()));
		socket.unref();
	}

	/** Resolves once the agent listens to us; `hsm_unavailable` or `config` otherwise. `onLost` is told once, at the end. */
	static async open(target: Target, onLost: (error: OtaError) => void): Promise<Connection> {
		return new Connection(await dial(target), target.kind === "tls", onLost);
	}

	/** A remote connection of which nothing was heard for long: what lies between may have forgotten it. */
	get isStale(): boolean {
		return this.#isRemote && this.#waiting.size === 0 && performance.now() - this.#heardAt > staleAfter;
	}

	/** Sends one request; answers the response's body or rejects with its code. */
	call(request: Omit<Request, "id">): Promise<Uint8Array> {
		if (this.#isLost) return Promise.reject(this.#toldOfMuteness(new ConnectionLost()));
		const id = this.#nextId;
		// 0 is no request's: with it the agent speaks about the connection.
		this.#nextId = (this.#nextId + 1) >>> 0 || 1;
		const bytes = frame(...encodeRequest({ ...request, id }));
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => this.#expire(id, request.deadline), request.deadline);
			timer.unref();
			this.#waiting.set(id, { resolve, reject, timer, sentAt: performance.now() });
			// The process stays alive for an answer it waits for, and for nothing else.
			this.#socket.ref();
			this.#socket.write(bytes);
		});
	}

	/** Ends the connection; calls in flight are rejected as lost. */
	close(): void {
		this.#lose(new ConnectionLost());
	}

	#receive(chunk: Buffer): void {
		this.#heardAt = performance.now();
		this.#isMute = false;
		try {
			for (const bytes of this.#reader.push(chunk)) this.#settle(decodeResponse(bytes));
		} catch (error) {
			this.#lose(error instanceof OtaError ? error : new ConnectionLost(error));
		}
	}

	#settle(response: Response): void {
		const call = this.#take(response.id);
		if (response.status === "ok") {
			call?.resolve(response.body);
			return;
		}
		const words = Buffer.from(response.body).toString("utf8").slice(0, 500);
		const error = statusError(response.status, `HSM agent: ${words || response.status}`);
		if (response.id === 0) this.#lose(error);
		call?.reject(error);
	}

	#expire(id: number, deadline: number): void {
		const call = this.#take(id);
		call?.reject(new OtaError("hsm_unavailable", `no answer from the HSM agent within ${deadline} ms`));
		// Nor a word to anybody since: over a network this is how a dead connection looks.
		if (this.#isRemote && call && this.#heardAt <= call.sentAt) this.#lose(new ConnectionLost());
	}

	#take(id: number): Waiting | undefined {
		const call = this.#waiting.get(id);
		if (call === undefined) return undefined;
		clearTimeout(call.timer);
		this.#waiting.delete(id);
		if (this.#waiting.size === 0) this.#socket.unref();
		return call;
	}

	#toldOfMuteness<E extends OtaError>(error: E): E {
		if (error instanceof ConnectionLost) error.wasMute = this.#isMute;
		return error;
	}

	#lose(error: OtaError): void {
		if (this.#isLost) return;
		this.#isLost = true;
		this.#toldOfMuteness(error);
		this.#socket.destroy();
		for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error);
		this.#onLost(error);
	}
}
