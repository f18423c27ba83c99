/**
 * RSA moduli that anybody can factor, by the way they were made: a small factor, two primes close together (Fermat's
 * method), and the primes of a broken generator in smart cards and TPMs (ROCA, CVE-2017-15361: Nemec and others, 2017).
 */

const smallPrimes: readonly number[] = primesBelow(752);
const divisors: readonly bigint[] = smallPrimes.map(BigInt);
const smallProduct: bigint = divisors.reduce((product, prime) => product * prime, 1n);

function primesBelow(limit: number): number[] {
	const primes: number[] = [];
	for (let candidate = 2; candidate < limit; candidate++) {
		if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
	}
	return primes;
}

/** Why a modulus is weak, or null. */
export function weaknessOf(modulus: bigint): string | null {
	// One long division, then short ones.
	const rest = modulus % smallProduct;
	const residues = divisors.map((prime) => Number(rest % prime));
	if (residues.includes(0)) return "its modulus has a small factor";
	if (hasRocaFingerprint(residues)) return "its modulus is of a broken generator (ROCA)";
	if (isProductOfNeighbours(modulus)) return "its two primes are too close together";
	return null;
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

/** Fermat: is n = a^2 - b^2 for one of the first a from the square root of n on? */
function isProductOfNeighbours(n: bigint): boolean {
	const floor = squareRoot(n);
	const first = floor * floor === n ? floor : floor + 1n;
	const tracks = sieves.map(({ modulus, squares }) => {
		const a = Number(first % BigInt(modulus));
		const rest = Number(n % BigInt(modulus));
		return { modulus, squares, a, b2: (a * a - rest + modulus) % modulus };
	});
	for (let round = 0; round < fermatRounds; round++) {
		if (tracks.every(({ squares, b2 }) => squares[b2])) {
			const a = first + BigInt(round);
			const b2 = a * a - n;
			const b = squareRoot(b2);
			if (b * b === b2) return true;
		}
		for (const track of tracks) {
			track.b2 = (track.b2 + 2 * track.a + 1) % track.modulus;
			track.a = (track.a + 1) % track.modulus;
		}
	}
	return false;
}

/** The largest integer whose square is not over `n`: Newton's method from above, begun with what a double can hold. */
function squareRoot(n: bigint): bigint {
	if (n < 2n) return n;
	const bits = n.toString(16).length * 4;
	const shift = BigInt(Math.max(0, (bits - 100) & ~1));
	let root = BigInt(Math.ceil(Math.sqrt(Number(n >> shift)) * (1 + 2 ** -50)) + 1) << (shift / 2n);
	for (;;) {
		const next = (root + n / root) >> 1n;
		if (next >= root) return root;
		root = next;
	}
}
