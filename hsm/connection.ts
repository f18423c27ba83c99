/** One connection of the client: many calls in flight over one socket, each with its deadline. */
import { createConnection, type Socket } from "node:net";
import { OtaError } from "../lib/errors.ts";
import { FrameReader, frame } from "./frames.ts";
import { decodeResponse, encodeRequest, type Request, type Response, statusCodes } from "./protocol.ts";

/** The connection went away before the answer came: whether the agent did the work is unknown. */
export class ConnectionLost extends OtaError {
	constructor(cause?: unknown) {
		super("hsm_unavailable", "the connection to the HSM agent was lost", { cause });
	}
}

interface Waiting {
	resolve(body: Uint8Array): void;
	reject(error: OtaError): void;
	timer: NodeJS.Timeout;
}

export class Connection {
	readonly #socket: Socket;
	readonly #reader = new FrameReader();
	readonly #waiting = new Map<number, Waiting>();
	readonly #onLost: (error: OtaError) => void;
	#nextId = 1;
	#isLost = false;

	private constructor(socket: Socket, onLost: (error: OtaError) => void) {
		this.#socket = socket;
		this.#onLost = onLost;
		socket.on("data", (chunk: Buffer) => this.#receive(chunk));
		socket.on("error", (error) => this.#lose(new ConnectionLost(error)));
		socket.on("close", () => this.#lose(new ConnectionLost()));
		socket.unref();
	}

	/** Resolves once connected; `hsm_unavailable` otherwise. `onLost` is told once, at the end. */
	static open(path: string, onLost: (error: OtaError) => void): Promise<Connection> {
		return new Promise((resolve, reject) => {
			const socket = createConnection({ path });
			const refuse = (error: NodeJS.ErrnoException): void => {
				socket.destroy();
				reject(
					new OtaError("hsm_unavailable", `no HSM agent at ${path} (${error.code ?? error.message})`, { cause: error }),
				);
			};
			socket.once("error", refuse);
			socket.once("connect", () => {
				socket.off("error", refuse);
				resolve(new Connection(socket, onLost));
			});
		});
	}

	/** Sends one request; answers the response's body or rejects with its code. */
	call(request: Omit<Request, "id">): Promise<Uint8Array> {
		if (this.#isLost) return Promise.reject(new ConnectionLost());
		const id = this.#nextId;
		this.#nextId = (this.#nextId + 1) >>> 0;
		const bytes = frame(...encodeRequest({ ...request, id }));
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => this.#expire(id, request.deadline), request.deadline);
			timer.unref();
			this.#waiting.set(id, { resolve, reject, timer });
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
		const error = new OtaError(statusCodes[response.status], `HSM agent: ${words || response.status}`);
		if (response.status === "version") this.#lose(error);
		call?.reject(error);
	}

	#expire(id: number, deadline: number): void {
		this.#take(id)?.reject(new OtaError("hsm_unavailable", `no answer from the HSM agent within ${deadline} ms`));
	}

	#take(id: number): Waiting | undefined {
		const call = this.#waiting.get(id);
		if (call === undefined) return undefined;
		clearTimeout(call.timer);
		this.#waiting.delete(id);
		if (this.#waiting.size === 0) this.#socket.unref();
		return call;
	}

	#lose(error: OtaError): void {
		if (this.#isLost) return;
		this.#isLost = true;
		this.#socket.destroy();
		for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error);
		this.#onLost(error);
	}
}
