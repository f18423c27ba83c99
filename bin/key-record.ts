/** A key's description by its token: as transcripts write it, the one of a URI, what is wrong with it, and whose it is. */
import { createPublicKey } from "node:crypto";
import {
	type AuditedRole,
	auditKey,
	type KeyDescription,
	type KeyName,
	type Pkcs11Uri,
	type Token,
} from "../hsm/index.ts";
import type { CeremonyKey, KeyRecord } from "../lib/ca/ceremony.ts";
import { OtaError } from "../lib/errors.ts";

/** What a transcript says of a key. */
export function keyRecord(key: KeyDescription): KeyRecord {
	const { label, class: objectClass, id, attributes, publicKey } = key;
	const told = { class: objectClass, ...kindOf(key.type), CKA_ID: id, ...attributes };
	return { label, attributes: told, ...(publicKey && { publicKey }) };
}

/** Transcripts tell the family and the size. */
function kindOf(type: KeyDescription["type"]): Record<string, string | number> {
	const [family = "", bits] = type.split("-");
	if (bits === undefined) return { type };
	return { type: family === "p" ? "ec" : family, size: Number(bits) };
}

/** The one key of that name; `config` when there is none or more than one. */
export function keyOf(keys: readonly KeyDescription[], name: KeyName): KeyDescription {
	const { object, id } = typeof name === "string" ? { object: name, id: undefined } : name;
	if (object === undefined && id === undefined) throw new OtaError("config", "the URI names neither object nor id");
	const found = keys.filter((key) => isNamed(key, { object, id }));
	const [key] = found;
	if (key && found.length === 1) return key;
	const words = `${object ?? ""}${id ? ` (id ${Buffer.from(id).toString("hex")})` : ""}`.trim();
	throw new OtaError(
		"config",
		key ? `${found.length} keys are named ${words}; add id= to the URI` : `there is no key ${words}`,
	);
}

export function isNamed(key: KeyDescription, { object, id }: Pick<Pkcs11Uri, "object" | "id">): boolean {
	if (object !== undefined && key.label !== object) return false;
	return id === undefined || key.id === Buffer.from(id).toString("hex");
}

export interface FaultsOptions {
	/** It was made outside and brought in on purpose. */
	isImported?: boolean;
	log(line: string): void;
}

/** What stops this key from being used or certified, with its label. What the token alone is to blame for is told, and passes. */
export function stoppingFaults(key: KeyDescription, role: AuditedRole, { isImported, log }: FaultsOptions): string[] {
	const [stopping, passing]: [string[], string[]] = [[], []];
	for (const { words, weight } of auditKey(key, role)) {
		const passes = weight === "told" || (weight === "origin" && isImported === true);
		(passes ? passing : stopping).push(`${key.label}: ${words}`);
	}
	for (const fault of passing) log(`Attention: ${fault}`);
	return stopping;
}

/**
 * Equal where two public keys are one: of RSA the modulus alone, since another exponent makes no other secret.
 * `publicKey` is a SubjectPublicKeyInfo, DER.
 */
export function keyIdentity(publicKey: Uint8Array): string {
	const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
	const { kty, n } = key.export({ format: "jwk" });
	return kty === "RSA" ? `RSA ${n}` : Buffer.from(publicKey).toString("hex");
}

/** A key pair as the ceremony takes it: what the token tells of it, and how it signs. */
export async function ceremonyKey(token: Token, named: KeyName): Promise<CeremonyKey> {
	const key = keyOf(await token.describe(), named);
	if (key.publicKey === null) throw new OtaError("config", `the token does not tell the public half of ${key.label}`);
	const name = { object: key.label, id: Buffer.from(key.id, "hex") };
	return {
		...keyRecord(key),
		publicKey: key.publicKey,
		sign: (hash, message) => token.sign(name, hash, message),
	};
}
