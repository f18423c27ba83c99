/** RSA keys that nobody should certify, made on purpose, with working private halves; numbers, for tests alone. */
import { checkPrimeSync, createHash, generatePrimeSync, randomBytes } from "node:crypto";
import { ber } from "../device/index.ts";

export interface RsaNumbers {
	n: bigint;
	e: bigint;
	/** Null where there is none. */
	d: bigint | null;
}

const exponent = 65_537n;
const randomBelow = (limit: bigint): bigint =>
	BigInt(`0x${randomBytes(limit.toString(16).length).toString("hex")}`) % limit;

export function power(base: bigint, exponentLeft: bigint, modulus: bigint): bigint {
	let [result, square] = [1n, base % modulus];
	for (let left = exponentLeft; left > 0n; left >>= 1n) {
		if (left & 1n) result = (result * square) % modulus;
		square = (square * square) % modulus;
	}
	return result;
}
function inverse(value: bigint, modulus: bigint): bigint | null {
	let [a, b, x, y] = [((value % modulus) + modulus) % modulus, modulus, 1n, 0n];
	while (b !== 0n) {
		const quotient = a / b;
		[a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
	}
	return a === 1n ? ((x % modulus) + modulus) % modulus : null;
}

/** The key of these primes. */
export function keyOf(primes: readonly bigint[], e = exponent): RsaNumbers {
	const n = primes.reduce((product, prime) => product * prime, 1n);
	const phi = primes.reduce((product, prime) => product * (prime - 1n), 1n);
	return { n, e, d: inverse(e, phi) };
}
export const prime = (bits: number): bigint => {
	for (;;) {
		const found = generatePrimeSync(bits, { bigint: true });
		if (found >> BigInt(bits - 2) === 3n && found % exponent !== 1n) return found;
	}
};
/** The first prime from here on. */
function nextPrime(from: bigint): bigint {
	for (let candidate = from | 1n; ; candidate += 2n) if (checkPrimeSync(candidate)) return candidate;
}

/** Two neighbouring primes, or two with so much between them. */
export function closePrimes(bits = 2048, distance = 2n): RsaNumbers {
	const p = prime(bits / 2);
	return keyOf([p, nextPrime(p + distance)]);
}

/** Of the broken generator: each prime is k*M + 65537^a mod M, M the product of the first `count` primes. */
export function rocaKey(bits = 2048, count = 126): RsaNumbers {
	let m = 1n;
	for (let candidate = 2n, found = 0; found < count; candidate += 1n) {
		if (!checkPrimeSync(candidate)) continue;
		m *= candidate;
		found += 1;
	}
	return keyOf([rocaPrime(bits / 2, m), rocaPrime(bits / 2, m)]);
}
function rocaPrime(bits: number, m: bigint): bigint {
	const smallest = (3n << BigInt(bits - 2)) / m + 1n;
	const range = (1n << BigInt(bits)) / m - smallest;
	for (;;) {
		const candidate = (smallest + randomBelow(range)) * m + power(exponent, randomBelow(m), m);
		if (checkPrimeSync(candidate)) return candidate;
	}
}

const octetsOf = (value: bigint): Uint8Array => {
	const hex = value.toString(16);
	return new Uint8Array(Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex"));
};
const rsaEncryption = "1.2.840.113549.1.1.1";

/** DER of SubjectPublicKeyInfo; `n` as it is to be written, a whole INTEGER. */
export function infoOf({ n, e }: RsaNumbers, modulus: Uint8Array = ber.integer(octetsOf(n))): Uint8Array {
	return ber.sequence(ber.algorithm(rsaEncryption), ber.bitString(ber.sequence(modulus, ber.integer(octetsOf(e)))));
}

/** RSASSA-PKCS1-v1_5 over SHA-256, by the numbers alone; octets of nothing when there is no private half. */
export function signWith({ n, d }: RsaNumbers, message: Uint8Array): Uint8Array {
	const length = octetsOf(n).length;
	if (d === null) return new Uint8Array(length).fill(1);
	const digest = createHash("sha256").update(message).digest();
	const digestInfo = Buffer.concat([Buffer.from("3031300d060960864801650304020105000420", "hex"), digest]);
	const padded = Buffer.alloc(length, 0xff);
	padded.set([0, 1], 0);
	padded.set(digestInfo, length - digestInfo.length);
	padded[length - digestInfo.length - 1] = 0;
	const signature = power(BigInt(`0x${padded.toString("hex")}`), d, n).toString(16);
	return new Uint8Array(Buffer.from(signature.padStart(2 * length, "0"), "hex"));
}
