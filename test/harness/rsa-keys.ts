/**
 * Many distinct RSA keys in little time: every pair of a few primes gives one. FOR TESTS ALONE: such keys share factors,
 * so that whoever has two of them has both.
 */
import { createPrivateKey, generatePrimeSync, type KeyObject } from "node:crypto";

const exponent = 65_537n;

/** A source of RSA-2048 keys; every call gives another one. */
export function rsaKeySource(): () => KeyObject {
	const primes: bigint[] = [];
	let [first, second] = [-1, 0];
	return () => {
		first += 1;
		if (first === second) [first, second] = [0, second + 1];
		while (primes.length <= second) primes.push(fitPrime(1024));
		return rsaKey(primes[first] as bigint, primes[second] as bigint);
	};
}

/** A prime with the two highest bits set, that the exponent has an inverse for. */
function fitPrime(bits: number): bigint {
	for (;;) {
		const prime = generatePrimeSync(bits, { bigint: true });
		if (prime >> BigInt(bits - 2) === 3n && (prime - 1n) % exponent !== 0n) return prime;
	}
}

/** The private key of two primes (RFC 8017 section 3.2); exponent 65537 unless told. */
export function rsaKey(p: bigint, q: bigint, e = exponent): KeyObject {
	const d = inverse(e, (p - 1n) * (q - 1n));
	const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
	const jwk = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, base64url(value)]));
	return createPrivateKey({ key: { kty: "RSA", ...jwk }, format: "jwk" });
}

function inverse(value: bigint, modulus: bigint): bigint {
	let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
	while (b !== 0n) {
		const quotient = a / b;
		[a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
	}
	return ((x % modulus) + modulus) % modulus;
}

function base64url(value: bigint): string {
	const hex = value.toString(16);
	return Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex").toString("base64url");
}
