/** What a load came to: journeys, times per step, failures by code; collected in bounded memory. */
import { DeviceError } from "./errors.ts";

/** The times of one step, in milliseconds. */
export interface StepTimes {
	step: string;
	count: number;
	p50: number;
	p95: number;
	max: number;
}

/** Failures of one kind. */
export interface FailureCount {
	/** "HTTP 429 rate", "SCEP badRequest", "network ECONNREFUSED", or "device: <step>" where the device itself refused. */
	code: string;
	count: number;
	/** The first of them, in words. */
	example: string;
}

/** The outcome of a load. */
export interface LoadReport {
	/** True when no journey failed and none was left out. */
	ok: boolean;
	url: string;
	/** As asked for. */
	devices: number;
	concurrency: number;
	/** Whether the client identities of the final profile belong to the journey. */
	client: boolean;
	/** Who signed in, beforehand and on the way. */
	people: number;
	journeys: { ok: number; failed: number };
	/** Seconds in which journeys were under way; the making of keys and the sign-ins before are not in it. */
	wallSeconds: number;
	/** Of those that succeeded. */
	journeysPerSecond: number;
	/** Seconds that keys and sign-ins took. */
	preparationSeconds: number;
	/** "sign in" (not part of a journey), each step, and last "journey": GET /enroll to the end. */
	steps: StepTimes[];
	failures: FailureCount[];
	/** Processor time of this process within wallSeconds, all threads, in milliseconds. */
	cpu: { userMs: number; systemMs: number; msPerJourney: number };
}

const failInfoWords = ["badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"];

/** The kind of a failure. */
export function failureCode(error: unknown): string {
	if (!(error instanceof DeviceError)) return `error: ${error instanceof Error ? error.name : typeof error}`;
	const { status, failInfo, code, step } = error;
	if (status !== undefined) return `HTTP ${status}${code === undefined ? "" : ` ${code}`}`;
	if (failInfo !== undefined) return `SCEP ${failInfoWords[failInfo] ?? failInfo}`;
	return code === undefined ? `device: ${step}` : `network ${code}`;
}

/** Numbers in a growing array of doubles: eight bytes each. */
export class Samples {
	#values = new Float64Array(256);
	#count = 0;

	get count(): number {
		return this.#count;
	}

	add(value: number): void {
		if (this.#count === this.#values.length) {
			const larger = new Float64Array(this.#count * 2);
			larger.set(this.#values);
			this.#values = larger;
		}
		this.#values[this.#count++] = value;
	}

	/** The smallest values that so large a share (0 to 1) of all do not exceed (nearest rank); 0 of none. */
	quantiles(shares: readonly number[]): number[] {
		const sorted = this.#values.slice(0, this.#count).sort();
		return shares.map((share) => sorted[Math.max(0, Math.ceil(share * this.#count) - 1)] ?? 0);
	}
}

/** Counts as the load goes on. */
export class Tally {
	ok = 0;
	failed = 0;
	readonly #steps = new Map<string, Samples>();
	readonly #failures = new Map<string, FailureCount>();

	took(step: string, ms: number): void {
		const samples = this.#steps.get(step) ?? new Samples();
		this.#steps.set(step, samples);
		samples.add(ms);
	}

	failedWith(error: unknown): void {
		this.failed += 1;
		const code = failureCode(error);
		const example = error instanceof DeviceError ? `${error.step}: ${error.message}` : String(error);
		const known = this.#failures.get(code) ?? { code, count: 0, example };
		known.count += 1;
		this.#failures.set(code, known);
	}

	/** In the order in which they first came. */
	steps(): StepTimes[] {
		const rounded = (ms: number): number => Math.round(ms * 100) / 100;
		return [...this.#steps].map(([step, samples]) => {
			const [p50 = 0, p95 = 0, max = 0] = samples.quantiles([0.5, 0.95, 1]).map(rounded);
			return { step, count: samples.count, p50, p95, max };
		});
	}

	/** The most frequent first. */
	failures(): FailureCount[] {
		return [...this.#failures.values()].sort((a, b) => b.count - a.count);
	}
}
