/**
 * Many distinct RSA keys in little time: every pair of a few primes gives one. FOR TESTS AND LOAD ALONE: such keys share
 * factors, so that whoever has two of them has both.
 */
import { createPrivateKey, generatePrime, generatePrimeSync, type KeyObject } from "node:crypto";

const exponent = 65_537n;

/** A source of RSA keys of so many bits; every call gives another one. Takes `primes` first, then makes its own. */
export function rsaKeySource(bits = 2048, primes: readonly bigint[] = []): () => KeyObject {
	const pool = [...primes];
	let [first, second] = [-1, 0];
	return () => {
		first += 1;
		if (first === second) [first, second] = [0, second + 1];
		while (pool.length <= second) pool.push(fitPrime(bits / 2));
		return rsaKey(pool[first] as bigint, pool[second] as bigint);
	};
}

/** How many primes give `keys` distinct keys: 200 are enough for 19,900. */
export const primesFor = (keys: number): number => Math.ceil((1 + Math.sqrt(1 + 8 * keys)) / 2);

/** So many distinct primes for keys of `bits`, made by the thread pool; `made` hears of each. */
export async function makePrimes(count: number, bits = 2048, made: () => void = () => {}): Promise<bigint[]> {
	const primes = new Set<bigint>();
	const make = async (): Promise<void> => {
		while (primes.size < count) {
			const prime = await randomPrime(bits / 2);
			if (primes.size === count || !isFit(prime, bits / 2) || primes.has(prime)) continue;
			primes.add(prime);
			made();
		}
	};
	await Promise.all([make(), make()]);
	return [...primes];
}

function randomPrime(bits: number): Promise<bigint> {
	return new Promise((resolve, reject) => {
		generatePrime(bits, { bigint: true }, (error, prime) => (error ? reject(error) : resolve(prime)));
	});
}

function fitPrime(bits: number): bigint {
	for (;;) {
		const prime = generatePrimeSync(bits, { bigint: true });
		if (isFit(prime, bits)) return prime;
	}
}

/** The two highest bits are set, so that the product has full length, and the exponent has an inverse. */
const isFit = (prime: bigint, bits: number): boolean =>
	prime >> BigInt(bits - 2) === 3n && (prime - 1n) % exponent !== 0n;

/** The private key of two primes (RFC 8017 section 3.2); exponent 65537 unless told. */
export function rsaKey(p: bigint, q: bigint, e = exponent): KeyObject {
	const phi = (p - 1n) * (q - 1n);
	// e·d = 1 + k·phi: found by an inverse modulo the small e and not modulo the large phi.
	const k = e - inverse(phi % e, e);
	const d = (1n + k * phi) / e;
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
