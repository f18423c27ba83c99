/** Which public keys may be certified, as a table. */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { acceptPublicKey } from "../../lib/ca/key-policy.ts";
import { asOtaError } from "../../lib/errors.ts";
import { ber, publicKeyInfo } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { closePrimes, infoOf, keyOf, prime, rocaKey } from "../harness/weak-keys.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const judged = (spki: Uint8Array, forbidden: string[] = []): string => {
	try {
		acceptPublicKey(spki, new Set(forbidden));
		return "accepted";
	} catch (error) {
		return asOtaError(error).code;
	}
};

const rsaEncryption = "1.2.840.113549.1.1.1";
const good = newKeyPair("rsa", { modulusLength: 2048 }).publicKey;
const modulus = Buffer.from(good.export({ format: "jwk" }).n as string, "base64url");
const spkiOf = (n: Uint8Array, e: number | Uint8Array = 65_537, algorithm = ber.algorithm(rsaEncryption)) =>
	ber.sequence(algorithm, ber.bitString(ber.sequence(ber.integer(n), ber.integer(e))));

/** An odd number of so many bits that none of the small primes divides, unless `factor` does. */
function number(bits: number, factor = 1n): Uint8Array {
	const small = primes(752);
	let candidate = ((1n << BigInt(bits - 1)) / factor + 1n) | 1n;
	while (small.some((prime) => candidate % prime === 0n)) candidate += 2n;
	const value = candidate * factor;
	expect(value.toString(2).length).toBe(bits);
	const hex = value.toString(16);
	return Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
}
function primes(below: number): bigint[] {
	const found: bigint[] = [];
	for (let candidate = 2n; candidate < BigInt(below); candidate++) {
		if (found.every((prime) => candidate % prime !== 0n)) found.push(candidate);
	}
	return found;
}
const key = (type: "ec" | "ed25519" | "rsa-pss"): KeyObject =>
	type === "ec"
		? newKeyPair("ec", { namedCurve: "P-256" }).publicKey
		: type === "ed25519"
			? newKeyPair("ed25519").publicKey
			: newKeyPair("rsa-pss", { modulusLength: 2048 }).publicKey;

const explicit = newKeyPair("ec", { namedCurve: "P-256", paramEncoding: "explicit" });
const curve = (parameters: Uint8Array, point: Uint8Array) =>
	ber.sequence(ber.algorithm("1.2.840.10045.2.1", parameters), ber.bitString(point));

describe("acceptPublicKey", () => {
	it("answers with the SHA-256 of the key's encoding", () => {
		expect(acceptPublicKey(publicKeyInfo(good), new Set())).toBe(sha256(publicKeyInfo(good)));
	});

	it("the table builds what node:crypto exports", () => {
		expect(Buffer.from(spkiOf(modulus))).toEqual(Buffer.from(publicKeyInfo(good)));
	});

	it.each([
		["RSA of 1024 bits", number(1024), "key_policy"],
		["RSA of 2040 bits", number(2040), "key_policy"],
		["RSA of 2047 bits", number(2047), "key_policy"],
		["RSA of 2048 bits", number(2048), "accepted"],
		["RSA of 2049 bits", number(2049), "key_policy"],
		["RSA of 2056 bits", number(2056), "accepted"],
		["RSA of 3072 bits", number(3072), "accepted"],
		["RSA of 4096 bits", number(4096), "accepted"],
		["RSA of 4097 bits", number(4097), "key_policy"],
		["RSA of 8192 bits", number(8192), "key_policy"],
		["RSA of 16384 bits", Buffer.alloc(2048, 0xff), "malformed"],
		["a modulus of 0", Uint8Array.of(0), "key_policy"],
		["a modulus of 1", Uint8Array.of(1), "key_policy"],
		["a factor of 3", number(2048, 3n), "key_policy"],
		["a factor of 5", number(2048, 5n), "key_policy"],
		["a factor of 751", number(2048, 751n), "key_policy"],
		["an even modulus", Uint8Array.from(modulus, (octet, at) => (at === 255 ? octet & 0xfe : octet)), "key_policy"],
	])("%s: %s", (_what, n, expected) => expect(judged(spkiOf(n))).toBe(expected));

	it.each([
		["1", 1],
		["2", 2],
		["3", 3],
		["17", 17],
		["65536", 65_536],
		["65539", 65_539],
		["2^32+1", Uint8Array.of(1, 0, 0, 0, 1)],
		["as many bits as the modulus", modulus],
	])("an exponent of %s: key_policy", (_what, e) => expect(judged(spkiOf(modulus, e))).toBe("key_policy"));

	it.each([
		["P-256", publicKeyInfo(key("ec"))],
		["secp256k1", publicKeyInfo(newKeyPair("ec", { namedCurve: "secp256k1" }).publicKey)],
		["P-192", curve(ber.oid("1.2.840.10045.3.1.1"), Buffer.alloc(49, 4))],
		["a curve of parameters spelled out", publicKeyInfo(explicit.publicKey)],
		["a point off its curve", curve(ber.oid("1.2.840.10045.3.1.7"), Buffer.alloc(65, 4))],
		["the point at infinity", curve(ber.oid("1.2.840.10045.3.1.7"), Uint8Array.of(0))],
		["Ed25519", publicKeyInfo(key("ed25519"))],
		["RSASSA-PSS", publicKeyInfo(key("rsa-pss"))],
	])("%s: algorithm", (_what, spki) => expect(judged(spki)).toBe("algorithm"));

	it("one of our own keys: key_policy", () => {
		expect(judged(publicKeyInfo(good), [sha256(publicKeyInfo(good))])).toBe("key_policy");
	});

	it.each([
		["parameters left out", spkiOf(modulus, 65_537, ber.algorithm(rsaEncryption, null))],
		["other parameters than NULL", spkiOf(modulus, 65_537, ber.algorithm(rsaEncryption, ber.sequence()))],
	])("a key in another encoding is no way past the list of our own: %s", (_what, spki) => {
		expect(createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }).export({ format: "jwk" })).toEqual(
			good.export({ format: "jwk" }),
		);
		expect(judged(spki, [sha256(publicKeyInfo(good))])).toBe("key_policy");
	});

	const bits = (content: Uint8Array) => ber.sequence(ber.algorithm(rsaEncryption), ber.bitString(content));
	it.each([
		["nothing", new Uint8Array()],
		["no RSAPublicKey", bits(new Uint8Array())],
		["octets after RSAPublicKey", bits(ber.concat([ber.sequence(ber.integer(modulus), ber.integer(3)), ber.nil()]))],
		["three numbers", bits(ber.sequence(ber.integer(modulus), ber.integer(65_537), ber.integer(1)))],
		["a negative modulus", bits(ber.sequence(ber.tlv(2, Buffer.from(modulus).fill(0xf0, 0, 1)), ber.integer(65_537)))],
		[
			"a modulus with needless zeros",
			bits(ber.sequence(ber.tlv(2, ber.concat([Buffer.alloc(2), modulus])), ber.integer(3))),
		],
		["a field too many", ber.sequence(ber.algorithm(rsaEncryption), ber.bitString(new Uint8Array()), ber.nil())],
	])("malformed: %s", (_what, spki) => expect(judged(spki)).toBe("malformed"));
});

describe("a modulus that anybody can factor", () => {
	const why = (spki: Uint8Array): string => {
		try {
			acceptPublicKey(spki, new Set());
			return "accepted";
		} catch (error) {
			return asOtaError(error).message;
		}
	};
	const tooClose = "public key: its two primes are too close together";
	const roca = "public key: its modulus is of a broken generator (ROCA)";
	const small = primes(752).filter((each) => each > 2n);
	/** (a - b)(a + b) that Fermat's method finds in this round: a is so much over its square root, by b^2 / 2a. */
	const inRound = (round: bigint): Uint8Array => {
		const a = (1n << 1023n) + (1n << 1022n) + 12_345n;
		let b = 1n;
		for (let bit = 520n; bit >= 0n; bit--) if ((b | (1n << bit)) ** 2n < a * (2n * round + 1n)) b |= 1n << bit;
		b &= ~1n;
		while (small.some((each) => (a - b) % each === 0n || (a + b) % each === 0n)) b -= 2n;
		return infoOf({ n: (a - b) * (a + b), e: 65_537n, d: null });
	};

	it.each([
		["two neighbouring primes", () => infoOf(closePrimes(2048)), tooClose],
		["two primes that share half of their bits", () => infoOf(closePrimes(2048, 1n << 512n)), tooClose],
		["neighbours of 2,048 bits", () => infoOf(closePrimes(4096, 1n << 1000n)), tooClose],
		["a square", () => infoOf({ n: prime(1024) ** 2n, e: 65_537n, d: null }), tooClose],
		["ROCA's form in 2048 bits", () => infoOf(rocaKey(2048, 126)), roca],
		["ROCA's form in 4096 bits", () => infoOf(rocaKey(4096, 225)), roca],
	])("%s is refused", (_what, make, expected) => expect(why(make())).toBe(expected));

	it.each([1n, 2n, 9n, 42n, 80n, 98n])("is found in round %s of Fermat's method", (round) => {
		expect(why(inRound(round))).toBe(tooClose);
	});
	it.each([101n, 150n, 1000n])("is not looked for in round %s", (round) =>
		expect(why(inRound(round))).toBe("accepted"),
	);

	it.each([2048, 4096])("is found by each prime below 752 in %s bits", (bits) => {
		const found = primes(752).map((each) => why(spkiOf(number(bits, each))));
		expect(new Set(found)).toEqual(new Set(["public key: its modulus has a small factor"]));
		expect(why(spkiOf(number(bits, 757n)))).toBe("accepted");
	});

	it("is none when its primes were drawn", () => {
		for (let draw = 0; draw < 20; draw++) {
			expect(why(infoOf(keyOf([prime(1024), prime(1024)])))).toBe("accepted");
		}
	});

	it("is looked for in less than a millisecond", () => {
		const spki = infoOf(keyOf([prime(2048), prime(2048)]));
		const took = Array.from({ length: 100 }, () => {
			const begin = performance.now();
			acceptPublicKey(spki, new Set());
			return performance.now() - begin;
		});
		expect(Math.min(...took)).toBeLessThan(1);
	});
});
