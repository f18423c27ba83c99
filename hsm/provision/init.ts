/** Initialises a token through C_InitToken and C_InitPIN: softhsm2-util would show both PINs in the process list. */
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import { asHsmError } from "../token/failure.ts";
import { loadModule, type Pkcs11 } from "../token/module.ts";
import { type Handle, listTokens, openSession, unpadded } from "../token/slot.ts";

export interface InitTokenOptions {
	modulePath: string;
	/** At most 32 octets of UTF-8. */
	label: string;
	/** The user's PIN, 4 to 255 characters on SoftHSM. */
	pin: string;
	/** The Security Officer's. */
	soPin: string;
}

/** Initialises the first free slot. `conflict` when a token of that label exists, `config` when no slot is free. */
export async function initToken({ modulePath, label, pin, soPin }: InitTokenOptions): Promise<{ serial: string }> {
	const padded = paddedLabel(label);
	const module = loadModule(modulePath);
	try {
		const { pkcs11 } = module;
		if (labelled(pkcs11, label)) throw new OtaError("conflict", `a token ${label} exists already`);
		const slot = freeSlot(pkcs11);
		pkcs11.C_InitToken(slot, soPin, padded);
		initPin(pkcs11, slot, soPin, pin);
		const token = labelled(pkcs11, label);
		if (!token) throw new OtaError("hsm_refused", `the token ${label} is not there after C_InitToken`);
		return { serial: unpadded(token.info.serialNumber) };
	} catch (error) {
		throw asHsmError("C_InitToken", error);
	} finally {
		module.release();
	}
}

function paddedLabel(label: string): string {
	const octets = Buffer.byteLength(label);
	if (octets === 0 || octets > 32) throw new OtaError("config", "a token's label has 1 to 32 octets");
	return label + " ".repeat(32 - octets);
}

const labelled = (pkcs11: Pkcs11, label: string) =>
	listTokens(pkcs11).find(({ info }) => unpadded(info.label) === label);

function freeSlot(pkcs11: Pkcs11): Handle {
	const free = pkcs11
		.C_GetSlotList(true)
		.find((slot) => (pkcs11.C_GetTokenInfo(slot).flags & pkcs11js.CKF_TOKEN_INITIALIZED) === 0);
	if (!free) throw new OtaError("config", "the module has no uninitialised token");
	return free;
}

function initPin(pkcs11: Pkcs11, slot: Handle, soPin: string, pin: string): void {
	const session = openSession(pkcs11, { slot, info: pkcs11.C_GetTokenInfo(slot) }, true);
	try {
		pkcs11.C_Login(session, pkcs11js.CKU_SO, soPin);
		pkcs11.C_InitPIN(session, pin);
		pkcs11.C_Logout(session);
	} finally {
		pkcs11.C_CloseSession(session);
	}
}
