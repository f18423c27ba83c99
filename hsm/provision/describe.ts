/** What a token tells of its private and secret keys, attribute by attribute: for lists, audits and transcripts. */
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import { findObjects, type Reader, readAttribute, readFlag, readNumber, readText } from "../token/objects.ts";
import { readPublicKey } from "../token/public-key.ts";
import type { Handle } from "../token/slot.ts";

/** The attributes that say whether a key can leave its token and what it may do (PKCS#11 2.40 sections 4.7 to 4.9). */
const attributes = {
	CKA_TOKEN: pkcs11js.CKA_TOKEN,
	CKA_PRIVATE: pkcs11js.CKA_PRIVATE,
	CKA_SENSITIVE: pkcs11js.CKA_SENSITIVE,
	CKA_EXTRACTABLE: pkcs11js.CKA_EXTRACTABLE,
	CKA_ALWAYS_SENSITIVE: pkcs11js.CKA_ALWAYS_SENSITIVE,
	CKA_NEVER_EXTRACTABLE: pkcs11js.CKA_NEVER_EXTRACTABLE,
	CKA_LOCAL: pkcs11js.CKA_LOCAL,
	CKA_MODIFIABLE: pkcs11js.CKA_MODIFIABLE,
	CKA_ALWAYS_AUTHENTICATE: pkcs11js.CKA_ALWAYS_AUTHENTICATE,
	CKA_SIGN: pkcs11js.CKA_SIGN,
	CKA_SIGN_RECOVER: pkcs11js.CKA_SIGN_RECOVER,
	CKA_DECRYPT: pkcs11js.CKA_DECRYPT,
	CKA_ENCRYPT: pkcs11js.CKA_ENCRYPT,
	CKA_WRAP: pkcs11js.CKA_WRAP,
	CKA_UNWRAP: pkcs11js.CKA_UNWRAP,
	CKA_DERIVE: pkcs11js.CKA_DERIVE,
} as const;
export type AttributeName = keyof typeof attributes;

/** Kinds of keys that provisioning makes, and what else may lie on a token. */
export type KeyType = `rsa-${number}` | "p-256" | "p-384" | `aes-${number}` | "other";

export interface KeyDescription {
	/** CKA_LABEL. */
	label: string;
	/** CKA_ID, hex. */
	id: string;
	class: "private" | "secret";
	type: KeyType;
	/** What the token tells; what it does not tell is absent. */
	attributes: Partial<Record<AttributeName, boolean>>;
	/** SubjectPublicKeyInfo, DER; null of a secret key, and where the token does not tell it. */
	publicKey: Uint8Array | null;
}

const classes = [
	["private", pkcs11js.CKO_PRIVATE_KEY],
	["secret", pkcs11js.CKO_SECRET_KEY],
] as const;

/** Every private and secret key that the session sees, in the token's order. */
export function describeKeys(reader: Reader): KeyDescription[] {
	return classes.flatMap(([name, objectClass]) =>
		findObjects(reader, objectClass, {}).map((key) => {
			const publicKey = name === "private" ? publicKeyOf(reader, key) : null;
			return {
				label: readText(reader, key, pkcs11js.CKA_LABEL),
				id: readAttribute(reader, key, pkcs11js.CKA_ID)?.toString("hex") ?? "",
				class: name,
				type: publicKey ? typeOf(publicKey) : secretType(reader, key),
				attributes: readAttributes(reader, key),
				publicKey: publicKey && Uint8Array.from(publicKey.export({ format: "der", type: "spki" })),
			};
		}),
	);
}

function readAttributes(reader: Reader, key: Handle): KeyDescription["attributes"] {
	const told: KeyDescription["attributes"] = {};
	for (const name of Object.keys(attributes) as AttributeName[]) {
		const value = readFlag(reader, key, attributes[name]);
		if (value !== undefined) told[name] = value;
	}
	return told;
}

type PublicKey = ReturnType<typeof readPublicKey>;

/** Null for a kind that is not ours, or a public half that the token does not tell. */
function publicKeyOf(reader: Reader, key: Handle): PublicKey | null {
	try {
		return readPublicKey(reader, key);
	} catch (error) {
		if (error instanceof OtaError && error.code === "config") return null;
		throw error;
	}
}

function typeOf(key: PublicKey): KeyType {
	const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
	if (modulusLength !== undefined) return `rsa-${modulusLength}`;
	if (namedCurve === "prime256v1") return "p-256";
	return namedCurve === "secp384r1" ? "p-384" : "other";
}

function secretType(reader: Reader, key: Handle): KeyType {
	if (readNumber(reader, key, pkcs11js.CKA_KEY_TYPE) !== pkcs11js.CKK_AES) return "other";
	return `aes-${(readNumber(reader, key, pkcs11js.CKA_VALUE_LEN) ?? 0) * 8}`;
}
