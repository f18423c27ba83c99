/** Keys in memory, for tests that are not about the token: the same port, node:crypto behind it. */
import {
	constants,
	createCipheriv,
	createDecipheriv,
	createPublicKey,
	type KeyObject,
	privateDecrypt,
	randomBytes,
	sign,
} from "node:crypto";
import { type CeremonyKey, runCeremony } from "../../lib/ca/ceremony.ts";
import { OtaError } from "../../lib/errors.ts";
import type { Authorities } from "../../lib/options.ts";
import type { Keys, SigningRole } from "../../lib/ports.ts";
import { newKeyPair } from "../device/key-pair.ts";

export interface SoftwareKeys {
	keys: Keys;
	authorities: Authorities;
	/** A test that wants more roles (caOld, raOld, ocsp) puts their keys here. */
	private: Record<"root" | "ca" | "ra" | "profile", KeyObject> & Partial<Record<SigningRole, KeyObject>>;
}

const rsa = (): KeyObject => newKeyPair("rsa", { modulusLength: 2048 }).privateKey;

/** Five keys and their certificates, by the real ceremony. */
export async function softwareKeys(now = new Date(), caKey: "rsa" | "p-256" = "rsa"): Promise<SoftwareKeys> {
	const ec = (): KeyObject => newKeyPair("ec", { namedCurve: "P-256" }).privateKey;
	const all = { root: rsa(), ca: caKey === "rsa" ? rsa() : ec(), ra: rsa(), profile: rsa(), ocsp: ec() };
	const ceremonyKey = (label: keyof typeof all): CeremonyKey => ({
		label,
		attributes: {},
		publicKey: publicKeyOf(all[label]),
		sign: async (hash, message) => sign(hash, message, all[label]),
	});
	const result = await runCeremony({
		organization: "Example & Söhne",
		operator: "test",
		token: "memory",
		keys: {
			root: ceremonyKey("root"),
			ca: ceremonyKey("ca"),
			ra: ceremonyKey("ra"),
			profile: ceremonyKey("profile"),
			ocsp: ceremonyKey("ocsp"),
			seal: { label: "seal", attributes: {} },
		},
		clock: () => now,
		random: (length) => randomBytes(length),
	});
	const { root, ca, ra, profile, ocsp = "" } = result;
	return { keys: keysOf(all), authorities: { root, ca, ra, profile, ocsp }, private: all };
}

const publicKeyOf = (key: KeyObject): Uint8Array => createPublicKey(key).export({ format: "der", type: "spki" });

/** Null for a number that is not less than the modulus. */
function rawDecrypt(key: KeyObject, encrypted: Uint8Array): Buffer | null {
	try {
		return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted);
	} catch {
		return null;
	}
}

function keyOf(all: SoftwareKeys["private"], role: SigningRole): KeyObject {
	const key = all[role];
	if (!key) throw new OtaError("hsm_refused", `no ${role} key here`);
	return key;
}

function keysOf(all: SoftwareKeys["private"]): Keys {
	const sealKey = randomBytes(32);
	return {
		sign: async (role, hash, message) => sign(hash, message, keyOf(all, role)),
		unwrap: async (encryptedKey, keyLength, role = "ra") => {
			const block = rawDecrypt(keyOf(all, role), encryptedKey);
			if (block === null) return randomBytes(keyLength);
			const separator = block.length - keyLength - 1;
			const filled = block.subarray(2, separator).every((octet) => octet !== 0);
			const good = block[0] === 0 && block[1] === 2 && block[separator] === 0 && filled;
			return good ? block.subarray(separator + 1) : randomBytes(keyLength);
		},
		seal: async (plaintext, aad) => {
			const iv = randomBytes(12);
			const cipher = createCipheriv("aes-256-gcm", sealKey, iv).setAAD(Buffer.from(aad));
			return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
		},
		open: async (sealed, aad) => {
			const decipher = createDecipheriv("aes-256-gcm", sealKey, sealed.subarray(0, 12)).setAAD(Buffer.from(aad));
			decipher.setAuthTag(sealed.subarray(-16));
			try {
				return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
			} catch (cause) {
				throw new OtaError("hsm_refused", "open failed", { cause });
			}
		},
		check: async () => {},
	};
}
