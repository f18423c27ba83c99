/** The agent's operations with asymmetric keys on the token: sign, unwrap, and the raw RSA that sealing needs too. */
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import type { HashName } from "../../lib/ports.ts";
import { asHsmError, failureKind, failureWords, returnValue } from "../token/failure.ts";
import {
	type SigningKey,
	signatureInput,
	signatureOutput,
	signatureRoom,
	signingMechanism,
} from "../token/signature.ts";
import type { Handle } from "../token/slot.ts";
import type { Unwrapping } from "./mechanisms.ts";
import type { Lease } from "./pool.ts";
import { unpad } from "./unpad.ts";

/** A private key that signs. */
export interface PrivateKey {
	handle: Handle;
	signing: SigningKey;
}
/** An RSA key that decrypts: the RA's, or one that seals. */
export interface DecryptingKey {
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
		lease.pkcs11.C_SignInit(lease.session, { mechanism: signingMechanism(key.signing, hash) }, key.handle);
		return signatureOutput(key.signing, await lease.pkcs11.C_SignAsync(lease.session, input, output));
	} catch (error) {
		throw asHsmError("C_Sign", error);
	}
}

/** Whether raw RSA can take it at all: as long as the modulus and less than it. Both are public. */
export const fitsModulus = (ciphertext: Uint8Array, modulus: Uint8Array): boolean =>
	ciphertext.length === modulus.length && Buffer.compare(ciphertext, modulus) < 0;

/** What became of an unwrap. */
export interface Unwrapped {
	key: Uint8Array;
	/** A real signature should tell whether the token is still there: its refusal may be the first sign that it is not. */
	isDoubtful: boolean;
}

/**
 * The content key, or `fallback` (random, drawn beforehand) for a malformed block and for a ciphertext that the token itself
 * refuses. Raw: in one way and one time. pkcs1: the token looks at the padding, so that good and bad must also leave the
 * same behind: the session is spent and the token doubted, whatever the outcome; the caller sees to the time.
 */
export async function unwrap(
	lease: Lease,
	key: DecryptingKey & { unwrapping: Unwrapping },
	ciphertext: Uint8Array,
	fallback: Uint8Array,
): Promise<Unwrapped> {
	const isRaw = key.unwrapping === "raw";
	if (!isRaw) lease.spend();
	try {
		const answer = isRaw
			? await withRawBlock(lease, key, ciphertext, (block) => unpad(block, fallback.length, fallback))
			: await decrypt(lease, key, { mechanism: pkcs11js.CKM_RSA_PKCS }, ciphertext);
		// A token of good will answers random octets of any length for a malformed block.
		return { key: answer.length === fallback.length ? answer : fallback, isDoubtful: !isRaw };
	} catch (error) {
		if (!(error instanceof CiphertextRefused) || !error.isSendersFault) throw error;
		lease.spend();
		return { key: fallback, isDoubtful: true };
	}
}

/** What `read` makes of the block that raw RSA finds, as long as the modulus; the block is wiped. */
export async function withRawBlock<T>(
	lease: Lease,
	key: DecryptingKey,
	ciphertext: Uint8Array,
	read: (block: Uint8Array) => T,
): Promise<T> {
	const number = await decrypt(lease, key, { mechanism: pkcs11js.CKM_RSA_X_509 }, ciphertext);
	// Some tokens drop leading zero octets of the number: the block is right-aligned.
	const block = Buffer.alloc(key.modulus.length);
	block.set(number, block.length - number.length);
	try {
		return read(block);
	} finally {
		block.fill(0);
		number.fill(0);
	}
}

/** C_Decrypt in one part; CiphertextRefused when the token takes the key and the mechanism but not the ciphertext. */
export async function decrypt(
	lease: Lease,
	key: DecryptingKey,
	mechanism: pkcs11js.Mechanism,
	ciphertext: Uint8Array,
): Promise<Buffer> {
	const [input, output] = lease.hold(Buffer.from(ciphertext), Buffer.alloc(key.modulus.length));
	try {
		lease.pkcs11.C_DecryptInit(lease.session, mechanism, key.handle);
	} catch (error) {
		throw asHsmError("C_DecryptInit", error);
	}
	try {
		const { length } = await lease.pkcs11.C_DecryptAsync(lease.session, input, output);
		return output.subarray(0, length);
	} catch (error) {
		throw new CiphertextRefused(error, mechanism.mechanism !== pkcs11js.CKM_RSA_X_509);
	}
}

/** The token refused a ciphertext: the session is spent, what the caller hears depends on whose fault it was. */
export class CiphertextRefused extends OtaError {
	readonly isSendersFault: boolean;
	/** `isPadded`: the token looked at a padding, so that its own vendor's codes may speak of that. */
	constructor(cause: unknown, isPadded: boolean) {
		const isTheirs = isSendersFault(cause, isPadded);
		super(isTheirs ? "hsm_refused" : asHsmError("C_Decrypt", cause).code, failureWords("C_Decrypt", cause), { cause });
		this.isSendersFault = isTheirs;
	}
}

/** Rule: CKR_GENERAL_ERROR and CKR_FUNCTION_FAILED on a decryption are the ciphertext's, never a reason to reconnect. */
function isSendersFault(error: unknown, isPadded: boolean): boolean {
	const value = returnValue(error);
	if (value === undefined) return false;
	return value === 0x05 || value === 0x06 || failureKind(error) === "operation" || (isPadded && value >= vendorDefined);
}
const vendorDefined = 0x80000000;
