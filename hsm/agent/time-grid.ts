/**
 * Answers released at ticks that were set before the work began, so that their time does not tell how it went: for tokens
 * that take the padding off themselves (RFC 3218 section 2.3.2 asks for one time; theirs differ by what they found).
 */
export class TimeGrid {
	readonly #step: number;
	#ticks: NodeJS.Timeout | undefined;
	#release: (() => void) | undefined;

	/** `step` in milliseconds: several times what the slowest work takes, or the next tick tells again. */
	constructor(step: number) {
		this.#step = step;
	}

	/** The work begins; once. */
	start(): void {
		this.#ticks = setInterval(() => this.#release?.(), this.#step);
	}

	/** Resolves at the next tick, at once when nothing began; once. */
	async next(): Promise<void> {
		if (this.#ticks === undefined) return;
		await new Promise<void>((resolve) => {
			this.#release = resolve;
		});
		clearInterval(this.#ticks);
	}
}
