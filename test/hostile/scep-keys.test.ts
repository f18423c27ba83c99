/** /scep under attack by keys: weak ones that work, strange ones, and ones that are none (S27, S28). */
import type { KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ber, publicKeyInfo } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { closePrimes, infoOf, keyOf, prime, type RsaNumbers, rocaKey, signWith } from "../harness/weak-keys.ts";
import { cpuTime, failInfo, payloadOf, ScepAttacker } from "./scep-attacker.ts";

const { badAlg, badMessageCheck, badRequest } = failInfo;

let attacker: ScepAttacker;
beforeAll(async () => {
	attacker = await ScepAttacker.start();
});
afterAll(async () => {
	// Whatever was refused with this challenge, it is as good as on the first day.
	await attacker.issued(attacker.request(), attacker.spare);
});

/** A CSR by its parts: the live challenge, this key, and what signs. */
function csrOf(info: Uint8Array, sign: (message: Uint8Array) => Uint8Array): Uint8Array {
	const challenge = ber.string(payloadOf(attacker.device).challenge as string, "printable");
	const attributes = ber.context(0, ber.attribute("1.2.840.113549.1.9.7", challenge));
	const requested = ber.sequence(ber.integer(0), ber.sequence(), info, attributes);
	const algorithm = ber.algorithm("1.2.840.113549.1.1.11");
	return ber.sequence(requested, algorithm, ber.bitString(sign(requested)));
}

/** The failInfo that answers a CSR, and the milliseconds of work that it cost; the best of three. */
async function answerTo(csr: Uint8Array): Promise<{ failInfo: number | null; time: number }> {
	let time = Number.POSITIVE_INFINITY;
	let answer: number | null = null;
	for (let round = 0; round < 3; round++) {
		const sent = attacker.request({ enveloped: csr });
		const spent = await cpuTime(async () => {
			answer = (await attacker.failure(sent)).failInfo;
		});
		time = Math.min(time, spent);
	}
	return { failInfo: answer, time };
}

const withRsa = (key: RsaNumbers) => csrOf(infoOf(key), (message) => signWith(key, message));
const two = (bits: number) => [prime(bits / 2), prime(bits / 2)];
/** Every prime of 1,024 bits, so that the private half is found soon. */
const many = (bits: number) => Array.from({ length: bits / 1024 }, () => prime(1024));

describe("a key that works and is weak", () => {
	it.each<[string, () => RsaNumbers]>([
		["RSA of 1024 bits", () => keyOf(two(1024))],
		["RSA of 1023 bits", () => keyOf([prime(511), prime(512)])],
		["RSA of 2047 bits", () => keyOf([prime(1023), prime(1024)])],
		["RSA of 2049 bits", () => keyOf([prime(1025), prime(1024)])],
		["RSA of 6144 bits", () => keyOf(many(6144))],
		["RSA of 16384 bits", () => keyOf(many(16_384))],
		["exponent 1", () => ({ ...keyOf(two(2048)), e: 1n, d: 1n })],
		["exponent 3", () => withExponent(3n)],
		["an exponent of 17", () => withExponent(17n)],
		["a huge exponent", () => withExponent((1n << 2040n) + 1n)],
		["two neighbouring primes", () => closePrimes(2048)],
		["two primes that share half of their bits", () => closePrimes(2048, 1n << 512n)],
		["the same prime twice", () => squareOfPrime()],
		["the broken generator of 2017", () => rocaKey(2048, 126)],
	])("S27 of %s is a badRequest within 200 ms", async (_, make) => {
		const { failInfo: answer, time } = await answerTo(withRsa(make()));
		expect(answer).toBe(badRequest);
		expect(time).toBeLessThan(200);
	});

	it("S28 on P-192 is a badAlg within 200 ms", async () => {
		const key: KeyObject = newKeyPair("ec", { namedCurve: "prime192v1" }).privateKey;
		const sent = attacker.request({ signerKey: attacker.spare, transactionID: "1" }, key);
		const time = await cpuTime(async () => expect((await attacker.failure(sent)).failInfo).toBe(badAlg));
		expect(time).toBeLessThan(200);
	});
});

function withExponent(e: bigint): RsaNumbers {
	for (;;) {
		const key = keyOf(two(2048), e);
		if (key.d !== null) return key;
	}
}
/** Its private half is of phi = p (p - 1). */
function squareOfPrime(): RsaNumbers {
	const p = prime(1024);
	const { d } = keyOf([p, p + 1n]);
	return { n: p * p, e: 65_537n, d };
}

describe("a key whose possession nobody can prove", () => {
	const good = keyOf(two(2048));
	const point = (length: number, fill: number) => new Uint8Array(length).fill(fill);
	const curve = ber.sequence(ber.oid("1.2.840.10045.2.1"), ber.oid("1.2.840.10045.3.1.7"));
	const onCurve = (octets: Uint8Array) => ber.sequence(curve, ber.bitString(octets));
	const negative = ber.tlv(2, Buffer.from(good.n.toString(16), "hex"));
	const nothing = () => new Uint8Array(256).fill(1);

	// Whoever garbles a captured envelope must not learn what he made of it: before possession is proven there is one answer.
	it.each<[string, Uint8Array]>([
		["an even exponent", infoOf({ ...good, e: 65_536n })],
		["an exponent of 0", infoOf({ ...good, e: 0n })],
		["an exponent as large as the modulus", infoOf({ ...good, e: good.n - 2n })],
		["an even modulus", infoOf({ ...good, n: good.n - 1n })],
		["a modulus of 0", infoOf({ ...good, n: 0n })],
		["a modulus of 1", infoOf({ ...good, n: 1n })],
		["a negative modulus", infoOf(good, negative)],
		["a modulus of 1,101 octets", infoOf({ ...good, n: 1n << 8800n })],
		["16,384 bits and an exponent as large", infoOf({ n: (1n << 16_383n) + 1n, e: (1n << 16_382n) + 1n, d: null })],
		["3,072 bits and an exponent as large", infoOf({ n: (1n << 3071n) + 1n, e: (1n << 3070n) + 1n, d: null })],
		["a point off its curve", onCurve(Buffer.concat([Uint8Array.of(4), point(64, 7)]))],
		["the point at infinity", onCurve(Uint8Array.of(0))],
		["no point at all", onCurve(new Uint8Array())],
		["P-256 that is said to be RSA", infoOf(good, publicKeyInfo(newKeyPair("ec", { namedCurve: "P-256" }).publicKey))],
	])("S27 S28 of %s is a badMessageCheck, like all that does not prove itself, within 200 ms", async (_, info) => {
		const { failInfo: answer, time } = await answerTo(csrOf(info, nothing));
		expect(answer).toBe(badMessageCheck);
		expect(time).toBeLessThan(200);
	});
});
