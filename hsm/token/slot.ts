/** Finds a token by what its URI says, opens sessions on it and logs in, once. */
import { readFile } from "node:fs/promises";
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import { type Pkcs11Uri, redactUri } from "../uri.ts";
import { asHsmError, CKR_USER_ALREADY_LOGGED_IN, failureKind, failureWords, returnValue } from "./failure.ts";
import type { Pkcs11 } from "./module.ts";

export type Handle = pkcs11js.Handle;
export type TokenInfo = pkcs11js.TokenInfo;

/** A token's place in this process. Slot numbers are not stable: never keep one across C_Finalize. */
export interface Slot {
	slot: Handle;
	info: TokenInfo;
}

/** CK_TOKEN_INFO pads with blanks; some libraries leave NULs. */
export const unpadded = (text: string): string => text.replace(/[\0 ]+$/, "");

/** Initialised tokens of the module. */
export function listTokens(pkcs11: Pkcs11): Slot[] {
	try {
		return pkcs11
			.C_GetSlotList(true)
			.map((slot) => ({ slot, info: pkcs11.C_GetTokenInfo(slot) }))
			.filter(({ info }) => (info.flags & pkcs11js.CKF_TOKEN_INITIALIZED) !== 0);
	} catch (error) {
		throw asHsmError("C_GetSlotList", error);
	}
}

/** No token answers to the URI: it may have been taken away, and may come back. */
export class TokenAbsent extends OtaError {
	constructor(uri: Pkcs11Uri) {
		super("config", `${tokenWords(uri)}: no such token`);
	}
}

/** The token refused its PIN, or would lock at the next refusal: terminal until an operator acts. */
export class PinRefused extends OtaError {
	constructor(
		message: string,
		/** False: the token was not asked. */
		readonly wasSent: boolean,
	) {
		super("config", message);
	}
}

const tokenWords = (uri: Pkcs11Uri): string => redactUri({ ...uri, object: undefined, id: undefined });

/** The one token that the URI means; `config` when none (TokenAbsent) or several match. */
export function findToken(pkcs11: Pkcs11, uri: Pkcs11Uri): Slot {
	const matches = listTokens(pkcs11).filter(({ info }) => matchesUri(info, uri));
	const [match] = matches;
	if (match && matches.length === 1) return match;
	if (!match) throw new TokenAbsent(uri);
	throw new OtaError("config", `${tokenWords(uri)}: ${matches.length} tokens match; add serial=`);
}

function matchesUri(info: TokenInfo, uri: Pkcs11Uri): boolean {
	const pairs = [
		[uri.token, info.label],
		[uri.serial, info.serialNumber],
		[uri.model, info.model],
		[uri.manufacturer, info.manufacturerID],
	] as const;
	return pairs.every(([wanted, found]) => wanted === undefined || wanted === unpadded(found));
}

/** A PIN from a file, its trailing line break dropped; `config` when it cannot be read or is empty. */
export async function readPinFile(path: string): Promise<string> {
	let pin: string;
	try {
		pin = (await readFile(path, "utf8")).replace(/\r?\n$/, "");
	} catch (error) {
		throw new OtaError("config", `PIN file ${path} cannot be read`, { cause: error });
	}
	if (pin === "") throw new OtaError("config", `PIN file ${path} is empty`);
	return pin;
}

/** The PIN that a URI leads to. */
export async function readPin(uri: Pkcs11Uri): Promise<string> {
	if (uri.pinValue !== undefined) return uri.pinValue;
	if (uri.pinFile !== undefined) return await readPinFile(uri.pinFile);
	throw new OtaError("config", `${redactUri(uri)}: pin-source is missing`);
}

export function openSession(pkcs11: Pkcs11, { slot }: Slot, isWriter = false): Handle {
	const writer = isWriter ? pkcs11js.CKF_RW_SESSION : 0;
	try {
		return pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | writer);
	} catch (error) {
		throw asHsmError("C_OpenSession", error);
	}
}

/**
 * Logs the user in through `session`, with one C_Login and never a second. A refused PIN is `config` and terminal:
 * tokens lock after a few. Throws PinRefused.
 */
export function login(pkcs11: Pkcs11, { info }: Slot, session: Handle, pin: string): void {
	const name = unpadded(info.label);
	if ((info.flags & pkcs11js.CKF_USER_PIN_LOCKED) !== 0)
		throw new PinRefused(`token ${name}: its PIN is locked; unlock it as security officer, then start again`, false);
	if ((info.flags & pkcs11js.CKF_USER_PIN_FINAL_TRY) !== 0) {
		throw new PinRefused(`token ${name}: one attempt is left before its PIN locks; log in by hand first`, false);
	}
	try {
		pkcs11.C_Login(session, pkcs11js.CKU_USER, pin);
	} catch (error) {
		if (returnValue(error) === CKR_USER_ALREADY_LOGGED_IN) return;
		if (failureKind(error) !== "pin") throw asHsmError("C_Login", error);
		throw new PinRefused(
			`token ${name} refused the PIN (${failureWords("C_Login", error)}); it is not tried again: correct the PIN file`,
			true,
		);
	}
}
