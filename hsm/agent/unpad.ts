/**
 * EME-PKCS1-v1_5 decoding (RFC 8017 section 7.2.2) without an oracle (RFC 3218 section 2.3.2): the content key's length
 * is known, so the separator has one place, every octet is read whatever it holds, and a mask chooses the answer.
 */

/** 1 for 0, else 0; for octets. */
const isZero = (octet: number): number => ((octet - 1) >>> 31) & 1;

/**
 * The last `keyLength` octets of `block` if it is 00 02 PS 00 key with a non-zero PS, else `fallback`.
 * `block` is as long as the modulus, at least keyLength + 11 (public facts, the only ones branched on).
 */
export function unpad(block: Uint8Array, keyLength: number, fallback: Uint8Array): Uint8Array {
	const separator = block.length - keyLength - 1;
	if (separator < 10 || fallback.length !== keyLength) throw new RangeError("block or fallback of a wrong length");
	let bad = (block[0] as number) | ((block[1] as number) ^ 2) | (block[separator] as number);
	for (let at = 2; at < separator; at++) bad |= isZero(block[at] as number);
	// 0xff when nothing was bad, else 0.
	const mask = -isZero(bad) & 0xff;
	const key = new Uint8Array(keyLength);
	for (let at = 0; at < keyLength; at++) {
		key[at] = ((block[separator + 1 + at] as number) & mask) | ((fallback[at] as number) & ~mask);
	}
	return key;
}
