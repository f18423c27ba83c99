/** Bytes as they arrive, up to a limit, in one buffer: a body in a thousand pieces costs no more than one in one piece. */

const first = 4096;

export class BoundedBytes {
	#buffer = Buffer.alloc(0);
	#length = 0;

	constructor(private readonly limit: number) {}

	/** False, and nothing is kept any more, when it is more than the limit. */
	push(chunk: Uint8Array): boolean {
		const length = this.#length + chunk.length;
		if (length > this.limit) {
			this.#buffer = Buffer.alloc(0);
			return false;
		}
		if (length > this.#buffer.length) this.#grow(length);
		this.#buffer.set(chunk, this.#length);
		this.#length = length;
		return true;
	}

	get length(): number {
		return this.#length;
	}
	/** A view. */
	get bytes(): Buffer<ArrayBuffer> {
		return this.#buffer.subarray(0, this.#length);
	}

	#grow(least: number): void {
		const larger = Buffer.alloc(Math.min(this.limit, Math.max(first, least, this.#buffer.length * 2)));
		larger.set(this.bytes);
		this.#buffer = larger;
	}
}
