/** That a key found again is the very key that was proven at the start: a token may come back with other keys of the same name. */
import { asOtaError, OtaError } from "../../lib/errors.ts";
import type { Random } from "../../lib/ports.ts";
import type { RoleKey } from "./keys.ts";
import type { KeyedRole } from "./policy.ts";

/** Resolves for the same key; `config` for another. To be followed by a proof that it signs. */
export type Identity = (found: RoleKey) => Promise<void>;

/** What a key is known by: its public key, and a sealed text for the seal key. */
export async function identify(role: KeyedRole, key: RoleKey, random: Random): Promise<Identity> {
	return role === "seal" ? await bySealing(key, random) : byPublicKey(key);
}

const anotherKey = (how: string): OtaError =>
	new OtaError("config", `the token came back with another key of this name (${how}); nothing is done with it`);

/** Where the token tells neither public key nor modulus the certificate alone knows the key. */
function byPublicKey(key: RoleKey): Identity {
	const known = publicOctets(key);
	return async (found) => {
		if (publicOctets(found) !== known) throw anotherKey("its public key has changed");
	};
}

const publicOctets = ({ publicKey, modulus }: RoleKey): string | undefined =>
	publicKey?.export({ format: "der", type: "spki" }).toString("hex") ?? modulus?.toString("hex");

async function bySealing(key: RoleKey, random: Random): Promise<Identity> {
	const secret = Buffer.from(random(32));
	const aad = Buffer.from("identity");
	const sealed = await key.seal(secret, aad);
	return async (found) => {
		const opened = await found.open(sealed, aad).catch((error: unknown) => {
			const failure = asOtaError(error);
			if (failure.code !== "hsm_refused") throw failure;
			return null;
		});
		if (!opened || !secret.equals(opened)) throw anotherKey("it does not open what was sealed before");
	};
}
