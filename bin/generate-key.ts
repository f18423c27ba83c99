/** One key inside a token, by the names that the command line and plans use. */
import type { AuditedRole, Token } from "../hsm/index.ts";
import { OtaError } from "../lib/errors.ts";

export const keyTypes = ["rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384", "aes-256"] as const;
export type GeneratedType = (typeof keyTypes)[number];

/** What a role may have, the usual one first: Apple demands RSA of the RA; RSA seals where a token has no AES. */
export const typesOf: Record<AuditedRole, readonly GeneratedType[]> = {
	root: ["rsa-3072", "rsa-2048", "rsa-4096", "p-256", "p-384"],
	ca: ["rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"],
	ra: ["rsa-2048", "rsa-3072", "rsa-4096"],
	profile: ["rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"],
	ocsp: ["rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"],
	seal: ["aes-256", "rsa-2048", "rsa-3072", "rsa-4096"],
};

const bitsOf = { "rsa-2048": 2048, "rsa-3072": 3072, "rsa-4096": 4096 } as const;
const curveOf = { "p-256": "P-256", "p-384": "P-384" } as const;

export interface NewKey {
	label: string;
	/** CKA_ID; drawn by the token unless given. */
	id?: Uint8Array;
	role: AuditedRole;
	type: GeneratedType;
}

/** `conflict` when a key bears the label already; nothing is ever overwritten. */
export async function generateKey(token: Token, { label, id, role, type }: NewKey): Promise<void> {
	if (!typesOf[role].includes(type))
		throw new OtaError("config", `${role}: a key of type ${type} does not fit; ${typesOf[role].join(", ")} do`);
	if (type === "aes-256") await token.generateSealKey({ label, id });
	else if (type === "p-256" || type === "p-384") {
		if (role === "ra" || role === "seal") throw new OtaError("config", `${role}: it must be an RSA key`);
		await token.generateEc({ label, id, curve: curveOf[type], usage: role });
	} else await token.generateRsa({ label, id, bits: bitsOf[type], usage: role });
}
