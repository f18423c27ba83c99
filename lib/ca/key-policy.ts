/**
 * Which public keys we certify: RSA of 2048 to 4096 bits with exponent 65537 (Apple's SCEP and profile encryption know
 * RSA alone), not made in a way that anybody can undo, and none of our own keys.
 */
import { createHash } from "node:crypto";
import { readAlgorithm } from "../cms/algorithms.ts";
import { oids } from "../der/oids.ts";
import { readDer, sequence, tag } from "../der/reader.ts";
import { bitStringOctets, equalBytes, unsignedHex } from "../der/values.ts";
import { algorithmIdentifier, nullValue } from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import { weaknessOf } from "./weak-modulus.ts";

const refused = (why: string): OtaError => new OtaError("key_policy", `public key: ${why}`);

/**
 * SHA-256 of the key, hex, once it may be certified; `algorithm` or `key_policy` otherwise. The caller fills `forbidden` with
 * that hash of every key of ours (root, issuing CAs and RAs of this generation, the one before and the next, profile signer,
 * responder) and of every key that others are known by.
 */
export function acceptPublicKey(publicKeyInfo: Uint8Array, forbidden: ReadonlySet<string>): string {
	const { modulus, exponent } = readRsa(publicKeyInfo);
	const bits = bitLength(modulus);
	if (bits < 2048 || bits > 4096 || bits % 8 !== 0) throw refused(`RSA of ${bits} bits`);
	if (exponent !== 65_537n) throw refused("its exponent is not 65537");
	const weakness = weaknessOf(modulus);
	if (weakness !== null) throw refused(weakness);
	const hash = createHash("sha256").update(publicKeyInfo).digest("hex");
	if (forbidden.has(hash)) throw refused("it is one of this server's own, or denied");
	return hash;
}

function bitLength(value: bigint): number {
	const hex = value.toString(16);
	return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.charAt(0), 16)));
}

/** RFC 3279 section 2.3.1: the parameters are NULL. */
const rsaAlgorithm: Uint8Array = algorithmIdentifier(oids.rsaEncryption, nullValue());

function readRsa(publicKeyInfo: Uint8Array): { modulus: bigint; exponent: bigint } {
	const info = sequence(readDer(publicKeyInfo), "SubjectPublicKeyInfo");
	const identifier = info.take();
	const algorithm = readAlgorithm(identifier, "SubjectPublicKeyInfo");
	const key = bitStringOctets(info.take(tag.bitString));
	info.end();
	if (algorithm.oid !== oids.rsaEncryption) throw new OtaError("algorithm", "public key: only RSA is certified");
	// Other parameters would give the same key another hash, and a way past the lists of keys.
	if (!equalBytes(identifier.raw, rsaAlgorithm)) throw refused("its algorithm's parameters are not NULL");
	const fields = sequence(readDer(key), "RSAPublicKey");
	const modulus = BigInt(`0x${unsignedHex(fields.take())}`);
	const exponent = BigInt(`0x${unsignedHex(fields.take())}`);
	fields.end();
	return { modulus, exponent };
}
