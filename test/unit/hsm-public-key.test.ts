import { createHash, sign, verify } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { coordinates } from "../../hsm/token/public-key.ts";
import { signatureInput, signatureOutput } from "../../hsm/token/signature.ts";
import { newKeyPair } from "../device/key-pair.ts";

describe("EC point", () => {
	const raw = Buffer.concat([Uint8Array.of(4), Buffer.alloc(32, 1), Buffer.alloc(32, 2)]);

	it("is read raw and wrapped in an OCTET STRING", () => {
		for (const point of [raw, Buffer.concat([Uint8Array.of(4, 65), raw])]) {
			const { x, y } = coordinates(point, 32);
			expect(Buffer.from(x)).toEqual(Buffer.alloc(32, 1));
			expect(Buffer.from(y)).toEqual(Buffer.alloc(32, 2));
		}
	});

	it.each([
		["compressed", Buffer.concat([Uint8Array.of(2), Buffer.alloc(32, 1)])],
		["of another curve", Buffer.concat([Uint8Array.of(4), Buffer.alloc(96)])],
		["in another wrapping", Buffer.concat([Uint8Array.of(3, 65), raw])],
		["empty", Buffer.alloc(0)],
	])("is refused when %s", (_name, point) => {
		expect(() => coordinates(point, 32)).toThrow(expect.objectContaining({ code: "config" }));
	});
});

describe("signature", () => {
	const message = Buffer.from("to be signed");

	it("by ECDSA turns r || s into the DER that node:crypto verifies", () => {
		const { privateKey, publicKey } = newKeyPair("ec", { namedCurve: "P-256" });
		// Enough draws for r or s with a leading zero octet or a high bit.
		for (let round = 0; round < 300; round++) {
			const raw = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
			const der = signatureOutput({ type: "ec", curve: "P-256" }, raw);
			expect(verify("sha256", message, publicKey, der)).toBe(true);
		}
	});

	it("by P-256 over SHA-512 takes the leftmost 32 octets of the digest", () => {
		const input = signatureInput({ type: "ec", curve: "P-256" }, "sha512", message);
		expect(input).toEqual(createHash("sha512").update(message).digest().subarray(0, 32));
	});

	it.each([
		["sha256", "3031300d060960864801650304020105000420"],
		["sha384", "3041300d060960864801650304020205000430"],
		["sha512", "3051300d060960864801650304020305000440"],
	] as const)("by RSA signs the DigestInfo of RFC 8017 section 9.2: %s", (hash, prefix) => {
		const input = signatureInput({ type: "rsa", size: 256 }, hash, message);
		expect(input.toString("hex")).toBe(prefix + createHash(hash).update(message).digest("hex"));
	});

	it("of another length than the key's is refused", () => {
		expect(() => signatureOutput({ type: "rsa", size: 256 }, new Uint8Array(255))).toThrow(
			expect.objectContaining({ code: "hsm_refused" }),
		);
	});
});
