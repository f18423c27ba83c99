/** Keys by the thousand from a few primes: good ones, and never the same twice. */
import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { makePrimes, primesFor, rsaKey, rsaKeySource } from "../device/rsa-keys.ts";

const modulusOf = (key: KeyObject): string => key.export({ format: "jwk" }).n ?? "";

describe("a source of RSA keys", () => {
	it("gives every pair of its primes once, and goes on with primes of its own", async () => {
		const primes = await makePrimes(12, 1024);
		const next = rsaKeySource(1024, primes);
		const keys = Array.from({ length: 66 + 3 }, next);
		expect(new Set(keys.map(modulusOf)).size).toBe(69);
		const known = new Set(primes);
		const factors = keys.map((key) => {
			const { p = "", q = "" } = key.export({ format: "jwk" });
			return [p, q].map((one) => BigInt(`0x${Buffer.from(one, "base64url").toString("hex")}`));
		});
		expect(factors.map((both) => both.every((one) => known.has(one)))).toEqual([
			...Array(66).fill(true),
			...Array(3).fill(false),
		]);
	});

	it.each([1024, 2048])("makes keys of %i bits that sign", (bits) => {
		const key = rsaKeySource(bits)();
		expect(key.asymmetricKeyDetails).toEqual({ modulusLength: bits, publicExponent: 65_537n });
		const data = Buffer.from("signed");
		expect(verify("sha256", data, createPublicKey(key), sign("sha256", data, key))).toBe(true);
	});

	it.each([
		[1, 2],
		[2, 3],
		[3, 3],
		[4, 4],
		[19_900, 200],
		[19_901, 201],
		[100_000, 448],
	])("for %i keys takes %i primes", (keys, primes) => {
		expect(primesFor(keys)).toBe(primes);
	});

	it("tells of each prime, and makes none twice", async () => {
		let made = 0;
		const primes = await makePrimes(20, 1024, () => made++);
		expect([primes.length, new Set(primes).size, made]).toEqual([20, 20, 20]);
	});
});

describe("the key of two primes", () => {
	it("has the private exponent that belongs to its public one", () => {
		const [p, q] = [1_000_003n, 2_147_483_647n];
		for (const e of [3n, 17n, 65_537n]) {
			const phi = (p - 1n) * (q - 1n);
			if (phi % e === 0n) continue;
			const { d = "" } = rsaKey(p, q, e).export({ format: "jwk" });
			expect((BigInt(`0x${Buffer.from(d, "base64url").toString("hex")}`) * e) % phi).toBe(1n);
		}
	});
});
