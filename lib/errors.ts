/**
 * The one error class, its closed set of codes, and the one table that says what each code
 * means outside: HTTP status (RFC 9110), SCEP failInfo (RFC 8894 section 3.2.1.4) and the sentence
 * that a caller may hear. The message and the cause are for the operator's log alone.
 */

/** RFC 8894 section 3.2.1.4.5: badAlg 0, badMessageCheck 1, badRequest 2, badTime 3, badCertId 4. */
export const failInfo = { badAlg: 0, badMessageCheck: 1, badRequest: 2, badTime: 3, badCertId: 4 } as const;
export type FailInfo = (typeof failInfo)[keyof typeof failInfo];

export type Code =
	| "malformed"
	| "too_large"
	| "media_type"
	| "method"
	| "not_found"
	| "host"
	| "timeout"
	| "upgrade"
	| "header_too_large"
	| "rate"
	| "signature"
	| "algorithm"
	| "decryption"
	| "signer_untrusted"
	| "challenge"
	| "key_policy"
	| "message_type"
	| "unknown_certificate"
	| "time"
	| "policy"
	| "device_mismatch"
	| "conflict"
	| "expired"
	| "config"
	| "hsm_busy"
	| "hsm_unavailable"
	| "hsm_refused"
	| "store_unavailable"
	| "internal";

/** What the outside hears of a code. `failInfo` null: a SCEP caller gets the HTTP status instead. */
export interface Outcome {
	status: number;
	failInfo: FailInfo | null;
	words: string;
}

const { badAlg, badMessageCheck, badRequest, badTime, badCertId } = failInfo;

export const outcomes: Record<Code, Outcome> = {
	malformed: { status: 400, failInfo: null, words: "The request could not be understood." },
	too_large: { status: 413, failInfo: null, words: "The request is larger than this address takes." },
	media_type: { status: 415, failInfo: null, words: "This address does not take that kind of content." },
	method: { status: 405, failInfo: null, words: "This address does not answer that method." },
	not_found: { status: 404, failInfo: null, words: "There is nothing at this address." },
	host: { status: 421, failInfo: null, words: "This server does not answer under that name." },
	timeout: { status: 408, failInfo: null, words: "The request took too long to arrive." },
	upgrade: {
		status: 426,
		failInfo: null,
		words: "This server speaks HTTP/1.1 and changes to no other protocol.",
	},
	header_too_large: {
		status: 431,
		failInfo: null,
		words: "The request's address and headers are larger than this server takes.",
	},
	rate: { status: 429, failInfo: null, words: "Too many requests. Wait a while, then try again." },
	signature: { status: 403, failInfo: badMessageCheck, words: "The message's signature does not hold." },
	algorithm: { status: 400, failInfo: badAlg, words: "The message uses an algorithm that is not accepted here." },
	decryption: { status: 400, failInfo: badMessageCheck, words: "The message could not be opened." },
	signer_untrusted: { status: 403, failInfo: badMessageCheck, words: "The message's signer is not trusted here." },
	challenge: {
		status: 403,
		failInfo: badRequest,
		words: "The challenge is not valid. Start the enrollment again from the web page.",
	},
	key_policy: { status: 400, failInfo: badRequest, words: "The public key is not acceptable." },
	message_type: { status: 400, failInfo: badRequest, words: "This kind of SCEP message is not served." },
	unknown_certificate: { status: 403, failInfo: badCertId, words: "The certificate is not one that counts here." },
	time: { status: 403, failInfo: badTime, words: "The certificate is outside its time of validity." },
	policy: { status: 403, failInfo: badRequest, words: "This person or device may not enroll. Ask your administrator." },
	device_mismatch: { status: 409, failInfo: badRequest, words: "This enrollment belongs to another device." },
	conflict: { status: 409, failInfo: badRequest, words: "This step has already been taken, or comes too early." },
	expired: {
		status: 410,
		failInfo: badRequest,
		words: "This enrollment has expired. Start again from the web page.",
	},
	config: { status: 503, failInfo: null, words: "The server is not configured correctly." },
	hsm_busy: { status: 503, failInfo: null, words: "The server is busy. Try again in a moment." },
	hsm_unavailable: { status: 503, failInfo: null, words: "The server cannot sign at the moment. Try again soon." },
	hsm_refused: { status: 500, failInfo: null, words: "Something went wrong on the server." },
	store_unavailable: { status: 503, failInfo: null, words: "The server cannot save at the moment. Try again soon." },
	internal: { status: 500, failInfo: null, words: "Something went wrong on the server." },
};

/** Every failure this project raises on purpose. `message` is for the log; the caller hears `outcomes[code].words`. */
export class OtaError extends Error {
	override readonly name = "OtaError";
	constructor(
		readonly code: Code,
		message: string,
		options?: { cause?: unknown },
	) {
		super(message, options);
	}
}

/** The HSM is known to be away: what its agent does about it (hsm/README.md, States). */
export class HsmStateError extends OtaError {
	constructor(
		code: "hsm_unavailable" | "config",
		message: string,
		readonly state: HsmState,
	) {
		super(code, message);
	}
}
/** recovering: calls wait. broken: they fail at once, attempts go on. refused: what is wrong is an operator's matter. */
export type HsmState = "recovering" | "broken" | "refused";

/** All faults of a configuration at once; each names the variable and the remedy. */
export class ConfigError extends OtaError {
	constructor(readonly faults: readonly string[]) {
		super("config", `Configuration: ${faults.length} fault(s)\n${faults.map((fault) => `  - ${fault}`).join("\n")}`);
	}
}

/** An unknown throwable as an OtaError: what nobody foresaw is `internal`, its cause kept for the log. */
export function asOtaError(error: unknown): OtaError {
	if (error instanceof OtaError) return error;
	// Next's bundle and the server's modules are two copies of this class: recognise the twin by shape.
	if (error instanceof Error && error.name === "OtaError" && "code" in error && String(error.code) in outcomes) {
		return error as OtaError;
	}
	return new OtaError("internal", error instanceof Error ? error.message : "unknown failure", { cause: error });
}
