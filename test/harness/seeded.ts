/** A small generator of numbers that a seed repeats (mulberry32): for choosing tests, never for secrets. */
export class Seeded {
	#state: number;
	constructor(readonly seed: number) {
		this.#state = seed >>> 0;
	}
	/** 0 <= x < 1. */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	}
	/** 0 <= x < limit, whole. */
	below(limit: number): number {
		return Math.floor(this.next() * limit);
	}
	pick<T>(list: readonly T[]): T {
		return list[this.below(list.length)] as T;
	}
	bytes(length: number): Uint8Array {
		return Uint8Array.from({ length }, () => this.below(256));
	}
}
