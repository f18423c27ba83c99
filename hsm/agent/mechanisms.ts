/** The mechanisms that a role needs, checked against the token's list and flags before a key is tried. */
import pkcs11js from "pkcs11js";
import type { SigningKey } from "../token/signature.ts";
import type { KeyedRole } from "./policy.ts";
import type { OpenToken } from "./tokens.ts";

const { CKM_RSA_PKCS, CKM_RSA_X_509, CKM_ECDSA, CKM_AES_GCM, CKF_SIGN, CKF_DECRYPT, CKF_ENCRYPT } = pkcs11js;

type Need = readonly [name: string, mechanism: number, flags: number, use: string];

function needs(role: KeyedRole, signing: SigningKey | null): readonly Need[] {
	if (role === "seal") return [["CKM_AES_GCM", CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT, "to seal and open"]];
	const sign: Need =
		signing?.type === "ec"
			? ["CKM_ECDSA", CKM_ECDSA, CKF_SIGN, "to sign"]
			: ["CKM_RSA_PKCS", CKM_RSA_PKCS, CKF_SIGN, "to sign"];
	return role === "ra" ? [sign, ["CKM_RSA_X_509", CKM_RSA_X_509, CKF_DECRYPT, "to unwrap content keys"]] : [sign];
}

/** What the token lacks for this role's key, in words. */
export function missingMechanisms(token: OpenToken, role: KeyedRole, signing: SigningKey | null): string[] {
	const { slot } = token.slot;
	const listed = new Set(token.pkcs11.C_GetMechanismList(slot));
	return needs(role, signing)
		.filter(([, mechanism, flags]) => {
			if (!listed.has(mechanism)) return true;
			return (token.pkcs11.C_GetMechanismInfo(slot, mechanism).flags & flags) !== flags;
		})
		.map(([name, , , use]) => `token ${token.name} does not offer ${name} ${use}; put this key on another token`);
}
