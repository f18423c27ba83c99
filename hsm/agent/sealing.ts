/**
 * Secrets at rest, AES-256-GCM each, in two forms that tell themselves apart.
 *
 *     1  iv (12) || ciphertext || tag (16)                                        an AES key in the token does it all
 *     2  "ota" 02 || wrapping (1) || length (2) || wrapped data key || form 1     the token has no AES-GCM: a data key of
 *        our own for each secret, wrapped to an RSA key in the token; AES in this process
 *
 * An iv is random: one that begins as form 2 does comes once in 2^32, and is opened as form 1 where there is an AES key.
 */
import { constants, createCipheriv, createDecipheriv, hkdfSync, type KeyObject, publicEncrypt } from "node:crypto";
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import type { Random } from "../../lib/ports.ts";
import { asHsmError } from "../token/failure.ts";
import type { Handle } from "../token/slot.ts";
import type { Wrapping } from "./mechanisms.ts";
import { CiphertextRefused, type DecryptingKey, decrypt, withRawBlock } from "./operations.ts";
import type { Lease } from "./pool.ts";

/** An RSA key in the seal role; its public half wraps, in this process. */
export interface WrappingKey extends DecryptingKey {
	publicKey: KeyObject;
	wrapping: Wrapping;
}
/** What the seal role has: the AES key seals when both are there. */
export interface SealKeys {
	aes: Handle | null;
	rsa: WrappingKey | null;
}

const ivLength = 12;
const tagLength = 16;
const magic = Buffer.from("6f746102", "hex");
const wrappings: Record<Wrapping, number> = { oaep: 1, kem: 2 };
const refused = (why: string, cause?: unknown): OtaError => new OtaError("hsm_refused", why, { cause });

/** Takes a session when it needs one. */
type WithLease = <T>(work: (lease: Lease) => Promise<T>) => Promise<T>;

/** Seals under `aad` in form 1, or 2 where there is no AES key. */
export async function seal(
	run: WithLease,
	{ aes, rsa }: SealKeys,
	data: Uint8Array,
	aad: Uint8Array,
	random: Random,
): Promise<Uint8Array> {
	if (aes) return await run((lease) => sealInToken(lease, aes, data, aad, random));
	if (!rsa) throw refused("this key does not seal");
	const { dataKey, wrapped } = wrap(rsa, random);
	try {
		return Buffer.concat([header(rsa.wrapping, wrapped.length), wrapped, encrypt(dataKey, data, aad, random)]);
	} finally {
		dataKey.fill(0);
	}
}

/** The inverse of `seal`, in either form; `hsm_refused` for changed bytes, another `aad`, or a form there is no key for. */
export async function open(
	run: WithLease,
	{ aes, rsa }: SealKeys,
	sealed: Uint8Array,
	aad: Uint8Array,
): Promise<Uint8Array> {
	if (sealed.length < ivLength + tagLength) throw refused("too short to have been sealed");
	const wrapped = parseWrapped(sealed);
	if (!wrapped || !rsa) {
		if (!aes)
			throw refused(wrapped ? "this key does not open" : "sealed with an AES key, which this role does not have");
		return await run((lease) => openInToken(lease, aes, sealed, aad));
	}
	try {
		return await openWrapped(run, rsa, wrapped, aad);
	} catch (error) {
		if (!aes || !(error instanceof OtaError) || error.code !== "hsm_refused") throw error;
		return await run((lease) => openInToken(lease, aes, sealed, aad));
	}
}

// ---------------------------------------------------------------- Form 1

function gcm(iv: Buffer, aad: Uint8Array): pkcs11js.Mechanism {
	const parameter: pkcs11js.AesGCM = {
		type: pkcs11js.CK_PARAMS_AES_GCM_v240,
		iv,
		ivBits: ivLength * 8,
		aad: Buffer.from(aad),
		tagBits: tagLength * 8,
	};
	return { mechanism: pkcs11js.CKM_AES_GCM, parameter };
}

/** A copy that has an address even when it is empty: tokens refuse a null pointer (CKR_ARGUMENTS_BAD). */
function addressed(data: Uint8Array): Buffer {
	const room = Buffer.alloc(data.length + 1);
	room.set(data);
	return room.subarray(0, data.length);
}

async function sealInToken(
	lease: Lease,
	key: Handle,
	data: Uint8Array,
	aad: Uint8Array,
	random: Random,
): Promise<Uint8Array> {
	const iv = Buffer.from(random(ivLength));
	const [input, output] = lease.hold(addressed(data), Buffer.alloc(data.length + tagLength));
	lease.hold(iv);
	try {
		lease.pkcs11.C_EncryptInit(lease.session, gcm(iv, aad), key);
		const sealed = await lease.pkcs11.C_EncryptAsync(lease.session, input, output);
		if (sealed.length !== data.length + tagLength) throw refused("the token sealed to a wrong length");
		return Buffer.concat([iv, sealed]);
	} catch (error) {
		throw asHsmError("C_Encrypt", error);
	}
}

async function openInToken(lease: Lease, key: Handle, sealed: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
	const iv = Buffer.from(sealed.subarray(0, ivLength));
	const [input, output] = lease.hold(Buffer.from(sealed.subarray(ivLength)), Buffer.alloc(sealed.length));
	lease.hold(iv);
	try {
		lease.pkcs11.C_DecryptInit(lease.session, gcm(iv, aad), key);
	} catch (error) {
		throw asHsmError("C_DecryptInit", error);
	}
	try {
		return await lease.pkcs11.C_DecryptAsync(lease.session, input, output);
	} catch (error) {
		throw new CiphertextRefused(error, false);
	}
}

// ---------------------------------------------------------------- Form 2

function header(wrapping: Wrapping, length: number): Buffer {
	const octets = Buffer.alloc(magic.length + 3);
	octets.set(magic);
	octets[magic.length] = wrappings[wrapping];
	octets.writeUInt16BE(length, magic.length + 1);
	return octets;
}

interface Wrapped {
	wrapping: Wrapping;
	dataKey: Buffer;
	/** Form 1, under the data key. */
	sealed: Buffer;
}

/** Null for what is not of form 2. */
function parseWrapped(octets: Uint8Array): Wrapped | null {
	const bytes = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
	const start = magic.length + 3;
	if (bytes.length < start || !bytes.subarray(0, magic.length).equals(magic)) return null;
	const wrapping = (["oaep", "kem"] as const).find((name) => wrappings[name] === bytes[magic.length]);
	const end = start + bytes.readUInt16BE(magic.length + 1);
	if (!wrapping || bytes.length < end + ivLength + tagLength) return null;
	return { wrapping, dataKey: bytes.subarray(start, end), sealed: bytes.subarray(end) };
}

/** A new data key, and what the token unwraps it from. */
function wrap({ publicKey, wrapping, modulus }: WrappingKey, random: Random): { dataKey: Buffer; wrapped: Buffer } {
	if (wrapping === "oaep") {
		const dataKey = Buffer.from(random(32));
		const padding = constants.RSA_PKCS1_OAEP_PADDING;
		return { dataKey, wrapped: publicEncrypt({ key: publicKey, padding, oaepHash: "sha256" }, dataKey) };
	}
	// A number of the modulus' length and certainly less than it.
	const number = Buffer.from(random(modulus.length)).fill(0, 0, 1);
	const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, number);
	return { dataKey: derive(number), wrapped };
}

/** RFC 5990's key derivation, with HKDF (RFC 5869): nothing is padded, so nothing can be told about a padding. */
const derive = (number: Uint8Array): Buffer =>
	Buffer.from(hkdfSync("sha256", number, new Uint8Array(), "next-ota data key", 32));

const oaep: pkcs11js.Mechanism = {
	mechanism: pkcs11js.CKM_RSA_PKCS_OAEP,
	parameter: {
		type: pkcs11js.CK_PARAMS_RSA_OAEP,
		hashAlg: pkcs11js.CKM_SHA256,
		mgf: pkcs11js.CKG_MGF1_SHA256,
		// CKZ_DATA_SPECIFIED, and none.
		source: 1,
	} as pkcs11js.RsaOAEP,
};

async function openWrapped(run: WithLease, key: WrappingKey, wrapped: Wrapped, aad: Uint8Array): Promise<Uint8Array> {
	if (wrapped.dataKey.length !== key.modulus.length) throw refused("its data key is wrapped to another key");
	const dataKey = await run((lease) =>
		wrapped.wrapping === "kem"
			? withRawBlock(lease, key, wrapped.dataKey, derive)
			: decrypt(lease, key, oaep, wrapped.dataKey),
	);
	if (dataKey.length !== 32) throw refused("its data key has another length");
	const { sealed } = wrapped;
	const decipher = createDecipheriv("aes-256-gcm", dataKey, sealed.subarray(0, ivLength), { authTagLength: tagLength });
	decipher.setAAD(aad).setAuthTag(sealed.subarray(-tagLength));
	try {
		return Buffer.concat([decipher.update(sealed.subarray(ivLength, -tagLength)), decipher.final()]);
	} catch (error) {
		throw refused("it does not open: other bytes, or another aad, than were sealed", error);
	} finally {
		dataKey.fill(0);
	}
}

function encrypt(key: Buffer, data: Uint8Array, aad: Uint8Array, random: Random): Buffer {
	const iv = Buffer.from(random(ivLength));
	const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: tagLength }).setAAD(aad);
	return Buffer.concat([iv, cipher.update(data), cipher.final(), cipher.getAuthTag()]);
}
