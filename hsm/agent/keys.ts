/** The keys of the roles: found on their tokens, audited, described; and the operations that each then offers. */
import type { KeyObject } from "node:crypto";
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import type { HashName, Random } from "../../lib/ports.ts";
import { findObject, type Reader, readAttribute, readNumber } from "../token/objects.ts";
import { readCurve, readPublicKey } from "../token/public-key.ts";
import type { SigningKey } from "../token/signature.ts";
import type { Handle } from "../token/slot.ts";
import type { Pkcs11Uri } from "../uri.ts";
import { auditAttributes } from "./attributes.ts";
import { missingMechanisms } from "./mechanisms.ts";
import * as operations from "./operations.ts";
import type { KeyedRole } from "./policy.ts";
import type { OpenToken } from "./tokens.ts";

/** Asked when the work's turn comes: does anybody still wait for it? */
export type IsLate = () => boolean;

const smallestModulus = 256;

/** One role's key on its token. Handles are good until the module is finalised. */
export class RoleKey {
	readonly token: OpenToken;
	readonly handle: Handle;
	/** How it signs; null for the seal key. */
	readonly signing: SigningKey | null;
	/** Of an RSA key, without leading zero octets. */
	readonly modulus: Buffer | null;
	/** Null when the token does not tell it. */
	readonly publicKey: KeyObject | null;
	readonly #random: Random;

	constructor(token: OpenToken, found: FoundKey, random: Random) {
		this.token = token;
		this.handle = found.handle;
		this.signing = found.signing;
		this.modulus = found.modulus;
		this.publicKey = found.publicKey;
		this.#random = random;
	}

	async sign(hash: HashName, message: Uint8Array, isLate?: IsLate): Promise<Uint8Array> {
		const { handle, signing } = this;
		if (!signing) throw new OtaError("hsm_refused", "this key does not sign");
		return await this.token.pool.run((lease) => operations.sign(lease, { handle, signing }, hash, message), isLate);
	}

	/** Exactly `keyLength` octets whatever `ciphertext` is: the content key, or random ones. */
	async unwrap(ciphertext: Uint8Array, keyLength: number, isLate?: IsLate): Promise<Uint8Array> {
		const { handle, modulus } = this;
		if (!modulus) throw new OtaError("hsm_refused", "this key does not unwrap");
		const fallback = this.#random(keyLength);
		if (!operations.fitsModulus(ciphertext, modulus)) return fallback;
		try {
			return await this.token.pool.run(
				(lease) => operations.unwrap(lease, { handle, modulus }, ciphertext, fallback),
				isLate,
			);
		} catch (error) {
			if (error instanceof operations.CiphertextRefused && error.isSendersFault) return fallback;
			throw error;
		}
	}

	async seal(data: Uint8Array, aad: Uint8Array, isLate?: IsLate): Promise<Uint8Array> {
		return await this.token.pool.run((lease) => operations.seal(lease, this.handle, data, aad, this.#random), isLate);
	}

	async open(sealed: Uint8Array, aad: Uint8Array, isLate?: IsLate): Promise<Uint8Array> {
		if (!operations.isSealed(sealed)) throw new OtaError("hsm_refused", "too short to have been sealed");
		return await this.token.pool.run((lease) => operations.open(lease, this.handle, sealed, aad), isLate);
	}
}

interface FoundKey {
	handle: Handle;
	signing: SigningKey | null;
	modulus: Buffer | null;
	publicKey: KeyObject | null;
}

/** Finds and audits a role's key. Faults are `config`, all of one key in one message, one a line. */
export async function openKey(token: OpenToken, role: KeyedRole, uri: Pkcs11Uri, random: Random): Promise<RoleKey> {
	if (uri.object === undefined && uri.id === undefined)
		throw new OtaError("config", "the URI names neither object nor id");
	const found = await token.pool.run(async ({ pkcs11, session }) => {
		const reader = { pkcs11, session };
		const handle = findObject(reader, role === "seal" ? pkcs11js.CKO_SECRET_KEY : pkcs11js.CKO_PRIVATE_KEY, uri);
		const key = role === "seal" ? describeSeal(reader, handle) : describePrivate(reader, handle, role);
		const faults = [...auditAttributes(reader, handle, role), ...missingMechanisms(token, role, key.signing)];
		if (faults.length > 0) throw new OtaError("config", faults.join("\n"));
		return key;
	});
	return new RoleKey(token, found, random);
}

function describeSeal(reader: Reader, handle: Handle): FoundKey {
	const type = readNumber(reader, handle, pkcs11js.CKA_KEY_TYPE);
	const length = readNumber(reader, handle, pkcs11js.CKA_VALUE_LEN);
	if (type !== pkcs11js.CKK_AES || length !== 32) throw new OtaError("config", "it is not an AES key of 256 bits");
	return { handle, signing: null, modulus: null, publicKey: null };
}

function describePrivate(reader: Reader, handle: Handle, role: KeyedRole): FoundKey {
	const type = readNumber(reader, handle, pkcs11js.CKA_KEY_TYPE);
	const publicKey = tolerate(() => readPublicKey(reader, handle));
	if (type === pkcs11js.CKK_EC && role !== "ra") {
		return { handle, signing: { type: "ec", curve: readCurve(reader, handle) }, modulus: null, publicKey };
	}
	if (type !== pkcs11js.CKK_RSA)
		throw new OtaError("config", role === "ra" ? "it is not an RSA key" : "it is neither RSA nor EC");
	const modulus = withoutLeadingZeros(readAttribute(reader, handle, pkcs11js.CKA_MODULUS) ?? Buffer.alloc(0));
	if (modulus.length < smallestModulus)
		throw new OtaError("config", `its modulus has ${modulus.length * 8} bits, 2048 are the least`);
	return { handle, signing: { type: "rsa", size: modulus.length }, modulus, publicKey };
}

function withoutLeadingZeros(octets: Buffer): Buffer {
	const start = octets.findIndex((octet) => octet !== 0);
	return start < 0 ? Buffer.alloc(0) : octets.subarray(start);
}

/** Null for a `config` fault: a public half is welcome, not required where there is a certificate. */
function tolerate<T>(read: () => T): T | null {
	try {
		return read();
	} catch (error) {
		if (error instanceof OtaError && error.code === "config") return null;
		throw error;
	}
}
