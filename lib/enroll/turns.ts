/** So many at a time, the others in the order in which they came: what asks the token often must leave it to others as well. */
import { OtaError } from "../errors.ts";

export class Turns {
	readonly #most: number;
	readonly #mostWaiting: number;
	readonly #waiting: (() => void)[] = [];
	#running = 0;

	/** `mostWaiting`: one more is refused. */
	constructor(most: number, mostWaiting = Number.POSITIVE_INFINITY) {
		this.#most = most;
		this.#mostWaiting = mostWaiting;
	}

	/** `hsm_busy` when too many wait. */
	async take<T>(work: () => Promise<T>): Promise<T> {
		if (this.#running >= this.#most) {
			if (this.#waiting.length >= this.#mostWaiting) throw new OtaError("hsm_busy", "too many wait for their turn");
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		} else this.#running += 1;
		try {
			return await work();
		} finally {
			// Whoever waits takes this one's place.
			const next = this.#waiting.shift();
			if (next) next();
			else this.#running -= 1;
		}
	}
}
