/** The public half of a key on the token, as SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) by way of node:crypto. */
import { createPublicKey, type KeyObject } from "node:crypto";
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import { findObjects, type Reader, readAttribute, readNumber } from "./objects.ts";
import type { Handle } from "./slot.ts";

/** The named curves in use: their CKA_EC_PARAMS (DER of the OID) and the octets of one coordinate. */
export const curves = {
	"P-256": { params: "06082a8648ce3d030107", size: 32 },
	"P-384": { params: "06052b81040022", size: 48 },
} as const;
export type Curve = keyof typeof curves;

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** The curve of a key by its CKA_EC_PARAMS; `config` for any other. */
export function readCurve(reader: Reader, key: Handle): Curve {
	const params = readAttribute(reader, key, pkcs11js.CKA_EC_PARAMS)?.toString("hex");
	for (const name of Object.keys(curves) as Curve[]) if (curves[name].params === params) return name;
	throw new OtaError("config", "its curve is neither P-256 nor P-384");
}

/**
 * The public key that belongs to a private key. RSA keeps modulus and exponent in the private object; an EC point is
 * read from the private object where a vendor keeps it, else from the public object of the same id or label.
 * `config` when the token has none.
 */
export function readPublicKey(reader: Reader, key: Handle): KeyObject {
	const type = readNumber(reader, key, pkcs11js.CKA_KEY_TYPE);
	if (type === pkcs11js.CKK_RSA) return readRsa(reader, key);
	if (type === pkcs11js.CKK_EC) return readEc(reader, key);
	throw new OtaError("config", "it is neither an RSA nor an EC key");
}

function readRsa(reader: Reader, key: Handle): KeyObject {
	const source = readAttribute(reader, key, pkcs11js.CKA_PUBLIC_EXPONENT) ? key : publicObject(reader, key);
	const n = readAttribute(reader, source, pkcs11js.CKA_MODULUS);
	const e = readAttribute(reader, source, pkcs11js.CKA_PUBLIC_EXPONENT);
	if (!n || !e) throw new OtaError("config", "the token does not tell its modulus and exponent");
	return createPublicKey({ format: "jwk", key: { kty: "RSA", n: base64url(n), e: base64url(e) } });
}

function readEc(reader: Reader, key: Handle): KeyObject {
	const crv = readCurve(reader, key);
	const own = readAttribute(reader, key, pkcs11js.CKA_EC_POINT);
	const point = own?.length ? own : readAttribute(reader, publicObject(reader, key), pkcs11js.CKA_EC_POINT);
	if (!point) throw new OtaError("config", "the token does not tell its EC point");
	const { x, y } = coordinates(point, curves[crv].size);
	return createPublicKey({ format: "jwk", key: { kty: "EC", crv, x: base64url(x), y: base64url(y) } });
}

/** An uncompressed point, raw (04 x y) or wrapped in an OCTET STRING: vendors differ. */
export function coordinates(point: Uint8Array, size: number): { x: Uint8Array; y: Uint8Array } {
	const length = 1 + 2 * size;
	const raw = point.length === length ? point : point.subarray(2);
	const isWrapped = point.length === length + 2 && point[0] === 0x04 && point[1] === length;
	if (raw.length !== length || raw[0] !== 0x04 || !(isWrapped || raw === point)) {
		throw new OtaError("config", "its EC point is not an uncompressed one");
	}
	return { x: raw.subarray(1, 1 + size), y: raw.subarray(1 + size) };
}

function publicObject(reader: Reader, key: Handle): Handle {
	const id = readAttribute(reader, key, pkcs11js.CKA_ID);
	const label = readAttribute(reader, key, pkcs11js.CKA_LABEL)?.toString("utf8");
	const uri = id?.length ? { id } : { object: label };
	const found = findObjects(reader, pkcs11js.CKO_PUBLIC_KEY, uri);
	if (found.length === 1 && found[0]) return found[0];
	throw new OtaError("config", `the token has ${found.length} public keys for it where one is needed`);
}
