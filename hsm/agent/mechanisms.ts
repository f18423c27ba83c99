/** The ways to do what a role needs, best first, and whether the token lists their mechanisms. A list is a promise: the trial decides. */
import pkcs11js from "pkcs11js";
import type { Pkcs11 } from "../token/module.ts";
import { hashingMechanisms, hashNames, type SigningKey } from "../token/signature.ts";
import type { Slot } from "../token/slot.ts";

const { CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_OAEP, CKM_ECDSA, CKM_AES_GCM } = pkcs11js;
const { CKF_SIGN, CKF_DECRYPT, CKF_ENCRYPT } = pkcs11js;

/** Whether the token lists a mechanism with all of these flags (CKF_*). */
export type Offers = (mechanism: number, flags: number) => boolean;

export function offersOf({ pkcs11, slot: { slot } }: { pkcs11: Pkcs11; slot: Slot }): Offers {
	const listed = new Set(pkcs11.C_GetMechanismList(slot));
	return (mechanism, flags) =>
		listed.has(mechanism) && (pkcs11.C_GetMechanismInfo(slot, mechanism).flags & flags) === flags;
}

/** One way to go. */
export interface Way<Value> {
	/** The mechanism's name, for the operator. */
	name: string;
	isOffered: boolean;
	value: Value;
}

/** A digest of ours signed, or the message hashed and signed by the token. */
export function signingWays(key: SigningKey, offers: Offers): Way<SigningKey>[] {
	const isRsa = key.type === "rsa";
	const tokenHashes = hashNames.filter((hash) => offers(hashingMechanisms[key.type][hash], CKF_SIGN));
	return [
		{
			name: isRsa ? "CKM_RSA_PKCS" : "CKM_ECDSA",
			isOffered: offers(isRsa ? CKM_RSA_PKCS : CKM_ECDSA, CKF_SIGN),
			value: key,
		},
		{
			name: isRsa ? "CKM_SHA256_RSA_PKCS" : "CKM_ECDSA_SHA256",
			isOffered: tokenHashes.includes("sha256"),
			value: { ...key, tokenHashes },
		},
	];
}

/** raw: unpadded here, without an oracle. pkcs1: unpadded by the token, whose answers are therefore released on a time grid. */
export type Unwrapping = "raw" | "pkcs1";

export const unwrappingWays = (offers: Offers): Way<Unwrapping>[] => [
	{ name: "CKM_RSA_X_509", isOffered: offers(CKM_RSA_X_509, CKF_DECRYPT), value: "raw" },
	{ name: "CKM_RSA_PKCS", isOffered: offers(CKM_RSA_PKCS, CKF_DECRYPT), value: "pkcs1" },
];

/** An AES key of the token's own, AES-256-GCM inside the token. */
export const aesSealingWays = (offers: Offers): Way<"gcm">[] => [
	{ name: "CKM_AES_GCM", isOffered: offers(CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT), value: "gcm" },
];

/** How a data key is wrapped to an RSA seal key: RSAES-OAEP with SHA-256 (RFC 8017 section 7.1), or RSA-KEM (RFC 5990) over raw RSA. */
export type Wrapping = "oaep" | "kem";

export const wrappingWays = (offers: Offers): Way<Wrapping>[] => [
	{ name: "CKM_RSA_PKCS_OAEP", isOffered: offers(CKM_RSA_PKCS_OAEP, CKF_DECRYPT), value: "oaep" },
	{ name: "CKM_RSA_X_509", isOffered: offers(CKM_RSA_X_509, CKF_DECRYPT), value: "kem" },
];
