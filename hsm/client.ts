/** The client side of the agent protocol: `Keys` of lib/ports.ts for a process that holds no key, no PIN and no vendor library. */
import { asOtaError, OtaError } from "../lib/errors.ts";
import type { Clock, Keys, Log } from "../lib/ports.ts";
import { parseAddress } from "./address.ts";
import { Connection, ConnectionLost } from "./connection.ts";
import { type Target, targetOf } from "./dial.ts";
import { encodeSealed, encodeSign, encodeUnwrap, type Request } from "./protocol.ts";
import type { TlsIdentity } from "./tls.ts";

export interface ConnectOptions {
	/** `unix:/path/of/the/socket`, or `tls://host:port`: the agent's certificate must carry that host. */
	address: string;
	/** Client certificate, key and CA, for tls:// alone. */
	tls?: TlsIdentity;
	/** Given, an expired client certificate is told as such. */
	clock?: Clock;
	/** Milliseconds that one call may take, reconnection included; 5000 unless told. */
	deadline?: number;
	/** Calls that may wait for an answer; one more is refused with `hsm_busy`. 2048 unless told. */
	maxInFlight?: number;
	log?: Log;
}

/** How long after a loss a call waits for the agent to come back, and how often it looks (ms). */
const patience = 2000;
const pauses = [25, 50, 100, 200] as const;

/**
 * Keys behind an agent: `hsm_unavailable` when it is away or late, `hsm_busy` when its queue is full.
 * Opens nothing until the first call; after a loss the next call connects again. Throws `config` on a bad address or
 * credentials that cannot be used.
 */
export function connectAgent(options: ConnectOptions): Keys & { close(): Promise<void> } {
	const agent = new AgentClient(options);
	return {
		sign: (role, hash, message) => agent.call(role, "sign", encodeSign(hash, message)),
		unwrap: async (encryptedKey, keyLength, role = "ra") => {
			const key = await agent.call(role, "unwrap", encodeUnwrap(encryptedKey, keyLength));
			if (key.length !== keyLength) throw new OtaError("internal", "the agent answered a key of another length");
			return key;
		},
		seal: async (plaintext, aad) => agent.call("seal", "seal", encodeSealed(plaintext, aad)),
		open: async (sealed, aad) => agent.call("seal", "open", encodeSealed(sealed, aad)),
		check: async () => {
			await agent.call("agent", "check", new Uint8Array());
		},
		close: () => agent.close(),
	};
}

class AgentClient {
	readonly #target: Target;
	readonly #deadline: number;
	readonly #maxInFlight: number;
	readonly #log: Log | undefined;
	#connecting: Promise<Connection> | null = null;
	#open: Connection | null = null;
	/** When the last good connection was lost (monotonic ms). */
	#lostAt = Number.NEGATIVE_INFINITY;
	#inFlight = 0;
	#isClosed = false;

	constructor(options: ConnectOptions) {
		this.#target = targetOf(parseAddress(options.address), options.tls, options.clock);
		this.#deadline = options.deadline ?? 5000;
		this.#maxInFlight = options.maxInFlight ?? 2048;
		this.#log = options.log;
	}

	async call(role: Request["role"], operation: Request["operation"], body: Uint8Array): Promise<Uint8Array> {
		if (this.#inFlight >= this.#maxInFlight)
			throw new OtaError("hsm_busy", `${this.#inFlight} calls to the HSM agent wait`);
		this.#inFlight += 1;
		const end = performance.now() + this.#deadline;
		try {
			return await this.#attempts(role, operation, body, end);
		} finally {
			this.#inFlight -= 1;
		}
	}

	/** Every operation may be done twice without harm; a second loss is told to the caller. */
	async #attempts(
		role: Request["role"],
		operation: Request["operation"],
		body: Uint8Array,
		end: number,
	): Promise<Uint8Array> {
		let losses = 0;
		let mute = 0;
		for (;;) {
			try {
				return await this.#attempt(role, operation, body, end);
			} catch (error) {
				if (!(error instanceof ConnectionLost) || this.#isClosed || performance.now() >= end) throw error;
				if (error.wasMute && mute < pauses.length) {
					// The kernel lets callers in for as long as a killed agent takes to vanish: that was no try.
					await pause(pauses[mute] ?? 0);
					mute += 1;
					continue;
				}
				losses += 1;
				if (losses > 1) throw error;
			}
		}
	}

	async #attempt(
		role: Request["role"],
		operation: Request["operation"],
		body: Uint8Array,
		end: number,
	): Promise<Uint8Array> {
		this.#dropStale();
		const connection = this.#open ?? (await this.#connected(end));
		const deadline = Math.max(1, Math.ceil(end - performance.now()));
		return connection.call({ role, operation, deadline, body });
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		this.#open?.close();
		await this.#connecting?.then((late) => late.close()).catch(() => undefined);
	}

	/** The one connection in the making; a failed attempt is forgotten, so that the next call tries again. */
	#connected(end: number): Promise<Connection> {
		if (this.#isClosed) return Promise.reject(new OtaError("hsm_unavailable", "the HSM client is closed"));
		this.#connecting ??= this.#connect().finally(() => {
			this.#connecting = null;
		});
		return within(this.#connecting, end);
	}

	/** One attempt; several when the agent was there a moment ago, since its supervisor is starting it again. */
	async #connect(): Promise<Connection> {
		for (let attempt = 0; ; attempt++) {
			try {
				const connection = await Connection.open(this.#target, (error) => this.#lost(error));
				this.#open = connection;
				this.#log?.info("hsm.connected", { attempt });
				return connection;
			} catch (error) {
				if (this.#isClosed || performance.now() - this.#lostAt > patience) throw asOtaError(error);
				await pause(pauses[Math.min(attempt, pauses.length - 1)] ?? 200);
			}
		}
	}

	#dropStale(): void {
		const stale = this.#open;
		if (!stale?.isStale) return;
		this.#open = null;
		stale.close();
	}

	#lost(error: OtaError): void {
		// It was given up on purpose.
		if (this.#open === null) return;
		this.#open = null;
		this.#lostAt = performance.now();
		if (!this.#isClosed) this.#log?.warn("hsm.lost", { reason: error.message });
	}
}

/** Waiting for a respawn keeps the process alive: a caller is behind it. */
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** `promise`, or `hsm_unavailable` at `end` (monotonic ms). */
async function within<T>(promise: Promise<T>, end: number): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		const refuse = (): void => reject(new OtaError("hsm_unavailable", "no connection to the HSM agent in time"));
		timer = setTimeout(refuse, Math.max(0, end - performance.now()));
		timer.unref();
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}
