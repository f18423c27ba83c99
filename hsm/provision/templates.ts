/**
 * The attributes of new keys (PKCS#11 2.40 section 4), each written out: a token's defaults are not ours
 * (an empty private template made an extractable key on two of them).
 */
import pkcs11js from "pkcs11js";
import { type Curve, curves } from "../token/public-key.ts";

/** What a key pair is for. The RA's signs and decrypts; `seal`, for tokens without AES, decrypts alone; the rest sign alone. */
export type KeyUsage = "root" | "ca" | "ra" | "profile" | "ocsp" | "seal";

const decrypts = (usage: KeyUsage): boolean => usage === "ra" || usage === "seal";

const flag = (type: number, value: boolean): pkcs11js.Attribute => ({ type, value });

/** Stays in its token, is never changed, makes no other keys. */
function secret(label: string, id: Uint8Array): pkcs11js.Template {
	return [
		flag(pkcs11js.CKA_TOKEN, true),
		flag(pkcs11js.CKA_PRIVATE, true),
		flag(pkcs11js.CKA_SENSITIVE, true),
		flag(pkcs11js.CKA_EXTRACTABLE, false),
		flag(pkcs11js.CKA_MODIFIABLE, false),
		flag(pkcs11js.CKA_UNWRAP, false),
		flag(pkcs11js.CKA_DERIVE, false),
		{ type: pkcs11js.CKA_LABEL, value: label },
		{ type: pkcs11js.CKA_ID, value: Buffer.from(id) },
	];
}

export const privateTemplate = (label: string, id: Uint8Array, usage: KeyUsage): pkcs11js.Template => [
	{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
	...secret(label, id),
	flag(pkcs11js.CKA_SIGN, usage !== "seal"),
	flag(pkcs11js.CKA_DECRYPT, decrypts(usage)),
	flag(pkcs11js.CKA_SIGN_RECOVER, false),
];

function publicTemplate(label: string, id: Uint8Array, usage: KeyUsage): pkcs11js.Template {
	return [
		{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PUBLIC_KEY },
		flag(pkcs11js.CKA_TOKEN, true),
		flag(pkcs11js.CKA_PRIVATE, false),
		flag(pkcs11js.CKA_MODIFIABLE, false),
		flag(pkcs11js.CKA_VERIFY, usage !== "seal"),
		flag(pkcs11js.CKA_VERIFY_RECOVER, false),
		flag(pkcs11js.CKA_ENCRYPT, decrypts(usage)),
		flag(pkcs11js.CKA_WRAP, false),
		{ type: pkcs11js.CKA_LABEL, value: label },
		{ type: pkcs11js.CKA_ID, value: Buffer.from(id) },
	];
}

export const rsaPublicTemplate = (label: string, id: Uint8Array, usage: KeyUsage, bits: number): pkcs11js.Template => [
	...publicTemplate(label, id, usage),
	{ type: pkcs11js.CKA_MODULUS_BITS, value: bits },
	{ type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
];

export const ecPublicTemplate = (label: string, id: Uint8Array, usage: KeyUsage, curve: Curve): pkcs11js.Template => [
	...publicTemplate(label, id, usage),
	{ type: pkcs11js.CKA_EC_PARAMS, value: Buffer.from(curves[curve].params, "hex") },
];

/** AES-256 that encrypts and decrypts, and nothing else. */
export const sealTemplate = (label: string, id: Uint8Array): pkcs11js.Template => [
	{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
	{ type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_AES },
	{ type: pkcs11js.CKA_VALUE_LEN, value: 32 },
	...secret(label, id),
	flag(pkcs11js.CKA_ENCRYPT, true),
	flag(pkcs11js.CKA_DECRYPT, true),
	flag(pkcs11js.CKA_SIGN, false),
	flag(pkcs11js.CKA_VERIFY, false),
	flag(pkcs11js.CKA_WRAP, false),
];
