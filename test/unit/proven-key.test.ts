import { createPublicKey } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { readCertifiedKey, readProvenKey, signatureHolds } from "../../lib/cms/signature.ts";
import { oids } from "../../lib/der/oids.ts";
import {
	algorithmIdentifier,
	bitString,
	integer,
	nullValue,
	objectIdentifier,
	octetString,
	sequenceOf,
	tlv,
} from "../../lib/der/writer.ts";
import { newKeyPair } from "../device/key-pair.ts";

/** P-256 (FIPS 186-5), spelled out. */
const p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
const a = "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc";
const b = "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b";
const gx = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const gy = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
const n = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const hex = (text: string): Uint8Array => Buffer.from(text, "hex");

const key = newKeyPair("ec", { namedCurve: "P-256" }).publicKey;
const { x = "", y = "" } = key.export({ format: "jwk" });
const coordinate = (text: string): string => Buffer.from(text, "base64url").toString("hex");
const whole = `04${coordinate(x)}${coordinate(y)}`;
const compressed = `0${2 + (Number.parseInt(coordinate(y).slice(-1), 16) & 1)}${coordinate(x)}`;

function spelledOut(point: string, base = `04${gx}${gy}`, prime = p): Uint8Array {
	const field = sequenceOf(objectIdentifier("1.2.840.10045.1.1"), integer(hex(prime)));
	const curve = sequenceOf(octetString(hex(a)), octetString(hex(b)));
	const parameters = sequenceOf(integer(1), field, curve, octetString(hex(base)), integer(hex(n)), integer(1));
	return sequenceOf(sequenceOf(objectIdentifier(oids.ecPublicKey), parameters), bitString(hex(point)));
}
const refusal = (info: Uint8Array): unknown => {
	try {
		return readProvenKey(info);
	} catch (error) {
		return error;
	}
};

describe("the key of a request that proves its possession", () => {
	it("is read on a named curve, of RSA, and on parameters spelled out with whole points", () => {
		const spki = (of: ReturnType<typeof createPublicKey>) => of.export({ format: "der", type: "spki" });
		expect(readProvenKey(spki(key)).asymmetricKeyType).toBe("ec");
		const rsa = newKeyPair("rsa", { modulusLength: 2048 }).publicKey;
		expect(readProvenKey(spki(rsa)).asymmetricKeyType).toBe("rsa");
		expect(readProvenKey(spelledOut(whole)).asymmetricKeyType).toBe("ec");
	});

	it("is not read where OpenSSL would take a square root modulo a number of the sender's choice", () => {
		const base = `0${2 + (Number.parseInt(gy.slice(-1), 16) & 1)}${gx}`;
		for (const info of [spelledOut(compressed), spelledOut(whole, base)]) {
			// It would be read: the refusal is ours.
			expect(createPublicKey({ key: Buffer.from(info), format: "der", type: "spki" }).asymmetricKeyType).toBe("ec");
			expect(refusal(info)).toMatchObject({ code: "malformed", message: expect.stringContaining("compressed") });
		}
	});

	it("is not read over a field of more than 521 bits", () => {
		const info = spelledOut(whole, `04${gx}${gy}`, `01${"0".repeat(140)}`);
		expect(refusal(info)).toMatchObject({ code: "malformed", message: expect.stringContaining("too large") });
	});
});

describe("an RSA key that nobody would make", () => {
	const even = Buffer.alloc(256, 0xfe);
	const odd = Buffer.alloc(256, 0xff);
	const e = Uint8Array.of(1, 0, 1);
	const raw = (content: Uint8Array): Uint8Array => tlv(2, content);
	const positive = (content: Uint8Array): Uint8Array => raw(Buffer.concat([Uint8Array.of(0), content]));
	const rsa = (...fields: Uint8Array[]): Uint8Array => sequenceOf(...fields);
	const info = (key: Uint8Array): Uint8Array =>
		sequenceOf(algorithmIdentifier(oids.rsaEncryption, nullValue()), bitString(key));
	const keys: readonly (readonly [string, Uint8Array])[] = [
		["modulus 0", rsa(raw(Uint8Array.of(0)), raw(e))],
		["modulus 1", rsa(raw(Uint8Array.of(1)), raw(e))],
		["an even modulus", rsa(positive(even), raw(e))],
		["a negative modulus", rsa(raw(odd), raw(e))],
		["exponent 0", rsa(positive(odd), raw(Uint8Array.of(0)))],
		["exponent 1", rsa(positive(odd), raw(Uint8Array.of(1)))],
		["an even exponent", rsa(positive(odd), raw(Uint8Array.of(2)))],
		["a negative exponent", rsa(positive(odd), raw(Uint8Array.of(0xff)))],
		["an exponent as large as the modulus", rsa(positive(odd), positive(odd))],
		["8,800 bits and an exponent of 64", rsa(positive(Buffer.alloc(1_100, 0xff)), positive(Buffer.alloc(8, 0xff)))],
		["400,000 bits", rsa(positive(Buffer.alloc(50_000, 0xff)), raw(e))],
		["octets after it", Buffer.concat([rsa(positive(odd), raw(e)), Uint8Array.of(5, 0)])],
		["a third number", rsa(positive(odd), raw(e), raw(e))],
		["no numbers", rsa()],
		["no content", new Uint8Array()],
	];

	it.each(keys)("is refused or verifies nothing, in no time: %s", (_, key) => {
		const algorithm = { oid: oids.sha256WithRsa, parameters: null };
		for (const read of [readProvenKey, readCertifiedKey]) {
			const began = performance.now();
			const answers = [1, 256, 1_100].map((length) => {
				try {
					return signatureHolds(algorithm, read(info(key)), hex("00"), Buffer.alloc(length, 1));
				} catch (error) {
					return error;
				}
			});
			expect(performance.now() - began).toBeLessThan(1_000);
			for (const answer of answers) if (answer !== false) expect(answer).toMatchObject({ name: "OtaError" });
		}
	});
});
