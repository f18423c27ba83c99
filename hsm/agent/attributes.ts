/** The attribute audit: a key that could leave its token, or do what its role must not, stops the agent from starting. */
import pkcs11js from "pkcs11js";
import { type Reader, readFlag, readNumber } from "../token/objects.ts";
import type { Handle } from "../token/slot.ts";
import type { KeyedRole } from "./policy.ts";

/** Attribute, CKA_* and whether a token that does not tell it passes. */
type Demand = readonly [name: string, type: number, mustBe: boolean, mayBeAbsent: boolean];

const locked: readonly Demand[] = [
	["CKA_SENSITIVE", pkcs11js.CKA_SENSITIVE, true, false],
	["CKA_EXTRACTABLE", pkcs11js.CKA_EXTRACTABLE, false, false],
	["CKA_ALWAYS_SENSITIVE", pkcs11js.CKA_ALWAYS_SENSITIVE, true, true],
	["CKA_NEVER_EXTRACTABLE", pkcs11js.CKA_NEVER_EXTRACTABLE, true, true],
	["CKA_ALWAYS_AUTHENTICATE", pkcs11js.CKA_ALWAYS_AUTHENTICATE, false, true],
];
const signs: Demand = ["CKA_SIGN", pkcs11js.CKA_SIGN, true, false];
const decrypts: Demand = ["CKA_DECRYPT", pkcs11js.CKA_DECRYPT, true, false];
const neverDecrypts: Demand = ["CKA_DECRYPT", pkcs11js.CKA_DECRYPT, false, true];
const encrypts: Demand = ["CKA_ENCRYPT", pkcs11js.CKA_ENCRYPT, true, false];
const neverSigns: Demand = ["CKA_SIGN", pkcs11js.CKA_SIGN, false, true];
/** A key that unwraps or derives makes other keys, under attributes of the caller's choice. */
const makesNoKeys: readonly Demand[] = [
	["CKA_UNWRAP", pkcs11js.CKA_UNWRAP, false, true],
	["CKA_DERIVE", pkcs11js.CKA_DERIVE, false, true],
];

const demands: Record<KeyedRole, readonly Demand[]> = {
	ca: [...locked, signs, neverDecrypts, ...makesNoKeys],
	profile: [...locked, signs, neverDecrypts, ...makesNoKeys],
	ra: [...locked, signs, decrypts, ...makesNoKeys],
	seal: [...locked, encrypts, decrypts, neverSigns, ...makesNoKeys],
	ocsp: [...locked, signs, neverDecrypts, ...makesNoKeys],
	caOld: [...locked, signs, neverDecrypts, ...makesNoKeys],
	raOld: [...locked, signs, decrypts, ...makesNoKeys],
};
/** Of an RSA key in the seal role: its public half encrypts. */
const sealingPair: readonly Demand[] = [...locked, decrypts, neverSigns, ...makesNoKeys];

/** Every attribute that is not as the role demands, in words. */
export function auditAttributes(reader: Reader, key: Handle, role: KeyedRole): string[] {
	const isPair = role === "seal" && readNumber(reader, key, pkcs11js.CKA_KEY_TYPE) === pkcs11js.CKK_RSA;
	return (isPair ? sealingPair : demands[role]).flatMap(([name, type, mustBe, mayBeAbsent]) => {
		const value = readFlag(reader, key, type);
		if (value === mustBe || (value === undefined && mayBeAbsent)) return [];
		return [`${name} is ${value === undefined ? "not told" : Number(value)} where ${Number(mustBe)} is required`];
	});
}
