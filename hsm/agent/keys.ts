/** The keys of the roles: found on their tokens, audited, described; and the operations that each then offers. */
import type { KeyObject } from "node:crypto";
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import type { HashName, Random } from "../../lib/ports.ts";
import { findObject, findObjects, type Reader, readAttribute, readNumber } from "../token/objects.ts";
import { readCurve, readPublicKey } from "../token/public-key.ts";
import type { SigningKey } from "../token/signature.ts";
import type { Handle } from "../token/slot.ts";
import type { Pkcs11Uri } from "../uri.ts";
import { auditAttributes } from "./attributes.ts";
import * as operations from "./operations.ts";
import { isRa, type KeyedRole } from "./policy.ts";
import * as sealing from "./sealing.ts";
import { TimeGrid } from "./time-grid.ts";
import type { OpenToken } from "./tokens.ts";
import { chooseMeans, type FoundKey, type Means } from "./trial.ts";

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
	/** The mechanisms it goes by, as its trial decided. */
	readonly means: Means;
	/** Told when a signature should tell whether the token is still there. */
	onDoubt: (() => void) | null = null;
	readonly #random: Random;

	constructor(token: OpenToken, found: FoundKey, means: Means, random: Random) {
		this.token = token;
		this.handle = found.handle;
		this.signing = means.signing;
		this.modulus = found.modulus;
		this.publicKey = found.publicKey;
		this.means = means;
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
		const { unwrapping } = this.means;
		if (!modulus || !unwrapping) throw new OtaError("hsm_refused", "this key does not unwrap");
		const fallback = this.#random(keyLength);
		if (!operations.fitsModulus(ciphertext, modulus)) return fallback;
		const key = { handle, modulus, unwrapping: unwrapping.way };
		const grid = unwrapping.way === "pkcs1" ? new TimeGrid(unwrapping.step) : null;
		try {
			const unwrapped = await this.token.pool.run((lease) => {
				grid?.start();
				return operations.unwrap(lease, key, ciphertext, fallback);
			}, isLate);
			if (unwrapped.isDoubtful) this.onDoubt?.();
			return unwrapped.key;
		} finally {
			await grid?.next();
		}
	}

	async seal(data: Uint8Array, aad: Uint8Array, isLate?: IsLate): Promise<Uint8Array> {
		return await sealing.seal((work) => this.token.pool.run(work, isLate), this.#sealKeys(), data, aad, this.#random);
	}

	async open(sealed: Uint8Array, aad: Uint8Array, isLate?: IsLate): Promise<Uint8Array> {
		try {
			return await sealing.open((work) => this.token.pool.run(work, isLate), this.#sealKeys(), sealed, aad);
		} catch (error) {
			// Other bytes than were sealed, or the first sign of a token that is going.
			if (error instanceof OtaError && error.code === "hsm_refused") this.onDoubt?.();
			throw error;
		}
	}

	#sealKeys(): sealing.SealKeys {
		if (!this.means.sealing) throw new OtaError("hsm_refused", "this key does not seal");
		return this.means.sealing;
	}
}

/** What a key is told by, as far as the token tells it. */
export const publicOctets = ({ publicKey, modulus }: Pick<FoundKey, "publicKey" | "modulus">): string | undefined =>
	publicKey?.export({ format: "der", type: "spki" }).toString("hex") ?? modulus?.toString("hex");

/** A key as it was before its token was lost: another one is not even tried. */
export interface KnownKey {
	publicOctets: string | undefined;
	names: Means["names"];
}

/**
 * Finds, audits and tries a role's key. Faults are `config`, all of one key in one message, one a line; also for a key that
 * is not the `known` one.
 */
export async function openKey(
	token: OpenToken,
	role: KeyedRole,
	uri: Pkcs11Uri,
	random: Random,
	known?: KnownKey,
): Promise<RoleKey> {
	if (uri.object === undefined && uri.id === undefined)
		throw new OtaError("config", "the URI names neither object nor id");
	const found = await token.pool.run(async ({ pkcs11, session }) => {
		const reader = { pkcs11, session };
		if (role === "seal") return describeSeal(reader, uri);
		const handle = findObject(reader, pkcs11js.CKO_PRIVATE_KEY, uri);
		const key = describePrivate(reader, handle, role);
		audit(reader, handle, role);
		return key;
	});
	if (known && role !== "seal" && publicOctets(found) !== known.publicOctets)
		throw anotherKey("its public key has changed");
	return new RoleKey(token, found, await chooseMeans(token, role, found, random, known?.names), random);
}

export const anotherKey = (how: string): OtaError =>
	new OtaError("config", `the token came back with another key of this name (${how}); nothing is done with it`);

function audit(reader: Reader, handle: Handle, role: KeyedRole): void {
	const faults = auditAttributes(reader, handle, role);
	if (faults.length > 0) throw new OtaError("config", faults.join("\n"));
}

/** An AES key, an RSA key (for tokens without AES-GCM), or one of each: then the AES key seals and both open. */
function describeSeal(reader: Reader, uri: Pkcs11Uri): FoundKey {
	const secrets = findObjects(reader, pkcs11js.CKO_SECRET_KEY, uri);
	const pairs = findObjects(reader, pkcs11js.CKO_PRIVATE_KEY, uri);
	const [aes = null, rsa = null] = [secrets[0], pairs[0]];
	const handle = aes ?? rsa;
	if (!handle) throw new OtaError("config", "no such key on the token");
	if (secrets.length > 1 || pairs.length > 1)
		throw new OtaError("config", `${secrets.length + pairs.length} keys match; add id= to the URI`);
	if (aes) {
		const type = readNumber(reader, aes, pkcs11js.CKA_KEY_TYPE);
		const length = readNumber(reader, aes, pkcs11js.CKA_VALUE_LEN);
		if (type !== pkcs11js.CKK_AES || length !== 32) throw new OtaError("config", "it is not an AES key of 256 bits");
		audit(reader, aes, "seal");
	}
	if (!rsa) return { handle, signing: null, modulus: null, publicKey: null, sealing: { aes, rsa } };
	const { modulus, publicKey } = describePrivate(reader, rsa, "seal");
	audit(reader, rsa, "seal");
	return { handle, signing: null, modulus, publicKey, sealing: { aes, rsa } };
}

function describePrivate(reader: Reader, handle: Handle, role: KeyedRole): FoundKey {
	const type = readNumber(reader, handle, pkcs11js.CKA_KEY_TYPE);
	const publicKey = tolerate(() => readPublicKey(reader, handle));
	const decrypts = isRa(role) || role === "seal";
	if (type === pkcs11js.CKK_EC && !decrypts) {
		const signing: SigningKey = { type: "ec", curve: readCurve(reader, handle) };
		return { handle, signing, modulus: null, publicKey, sealing: null };
	}
	if (type !== pkcs11js.CKK_RSA)
		throw new OtaError("config", decrypts ? "it is not an RSA key" : "it is neither RSA nor EC");
	const modulus = withoutLeadingZeros(readAttribute(reader, handle, pkcs11js.CKA_MODULUS) ?? Buffer.alloc(0));
	if (modulus.length < smallestModulus)
		throw new OtaError("config", `its modulus has ${modulus.length * 8} bits, 2048 are the least`);
	return { handle, signing: { type: "rsa", size: modulus.length }, modulus, publicKey, sealing: null };
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
