/**
 * Who has asked too often: persons, enrollments, addresses, and everybody together for what an attacker would try by the
 * thousand. Counted in this process's memory, for no anonymous request may write to the database (facts on issuing,
 * step 0); the limit of persons is asked of the store as well, so that it holds over all processes.
 */
import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import { type Code, OtaError } from "../errors.ts";
import type { DeliveryKind } from "../ports.ts";

const minute = 60;

export interface LimitOptions {
	/** Profile services per minute and person. */
	enroll: number;
}

/** Refused requests of one address within a minute: a whole office may share one, and honest devices are rarely refused. */
const failuresPerAddress = 300;
/** Failed unwraps and failed challenges of all callers within an hour; an attack on either needs far more. */
const guessesOfAll = 10_000;
/** Further deliveries of one enrollment and kind within an hour; each is signed, and kept. */
const updatesPerEnrollment = 20;
/** Of all kinds, and whatever came of them. */
const attemptsPerEnrollment = 200;
/** Refusals of one enrollment that become audit events: who repeats an old message must not fill the database. */
const refusalsPerEnrollment = 100;

/** Refusals that are no attempt at anything: our own faults, and what any browser may ask for. */
const harmless: ReadonlySet<Code> = new Set([
	"not_found",
	"method",
	"host",
	"timeout",
	"upgrade",
	"header_too_large",
	"rate",
	"config",
	"hsm_busy",
	"hsm_unavailable",
	"hsm_refused",
	"store_unavailable",
	"internal",
]);
/** What Bleichenbacher's attack and guessing a challenge look like from here. */
const guesses: ReadonlySet<Code> = new Set(["decryption", "challenge"]);

/** `rate` that ends later than in a minute. */
export class LimitError extends OtaError {
	constructor(
		message: string,
		/** Until when (seconds). */
		readonly seconds: number,
	) {
		super("rate", message);
	}
}

export class Limits {
	readonly #starts: RateLimiterMemory;
	readonly #failures = new RateLimiterMemory({ points: failuresPerAddress, duration: minute });
	readonly #guesses = new RateLimiterMemory({ points: guessesOfAll, duration: 60 * minute });
	readonly #updates = new RateLimiterMemory({ points: updatesPerEnrollment, duration: 60 * minute });
	readonly #attempts = new RateLimiterMemory({ points: attemptsPerEnrollment, duration: 60 * minute });
	readonly #refusals = new RateLimiterMemory({ points: refusalsPerEnrollment, duration: 20 * minute });

	constructor(options: LimitOptions) {
		this.#starts = new RateLimiterMemory({ points: options.enroll, duration: minute });
	}

	/** `rate` when this person has started too many enrollments within the minute. */
	async start(userId: string): Promise<void> {
		if (await isOver(this.#starts, userId)) throw new OtaError("rate", "this person has started too many enrollments");
	}

	/** `rate` when this enrollment has got too many further deliveries within the hour. */
	async mayUpdate(enrollmentId: string, kind: DeliveryKind): Promise<void> {
		// What fails costs nothing of the twenty, and is not for nothing all the same.
		if (await isOver(this.#attempts, enrollmentId)) throw new LimitError("this device asks too often", 60 * minute);
		const given = await this.#updates.get(`${kind} ${enrollmentId}`);
		if ((given?.consumedPoints ?? 0) < updatesPerEnrollment) return;
		throw new LimitError("this device has got too many updates", Math.ceil((given?.msBeforeNext ?? 0) / 1000));
	}

	/** Counts one. */
	async updated(enrollmentId: string, kind: DeliveryKind): Promise<void> {
		await this.#updates.penalty(`${kind} ${enrollmentId}`);
	}

	/** Whether one more refusal of this enrollment shall be recorded. */
	async mayRecord(enrollmentId: string): Promise<boolean> {
		return !(await isOver(this.#refusals, enrollmentId));
	}

	/** `rate` when this address was refused too often; once all have guessed too often, when it was refused at all. */
	async admit(address: string | null): Promise<void> {
		if (address === null) return;
		const failed = (await this.#failures.get(address))?.consumedPoints ?? 0;
		if (failed === 0) return;
		const guessed = (await this.#guesses.get("all"))?.consumedPoints ?? 0;
		if (failed > failuresPerAddress || guessed > guessesOfAll) {
			throw new OtaError("rate", "this address was refused too often");
		}
	}

	/** Counts a refusal. */
	async refused(address: string | null, code: Code): Promise<void> {
		if (harmless.has(code)) return;
		if (guesses.has(code)) await this.#guesses.penalty("all");
		if (address !== null) await this.#failures.penalty(address);
	}
}

/** Counts one more; the library rejects with its own result when that is one too many. */
async function isOver(limiter: RateLimiterMemory, key: string): Promise<boolean> {
	return limiter.consume(key).then(
		() => false,
		(result: RateLimiterRes | Error) => {
			if (result instanceof Error) throw result;
			return true;
		},
	);
}
