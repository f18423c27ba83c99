/**
 * The audit of a key by its role: every attribute, the kind and the size (README, "Keys and roles"). It demands what
 * provisioning gives; the agent's own check at start demands what it cannot work without.
 */
import type { AttributeName, KeyDescription } from "./describe.ts";
import type { KeyUsage } from "./templates.ts";

export type AuditedRole = KeyUsage | "seal";

/** Attribute, and what it must be. */
type Demand = readonly [name: AttributeName, mustBe: boolean];

const locked: readonly Demand[] = [
	["CKA_TOKEN", true],
	["CKA_PRIVATE", true],
	["CKA_SENSITIVE", true],
	["CKA_EXTRACTABLE", false],
	["CKA_ALWAYS_SENSITIVE", true],
	["CKA_NEVER_EXTRACTABLE", true],
	["CKA_LOCAL", true],
	["CKA_MODIFIABLE", false],
	["CKA_ALWAYS_AUTHENTICATE", false],
	// A key that unwraps or derives makes other keys, under attributes of the caller's choice.
	["CKA_UNWRAP", false],
	["CKA_WRAP", false],
	["CKA_DERIVE", false],
	["CKA_SIGN_RECOVER", false],
];
const signer: readonly Demand[] = [...locked, ["CKA_SIGN", true], ["CKA_DECRYPT", false]];

const demands: Record<AuditedRole, readonly Demand[]> = {
	root: signer,
	ca: signer,
	profile: signer,
	ocsp: signer,
	ra: [...locked, ["CKA_SIGN", true], ["CKA_DECRYPT", true]],
	seal: [...locked, ["CKA_ENCRYPT", true], ["CKA_DECRYPT", true], ["CKA_SIGN", false]],
};

/** Of an RSA key that seals, where a token has no AES: it decrypts alone, its public half encrypts. */
const sealingPair: readonly Demand[] = [...locked, ["CKA_SIGN", false], ["CKA_DECRYPT", true]];

/** Not telling these is a fault: without them nobody knows that the key stays, and what it does. */
const mustBeTold: ReadonlySet<AttributeName> = new Set(["CKA_SENSITIVE", "CKA_EXTRACTABLE", "CKA_SIGN", "CKA_DECRYPT"]);

/**
 * Where a token keeps its own value whatever the template asks, nobody can do better, and little is lost: MODIFIABLE lets
 * nobody make a sensitive key plain again, and a private key wraps and recovers for whoever has the PIN.
 */
const mayStand: ReadonlySet<AttributeName> = new Set(["CKA_MODIFIABLE", "CKA_WRAP", "CKA_SIGN_RECOVER"]);
/** What a key that was made outside cannot have. */
const ofOrigin: ReadonlySet<AttributeName> = new Set(["CKA_LOCAL", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE"]);

export interface KeyFault {
	words: string;
	/**
	 * `stops`: nothing is signed with such a key, or for it. `origin`: so does it, unless the key was imported on purpose.
	 * `told`: a fault of the token, which does not stop.
	 */
	weight: "stops" | "origin" | "told";
}

/** What is wrong with a key in this role; none when it is as provisioning makes it. */
export function auditKey(key: Pick<KeyDescription, "type" | "attributes">, role: AuditedRole): KeyFault[] {
	const asked = role === "seal" && key.type.startsWith("rsa-") ? sealingPair : demands[role];
	const attributes = asked.flatMap(([name, mustBe]): KeyFault[] => {
		const value = key.attributes[name];
		// What a token does not keep (CKA_ALWAYS_SENSITIVE is the usual one) is no fault of the key.
		if (value === mustBe || (value === undefined && !mustBeTold.has(name))) return [];
		const told = value === undefined ? "not told" : Number(value);
		return [{ words: `${name} is ${told} where ${Number(mustBe)} is required`, weight: weightOf(name) }];
	});
	return [...kindFaults(key.type, role).map((words): KeyFault => ({ words, weight: "stops" })), ...attributes];
}

function weightOf(name: AttributeName): KeyFault["weight"] {
	if (mayStand.has(name)) return "told";
	return ofOrigin.has(name) ? "origin" : "stops";
}

function kindFaults(type: KeyDescription["type"], role: AuditedRole): string[] {
	const bits = type.startsWith("rsa-") ? Number(type.slice(4)) : 0;
	if (role === "seal") {
		return type === "aes-256" || bits >= 2048
			? []
			: [`it is ${type} where aes-256, or RSA of 2048 bits or more, is required`];
	}
	if (role === "ra") return bits >= 2048 ? [] : [`it is ${type} where RSA of 2048 bits or more is required`];
	if (bits >= 2048 || type === "p-256" || type === "p-384") return [];
	return [`it is ${type} where RSA of 2048 bits or more, P-256 or P-384 is required`];
}
