/** Finds the way from a certificate up to one that the device trusts (RFC 5280 section 6, as much of it as Apple's client asks for). */
import { carefulReading, type Reading } from "./reading.ts";

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/**
 * The certificates from `leaf` up to `top` through `pool`, DER, leaf first; null when there is no such way
 * or when one of them is outside its dates at `at`.
 */
export function findChainTo(
	leaf: Uint8Array,
	pool: readonly Uint8Array[],
	top: Uint8Array,
	at: Date,
	reading: Reading = carefulReading,
): Uint8Array[] | null {
	const chain = [leaf];
	for (let depth = 0; depth < 8; depth++) {
		const last = chain.at(-1) as Uint8Array;
		const fields = reading.certificate(last);
		if (fields.notBefore > at || fields.notAfter < at) return null;
		if (isSame(last, top)) return chain;
		const isIssuer = (one: Uint8Array): boolean =>
			!isSame(one, last) && reading.isIssuedBy(fields, reading.certificate(one));
		const issuer = [top, ...pool].find(isIssuer);
		if (!issuer) return null;
		chain.push(issuer);
	}
	return null;
}
