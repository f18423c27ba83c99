/** Length-prefixed frames on a byte stream: four octets of length (big-endian, of what follows), then that many octets. */
import { OtaError } from "../lib/errors.ts";

/** The largest frame either side accepts: a revocation list of 2 MiB to sign, with room for its header. */
export const maxFrame = 2056 * 1024;

/** The parts as one frame, prefix included. `too_large` over `maxFrame`. */
export function frame(...parts: readonly Uint8Array[]): Buffer {
	let length = 0;
	for (const part of parts) length += part.length;
	if (length > maxFrame)
		throw new OtaError("too_large", `a frame of ${length} octets is over the limit of ${maxFrame}`);
	const out = Buffer.allocUnsafe(4 + length);
	out.writeUInt32BE(length, 0);
	let at = 4;
	for (const part of parts) {
		out.set(part, at);
		at += part.length;
	}
	return out;
}

/** Cuts a stream into frames, however it arrives. A frame is the receiver's own: later chunks never touch it. */
export class FrameReader {
	#chunks: Buffer[] = [];
	#buffered = 0;

	/** Frames that `chunk` completed, prefix dropped. `malformed` for an empty or oversized one: then close the stream. */
	push(chunk: Uint8Array): Buffer[] {
		this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
		this.#buffered += chunk.length;
		const frames: Buffer[] = [];
		for (let next = this.#take(); next !== null; next = this.#take()) frames.push(next);
		return frames;
	}

	/** True when the stream may end here: no frame is half read. */
	get isAtBoundary(): boolean {
		return this.#buffered === 0;
	}

	#take(): Buffer | null {
		if (this.#buffered < 4) return null;
		const start = (this.#chunks[0] as Buffer).length < 4 ? this.#join() : (this.#chunks[0] as Buffer);
		const length = start.readUInt32BE(0);
		// Judged before the octets arrive: a hostile length must not make us buffer.
		if (length === 0 || length > maxFrame) throw new OtaError("malformed", `frame of ${length} octets refused`);
		if (this.#buffered < 4 + length) return null;
		const all = this.#join();
		const rest = all.subarray(4 + length);
		this.#chunks = rest.length > 0 ? [rest] : [];
		this.#buffered = rest.length;
		return all.subarray(4, 4 + length);
	}

	#join(): Buffer {
		const [first] = this.#chunks;
		if (this.#chunks.length === 1) return first as Buffer;
		const all = Buffer.concat(this.#chunks, this.#buffered);
		this.#chunks = [all];
		return all;
	}
}
