/**
 * RSA moduli that anybody can factor, by the way they were made: a small factor, two primes close together (Fermat's
 * method), and the primes of a broken generator in smart cards and TPMs (ROCA, CVE-2017-15361: Nemec and others, 2017).
 */

const smallPrimes: readonly number[] = primesBelow(752);
const smallProduct: bigint = smallPrimes.reduce((product, prime) => product * BigInt(prime), 1n);
/** Neighbours whose product a double holds exactly. */
const groups: readonly { primes: readonly number[]; product: bigint }[] = grouped(smallPrimes);

function grouped(primes: readonly number[]): { primes: number[]; product: bigint }[] {
	const all: { primes: number[]; product: bigint }[] = [];
	for (const prime of primes) {
		const last = all.at(-1);
		if (last && last.product * BigInt(prime) <= Number.MAX_SAFE_INTEGER) {
			last.primes.push(prime);
			last.product *= BigInt(prime);
		} else all.push({ primes: [prime], product: BigInt(prime) });
	}
	return all;
}

function primesBelow(limit: number): number[] {
	const primes: number[] = [];
	for (let candidate = 2; candidate < limit; candidate++) {
		if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
	}
	return primes;
}

/** Why a modulus is weak, or null. */
export function weaknessOf(modulus: bigint): string | null {
	const residues = residuesOf(modulus);
	if (residues.includes(0)) return "its modulus has a small factor";
	if (hasRocaFingerprint(residues)) return "its modulus is of a broken generator (ROCA)";
	if (isProductOfNeighbours(modulus)) return "its two primes are too close together";
	return null;
}

/** By `smallPrimes`: one long division, some short ones, and the rest in doubles. */
function residuesOf(modulus: bigint): number[] {
	const rest = modulus % smallProduct;
	const residues: number[] = [];
	for (const { primes, product } of groups) {
		const part = Number(rest % product);
		for (const prime of primes) residues.push(part % prime);
	}
	return residues;
}

/**
 * The broken generator's primes are powers of 65537 modulo the product of the first primes, 71 of them (through 353)
 * from 992 bits on; so then is the modulus. A good one is by a chance of 1 in 2^69.
 */
const rocaPrimes: readonly number[] = smallPrimes.filter((prime) => prime > 2 && prime <= 353);
const rocaPowers: readonly ReadonlySet<number>[] = rocaPrimes.map(powersOfExponent);

function powersOfExponent(prime: number): ReadonlySet<number> {
	const powers = new Set<number>();
	for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power);
	return powers;
}

/** `residues` by `smallPrimes`, whose first is 2. */
const hasRocaFingerprint = (residues: readonly number[]): boolean =>
	rocaPowers.every((powers, at) => powers.has(residues[at + 1] as number));

/** Boulder's number: within as many steps a person's mistake is found, and no honest key. */
const fermatRounds = 100;

/** Squares modulo each of these are few: a number that is none there is no square, for a table look-up. */
const sieves: readonly { modulus: number; squares: readonly boolean[] }[] = [64, 63, 65, 11, 17, 19, 23, 31].map(
	(modulus) => {
		const squares = Array.from({ length: modulus }, () => false);
		for (let root = 0; root < modulus; root++) squares[(root * root) % modulus] = true;
		return { modulus, squares };
	},
);
/** Their product, which a double holds exactly. */
const sieveProduct: bigint = sieves.reduce((product, { modulus }) => product * BigInt(modulus), 1n);

/** Fermat: is n = a^2 - b^2 for one of the first a from the square root of n on? */
function isProductOfNeighbours(n: bigint): boolean {
	const floor = squareRoot(n);
	const first = floor * floor === n ? floor : floor + 1n;
	const firstPart = Number(first % sieveProduct);
	const nPart = Number(n % sieveProduct);
	for (let round = 0; round < fermatRounds; round++) {
		const mayBeSquare = sieves.every(({ modulus, squares }) => {
			const a = (firstPart + round) % modulus;
			return squares[(a * a - (nPart % modulus) + modulus) % modulus];
		});
		if (mayBeSquare) {
			const a = first + BigInt(round);
			const b2 = a * a - n;
			const b = squareRoot(b2);
			if (b * b === b2) return true;
		}
	}
	return false;
}

/** The largest integer whose square is not over `n`: Newton's method from above. */
function squareRoot(n: bigint): bigint {
	if (n < 2n) return n;
	let root = rootFromAbove(n, n.toString(16).length * 4);
	for (;;) {
		const next = (root + n / root) >> 1n;
		if (next >= root) return root;
		root = next;
	}
}

/** Not under the root, and close: the root of the upper half of the bits, and one step, which doubles the good ones. */
function rootFromAbove(n: bigint, bits: number): bigint {
	if (bits <= 100) return BigInt(Math.ceil(Math.sqrt(Number(n)) * (1 + 2 ** -50)) + 1);
	const quarter = bits >> 2;
	const upper = (rootFromAbove(n >> BigInt(2 * quarter), bits - 2 * quarter) + 1n) << BigInt(quarter);
	return (upper + n / upper) >> 1n;
}
