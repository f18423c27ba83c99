/**
 * Sessions of one token: an anchor that holds the login and is never lent, exclusive leases, and a bounded FIFO queue.
 * Never is a session closed while a call runs on it: a lease ends when its work has settled.
 */
import { asOtaError, OtaError } from "../../lib/errors.ts";
import type { Pkcs11 } from "../token/module.ts";
import { type Handle, openSession, type Slot } from "../token/slot.ts";

/** One session, lent to one piece of work. */
export interface Lease {
	readonly pkcs11: Pkcs11;
	readonly session: Handle;
	/** The session is not lent again, whatever becomes of the work. */
	spend(): void;
	/** Keeps buffers referenced while the lease lasts: the library writes into them from another thread. */
	hold<Buffers extends Buffer[]>(...buffers: Buffers): Buffers;
}
export type Work<T> = (lease: Lease) => Promise<T>;

export interface PoolOptions {
	pkcs11: Pkcs11;
	slot: Slot;
	/** Sessions that may be lent at once. */
	size: number;
	/** Work that may wait; more is refused with `hsm_busy`. */
	maxQueue: number;
	/** Told that a piece of work begins; what it answers is told of its end. */
	began?(): () => void;
}

interface Waiting {
	isLate(): boolean;
	start(): void;
	refuse(error: OtaError): void;
}

const never = (): boolean => false;

export class SessionPool {
	readonly #options: PoolOptions;
	readonly #anchor: Handle;
	readonly #idle: Handle[] = [];
	readonly #held = new Map<Handle, Buffer[]>();
	readonly #queue: Waiting[] = [];
	#onIdle: (() => void) | null = null;
	#isClosing = false;

	/** `anchor` is a session that the caller has logged in; the pool closes it at the end. */
	constructor(options: PoolOptions, anchor: Handle) {
		this.#options = options;
		this.#anchor = anchor;
	}

	/** `hsm_busy` when work would be refused now. */
	assertRoom(): void {
		const { size, maxQueue } = this.#options;
		if (this.#held.size >= size && this.#queue.length >= maxQueue)
			throw new OtaError("hsm_busy", `${maxQueue} calls already wait for a session`);
	}

	/**
	 * Runs `work` on a session of its own, now or when its turn comes. `isLate` is asked at its turn: work for which
	 * nobody waits any more is dropped. Rejects with `hsm_busy`, `hsm_unavailable`, or with what `work` threw.
	 */
	run<T>(work: Work<T>, isLate: () => boolean = never): Promise<T> {
		if (this.#isClosing) return Promise.reject(new OtaError("hsm_unavailable", "the agent is closing"));
		if (this.#held.size < this.#options.size) return this.#lend(work);
		try {
			this.assertRoom();
		} catch (error) {
			return Promise.reject(error);
		}
		return new Promise((resolve, reject) => {
			this.#queue.push({ isLate, refuse: reject, start: () => this.#lend(work).then(resolve, reject) });
		});
	}

	async #lend<T>(work: Work<T>): Promise<T> {
		const { pkcs11, slot } = this.#options;
		let session: Handle;
		const ended = this.#options.began?.();
		try {
			session = this.#idle.pop() ?? openSession(pkcs11, slot);
		} catch (error) {
			ended?.();
			// The next in the queue tries for itself, on a later turn: the failure may be this moment's.
			setImmediate(() => this.#next());
			throw error;
		}
		let isSpent = false;
		const held: Buffer[] = [];
		this.#held.set(session, held);
		const hold = <Buffers extends Buffer[]>(...buffers: Buffers): Buffers => {
			held.push(...buffers);
			return buffers;
		};
		try {
			const spend = (): void => {
				isSpent = true;
			};
			return await work({ pkcs11, session, hold, spend });
		} catch (error) {
			// Whatever went wrong may have left its operation active in the session.
			isSpent = true;
			throw asOtaError(error);
		} finally {
			if (isSpent) this.#closeSession(session);
			else this.#idle.push(session);
			ended?.();
			this.#held.delete(session);
			this.#next();
		}
	}

	#next(): void {
		while (this.#held.size < this.#options.size) {
			const waiting = this.#queue.shift();
			if (waiting === undefined) break;
			if (waiting.isLate()) waiting.refuse(new OtaError("hsm_unavailable", "its turn came after its deadline"));
			else waiting.start();
		}
		if (this.#held.size === 0 && this.#queue.length === 0) this.#onIdle?.();
	}

	/** Lets accepted work finish, then closes every session (which logs out). */
	async close(): Promise<void> {
		this.#isClosing = true;
		if (this.#held.size > 0 || this.#queue.length > 0) {
			await new Promise<void>((resolve) => {
				this.#onIdle = resolve;
			});
		}
		for (const session of [...this.#idle.splice(0), this.#anchor]) this.#closeSession(session);
	}

	#closeSession(session: Handle): void {
		try {
			this.#options.pkcs11.C_CloseSession(session);
		} catch {
			// It is gone already, with its token.
		}
	}
}
