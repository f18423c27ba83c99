/** PKCS#11 return values by kind (PKCS#11 2.40 section 11.1): what failed decides what is done about it. */
import { OtaError } from "../../lib/errors.ts";

/** pin: an operator's matter; connection: session or token gone; busy; permanent: never with this key; operation: this call alone. */
export type FailureKind = "pin" | "connection" | "busy" | "permanent" | "operation";

const pin = new Set([0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0x102]);
const connection = new Set([0x05, 0x06, 0x30, 0x31, 0x32, 0x60, 0x82, 0xb0, 0xb3, 0xe0, 0xe1, 0x101, 0x190]);
const permanent = new Set([0x62, 0x63, 0x68, 0x70, 0x71]);
const vendorDefined = 0x80000000;

export const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;
export const CKR_USER_ALREADY_LOGGED_IN = 0x100;

/** The CK_RV of something pkcs11js threw, or undefined. */
export function returnValue(error: unknown): number | undefined {
	if (!(error instanceof Error)) return undefined;
	if ("code" in error && typeof error.code === "number" && error.code > 0) return error.code;
	// Some calls throw without `code`: "CKR_X:n" is in the message.
	const digits = /CKR_\w+:(\d+)/.exec(error.message)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

export function failureKind(error: unknown): FailureKind {
	const value = returnValue(error);
	if (value === undefined) return "operation";
	if (pin.has(value)) return "pin";
	if (connection.has(value) || value >= vendorDefined) return "connection";
	if (value === 0xb1) return "busy";
	return permanent.has(value) ? "permanent" : "operation";
}

/** The token or the way to it is gone, as one of our errors tells: worth a recovery. Late work and a closing agent are not. */
export const isLoss = (error: OtaError): boolean =>
	error.code === "hsm_unavailable" && failureKind(error.cause) === "connection";

/** `C_X: CKR_Y (0x..)`, for the operator. */
export function failureWords(call: string, error: unknown): string {
	const value = returnValue(error);
	const name = error instanceof Error ? (/CKR_\w+/.exec(error.message)?.[0] ?? error.message.split("\n")[0]) : "failed";
	return `${call}: ${name}${value === undefined ? "" : ` (0x${value.toString(16)})`}`;
}

/** The failure of a PKCS#11 call as our error. */
export function asHsmError(call: string, error: unknown): OtaError {
	if (error instanceof OtaError) return error;
	const words = failureWords(call, error);
	const kind = failureKind(error);
	if (kind === "pin") return new OtaError("config", words, { cause: error });
	if (kind === "connection") return new OtaError("hsm_unavailable", words, { cause: error });
	return new OtaError(kind === "busy" ? "hsm_busy" : "hsm_refused", words, { cause: error });
}
