/**
 * What goes into and comes out of the token's signing mechanisms: CKM_RSA_PKCS over a DigestInfo (RFC 8017 section 9.2) and
 * CKM_ECDSA over a digest, or their kin that hash as well; an r || s becomes the DER of RFC 3279 section 2.2.3.
 */
import { createHash } from "node:crypto";
import pkcs11js from "pkcs11js";
import { algorithmIdentifier, integer, nullValue, octetString, sequenceOf } from "../../lib/der/writer.ts";
import { OtaError } from "../../lib/errors.ts";
import type { HashName } from "../../lib/ports.ts";
import type { Curve } from "./public-key.ts";
import { curves } from "./public-key.ts";

/** How a private key signs: RSA by the octets of its modulus, EC by its curve. */
export type SigningKey = ({ type: "rsa"; size: number } | { type: "ec"; curve: Curve }) & {
	/** The token hashes too, with these alone. Absent: the hash is taken here and the token signs a digest. */
	tokenHashes?: readonly HashName[];
};

const digestAlgorithms: Record<HashName, string> = {
	sha256: "2.16.840.1.101.3.4.2.1",
	sha384: "2.16.840.1.101.3.4.2.2",
	sha512: "2.16.840.1.101.3.4.2.3",
};
export const hashNames = ["sha256", "sha384", "sha512"] as const satisfies readonly HashName[];

/** The mechanisms that hash what they sign. */
export const hashingMechanisms: Record<SigningKey["type"], Record<HashName, number>> = {
	rsa: {
		sha256: pkcs11js.CKM_SHA256_RSA_PKCS,
		sha384: pkcs11js.CKM_SHA384_RSA_PKCS,
		sha512: pkcs11js.CKM_SHA512_RSA_PKCS,
	},
	ec: {
		sha256: pkcs11js.CKM_ECDSA_SHA256,
		sha384: pkcs11js.CKM_ECDSA_SHA384,
		sha512: pkcs11js.CKM_ECDSA_SHA512,
	},
};

/** The CKM_* that signs a message under `hash`; `hsm_refused` for a hash that the token does not take. */
export function signingMechanism(key: SigningKey, hash: HashName): number {
	if (key.tokenHashes === undefined) return key.type === "rsa" ? pkcs11js.CKM_RSA_PKCS : pkcs11js.CKM_ECDSA;
	if (!key.tokenHashes.includes(hash)) throw new OtaError("hsm_refused", `the token does not sign under ${hash}`);
	return hashingMechanisms[key.type][hash];
}

/** The input of C_Sign: a digest taken here, where every token agrees on it, or the message for one that takes its own. */
export function signatureInput(key: SigningKey, hash: HashName, message: Uint8Array): Buffer {
	if (key.tokenHashes !== undefined) return Buffer.from(message);
	const digest = createHash(hash).update(message).digest();
	// FIPS 186-5 section 6.4.1: the leftmost bits of a digest wider than the curve; not every token cuts it itself.
	if (key.type === "ec") return digest.subarray(0, curves[key.curve].size);
	return Buffer.from(sequenceOf(algorithmIdentifier(digestAlgorithms[hash], nullValue()), octetString(digest)));
}

/** Octets that C_Sign may answer. */
export const signatureRoom = (key: SigningKey): number => (key.type === "rsa" ? key.size : 2 * curves[key.curve].size);

/** The signature as certificates and CMS carry it. */
export function signatureOutput(key: SigningKey, raw: Uint8Array): Uint8Array {
	if (raw.length !== signatureRoom(key)) {
		throw new OtaError("hsm_refused", `the token answered a signature of ${raw.length} octets`);
	}
	if (key.type === "rsa") return raw;
	const half = raw.length / 2;
	return sequenceOf(integer(raw.subarray(0, half)), integer(raw.subarray(half)));
}
