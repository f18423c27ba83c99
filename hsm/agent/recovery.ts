/**
 * Brings back what a module serves when its token is lost: drained, finalised, initialised, every key found, audited and
 * proven again. One recovery at a time for all roles of the module; calls wait for it, and after a while fail at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { asOtaError, type HsmState, HsmStateError, OtaError } from "../../lib/errors.ts";
import type { Log, Random } from "../../lib/ports.ts";
import { isLoss } from "../token/failure.ts";
import { PinRefused, TokenAbsent } from "../token/slot.ts";
import type { IsLate, RoleKey } from "./keys.ts";
import type { KeyedRole } from "./policy.ts";

/**
 * recovering: calls wait. broken: calls fail at once, attempts go on. refused: as broken, for what an operator must put
 * right; after a refused PIN without further attempts. (An agent that is starting does not listen yet.)
 */
export type ModuleState = "ready" | HsmState;

export type RoleKeys = ReadonlyMap<KeyedRole, RoleKey>;

export interface RecoveryOptions {
	/** The library's path, for the log. */
	module: string;
	keys: RoleKeys;
	/** One attempt: drains, initialises, finds and proves. `config` when it is not the same keys. */
	reopen(): Promise<RoleKeys>;
	/** Calls that may wait for a recovery; more are refused with `hsm_busy`. */
	maxQueue: number;
	log: Log;
	random: Random;
}

interface Waiting {
	isLate: IsLate;
	resolve(): void;
	reject(error: OtaError): void;
}

/** Milliseconds before each attempt, the last for all that follow. */
const pauses = [0, 50, 100, 200, 400, 800, 1600, 2000] as const;
/** How long calls wait for a recovery before the breaker opens: less than a client's own deadline. */
const patience = 4000;
/** Who was ready this long begins with the first pause again. */
const steady = 2000;
/** Between attempts when what is wrong is an operator's matter. */
const operatorPause = 30_000;
/** The least between two probes that doubtful ciphertexts ask for. */
const probeInterval = 1000;

const never = (): boolean => false;

export class Recovery {
	readonly #options: RecoveryOptions;
	readonly #waiting: Waiting[] = [];
	readonly #closing = new AbortController();
	#keys: RoleKeys;
	#state: ModuleState = "ready";
	#reason: OtaError | null = null;
	#attempts = 0;
	#readyAt = Number.NEGATIVE_INFINITY;
	#probedAt = Number.NEGATIVE_INFINITY;
	#running: Promise<void> | null = null;

	constructor(options: RecoveryOptions) {
		this.#options = options;
		this.#keys = options.keys;
		this.#adopt(options.keys);
	}

	get state(): ModuleState {
		return this.#state;
	}

	/** The role's key as it was last found. */
	key(role: KeyedRole): RoleKey {
		const key = this.#keys.get(role);
		if (!key) throw new OtaError("internal", `role ${role} is not of this module`);
		return key;
	}

	/** Throws what a call would hear now if it could not wait. */
	assertReady(): void {
		if (this.#state !== "ready") throw this.#refusal();
	}

	/** Throws what work would hear now that cannot even wait: judging it would be for nothing. */
	assertRoom(role: KeyedRole): void {
		if (this.#state === "ready") this.key(role).token.pool.assertRoom();
		else if (this.#state !== "recovering") throw this.#refusal();
		else this.#assertPlace();
	}

	/** Runs `work` with the role's key; once more after a recovery when the token was lost under it. */
	async run<T>(role: KeyedRole, work: (key: RoleKey) => Promise<T>, isLate: IsLate = never): Promise<T> {
		for (let isSecond = false; ; isSecond = true) {
			while (this.#state !== "ready") await this.#turn(isLate, isSecond);
			const keys = this.#keys;
			try {
				return await work(this.key(role));
			} catch (error) {
				const failure = asOtaError(error);
				if (!this.#comesOfLoss(failure, keys) || isSecond || isLate()) throw failure;
			}
		}
	}

	/** Whether a failure comes from the loss of a token, which `keys` were of; begins a recovery if none has since. */
	#comesOfLoss(failure: OtaError, keys: RoleKeys): boolean {
		if (failure.code !== "hsm_unavailable") return false;
		const isCurrent = keys === this.#keys && this.#state === "ready";
		if (!isCurrent) return true;
		if (!isLoss(failure) || this.#closing.signal.aborted) return false;
		if (performance.now() - this.#readyAt > steady) this.#attempts = 0;
		this.#enter("recovering", failure);
		this.#running = this.#recover();
		return true;
	}

	/** Resolves when the module is ready. */
	#turn(isLate: IsLate, isSecond: boolean): Promise<void> {
		if (this.#closing.signal.aborted) return Promise.reject(closing());
		if (this.#state !== "recovering") return Promise.reject(this.#refusal());
		return new Promise((resolve, reject) => {
			// Who was accepted before is not turned away now.
			if (!isSecond) this.#assertPlace();
			this.#waiting.push({ isLate, resolve, reject });
		});
	}

	#assertPlace(): void {
		if (this.#waiting.length < this.#options.maxQueue) return;
		throw new OtaError("hsm_busy", `${this.#waiting.length} calls already wait for the token`);
	}

	async #recover(): Promise<void> {
		const end = performance.now() + patience;
		while (!this.#closing.signal.aborted) {
			await this.#pause(end - performance.now());
			if (this.#closing.signal.aborted) return;
			this.#attempts += 1;
			const failure = await this.#options.reopen().then((keys) => this.#recovered(keys), asOtaError);
			if (!failure) return;
			this.#failed(failure, performance.now() >= end);
			if (failure instanceof PinRefused) return;
		}
	}

	/** `left`: how long (ms) callers still wait, who get one attempt at its end. */
	async #pause(left: number): Promise<void> {
		const pause = pauses[Math.min(this.#attempts, pauses.length - 1)] ?? 0;
		const waits = { recovering: Math.max(0, Math.min(pause, left)), refused: operatorPause, broken: pause, ready: 0 };
		const milliseconds = waits[this.#state];
		// Woken early when the agent closes.
		await sleep(milliseconds, undefined, { signal: this.#closing.signal }).catch(() => undefined);
	}

	#recovered(keys: RoleKeys): null {
		this.#keys = keys;
		this.#adopt(keys);
		this.#readyAt = performance.now();
		this.#enter("ready", null);
		this.#release((waiting) => (waiting.isLate() ? waiting.reject(late()) : waiting.resolve()));
		return null;
	}

	#failed(failure: OtaError, isOverdue: boolean): void {
		const isOperators = failure.code === "config" && !(failure instanceof TokenAbsent);
		if (isOperators) this.#enter("refused", failure);
		else if (isOverdue || this.#state !== "recovering") this.#enter("broken", failure);
		else this.#enter("recovering", failure);
		if (this.#state !== "recovering") {
			this.#release((waiting) => waiting.reject(this.#refusal()));
			return;
		}
		this.#release((waiting) => {
			if (waiting.isLate()) waiting.reject(late());
			else this.#waiting.push(waiting);
		});
	}

	/** Takes everybody out of the queue, in order. */
	#release(each: (waiting: Waiting) => void): void {
		for (const waiting of this.#waiting.splice(0)) each(waiting);
	}

	#enter(state: ModuleState, reason: OtaError | null): void {
		const { log, module } = this.#options;
		const hasChanged = state !== this.#state;
		this.#state = state;
		this.#reason = reason;
		if (state === "ready") log.info("hsm.state", { module, state, attempts: this.#attempts });
		else if (!hasChanged) log.warn("hsm.recovery", { module, attempt: this.#attempts, reason: reason?.message });
		else if (state === "recovering") log.warn("hsm.state", { module, state, reason: reason?.message });
		else log.error("hsm.state", { module, state, reason: reason?.message });
	}

	/** A token that is absent is a matter of configuration at the start, and of availability once it was there. */
	#refusal(): OtaError {
		const state = this.#state === "ready" ? "recovering" : this.#state;
		const code = state === "refused" ? "config" : "hsm_unavailable";
		return new HsmStateError(code, `the HSM is ${state} (${this.#reason?.message ?? "no reason"})`, state);
	}

	#adopt(keys: RoleKeys): void {
		for (const [role, key] of keys) key.onDoubt = () => this.#probe(role);
	}

	/** A ciphertext must never cause a recovery; a signature that fails after it may. */
	#probe(role: KeyedRole): void {
		if (this.#state !== "ready" || performance.now() - this.#probedAt < probeInterval) return;
		this.#probedAt = performance.now();
		const message = this.#options.random(32);
		const work = (key: RoleKey) => (role === "seal" ? key.seal(message, message) : key.sign("sha256", message));
		this.run(role, work).catch((error: unknown) => {
			this.#options.log.warn("hsm.probe", { role, reason: asOtaError(error).message });
		});
	}

	/** Ends the attempts; whoever waits is refused. */
	async close(): Promise<void> {
		this.#closing.abort();
		await this.#running;
		this.#release((waiting) => waiting.reject(closing()));
	}
}

const closing = (): OtaError => new OtaError("hsm_unavailable", "the agent is closing");
const late = (): OtaError => new OtaError("hsm_unavailable", "the token came back after its deadline");
