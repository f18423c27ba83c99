/** The agent's operations on the token: sign, unwrap, seal, open. */
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import type { HashName, Random } from "../../lib/ports.ts";
import { asHsmError, failureKind, failureWords, returnValue } from "../token/failure.ts";
import {
	type SigningKey,
	signatureInput,
	signatureOutput,
	signatureRoom,
	signingMechanism,
} from "../token/signature.ts";
import type { Handle } from "../token/slot.ts";
import type { Lease } from "./pool.ts";
import { unpad } from "./unpad.ts";

/** A private key that signs. */
export interface PrivateKey {
	handle: Handle;
	signing: SigningKey;
}
/** The RA's key. */
export interface UnwrappingKey {
	handle: Handle;
	/** Without leading zero octets. */
	modulus: Buffer;
}

/** RSASSA-PKCS1-v1_5 or DER-encoded ECDSA, by the key's type. */
export async function sign(lease: Lease, key: PrivateKey, hash: HashName, message: Uint8Array): Promise<Uint8Array> {
	const input = signatureInput(key.signing, hash, message);
	const output = Buffer.alloc(signatureRoom(key.signing));
	lease.hold(input, output);
	try {
		lease.pkcs11.C_SignInit(lease.session, { mechanism: signingMechanism(key.signing) }, key.handle);
		return signatureOutput(key.signing, await lease.pkcs11.C_SignAsync(lease.session, input, output));
	} catch (error) {
		throw asHsmError("C_Sign", error);
	}
}

/** Whether raw RSA can take it at all: as long as the modulus and less than it. Both are public. */
export const fitsModulus = (ciphertext: Uint8Array, modulus: Uint8Array): boolean =>
	ciphertext.length === modulus.length && Buffer.compare(ciphertext, modulus) < 0;

/**
 * The content key, or `fallback` (random, drawn beforehand) for a malformed block, in one way and one time.
 * Throws CiphertextRefused when the token itself refuses: the caller then answers `fallback` too.
 */
export async function unwrap(
	lease: Lease,
	key: UnwrappingKey,
	ciphertext: Uint8Array,
	fallback: Uint8Array,
): Promise<Uint8Array> {
	const input = Buffer.from(ciphertext);
	const block = Buffer.alloc(key.modulus.length);
	lease.hold(input, block);
	try {
		lease.pkcs11.C_DecryptInit(lease.session, { mechanism: pkcs11js.CKM_RSA_X_509 }, key.handle);
	} catch (error) {
		throw asHsmError("C_DecryptInit", error);
	}
	try {
		const { length } = await lease.pkcs11.C_DecryptAsync(lease.session, input, block);
		// Some tokens drop leading zero octets of the number: the block is right-aligned.
		if (length < block.length) block.copyWithin(block.length - length, 0, length).fill(0, 0, block.length - length);
		return unpad(block, fallback.length, fallback);
	} catch (error) {
		throw new CiphertextRefused(error);
	} finally {
		block.fill(0);
	}
}

/** The token refused a ciphertext: the session is spent, what the caller hears depends on whose fault it was. */
export class CiphertextRefused extends OtaError {
	readonly isSendersFault: boolean;
	constructor(cause: unknown) {
		const isTheirs = isSendersFault(cause);
		super(isTheirs ? "hsm_refused" : asHsmError("C_Decrypt", cause).code, failureWords("C_Decrypt", cause), { cause });
		this.isSendersFault = isTheirs;
	}
}

/** Rule: CKR_GENERAL_ERROR and CKR_FUNCTION_FAILED on a decryption are the ciphertext's, never a reason to reconnect. */
function isSendersFault(error: unknown): boolean {
	const value = returnValue(error);
	return value === 0x05 || value === 0x06 || (value !== undefined && failureKind(error) === "operation");
}

const ivLength = 12;
const tagLength = 16;

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

/** AES-256-GCM; answers iv || ciphertext || tag. */
export async function seal(
	lease: Lease,
	key: Handle,
	data: Uint8Array,
	aad: Uint8Array,
	random: Random,
): Promise<Uint8Array> {
	const iv = Buffer.from(random(ivLength));
	const [input, output] = lease.hold(addressed(data), Buffer.alloc(data.length + tagLength));
	const mechanism = gcm(iv, aad);
	lease.hold(iv);
	try {
		lease.pkcs11.C_EncryptInit(lease.session, mechanism, key);
		const sealed = await lease.pkcs11.C_EncryptAsync(lease.session, input, output);
		if (sealed.length !== data.length + tagLength)
			throw new OtaError("hsm_refused", "the token sealed to a wrong length");
		return Buffer.concat([iv, sealed]);
	} catch (error) {
		throw asHsmError("C_Encrypt", error);
	}
}

/** The inverse of `seal`; `hsm_refused` for changed bytes or another `aad`. */
export async function open(lease: Lease, key: Handle, sealed: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
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
		throw new CiphertextRefused(error);
	}
}

/** What `open` can have come from. */
export const isSealed = (sealed: Uint8Array): boolean => sealed.length >= ivLength + tagLength;
