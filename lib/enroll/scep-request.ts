/**
 * A pkiMessage whose signature holds, and what is in its envelope (RFC 8894 section 3): which RA it is for, the request
 * inside, and how it will be answered.
 */
import { type CertificationRequest, readCertificationRequest } from "../ca/csr.ts";
import type { Cipher, Digest } from "../cms/algorithms.ts";
import type { X509 } from "../cms/certificate.ts";
import { type EnvelopedData, openEnvelopedData, readEnvelopedData } from "../cms/enveloped-data.ts";
import { equalBytes } from "../der/values.ts";
import { type Code, OtaError } from "../errors.ts";
import type { ScepTransaction } from "../ports.ts";
import { messageType, type PkiMessage } from "../scep/message.ts";
import { type EnrollContext, sha256 } from "./context.ts";
import type { Ra } from "./issuers.ts";

export interface ScepRequest {
	message: PkiMessage;
	signer: X509;
	/** The envelope, DER or BER. */
	content: Uint8Array;
}

/** What is answered to whom asked rightly: SignedData for the envelope, in the request's cipher; or that it waits.
 * `isPublic`: anybody may have it, at the price of two operations of the token. */
export type ScepAnswer = { contents: Uint8Array; cipher: Cipher["name"]; isPublic?: boolean } | "pending";

const strong: readonly Digest[] = ["sha256", "sha384", "sha512"];

/** Apple's client polls with SHA-1 whatever was agreed on; a poll changes nothing. */
export function acceptedDigests({ legacyScep }: EnrollContext, message: PkiMessage): readonly Digest[] {
	return legacyScep || message.messageType === messageType.CertPoll ? ["sha1", ...strong] : strong;
}

const isFor = ({ certificate }: Ra, { issuer, serialNumber }: EnvelopedData): boolean =>
	equalBytes(issuer, certificate.issuer) && equalBytes(serialNumber, certificate.serialNumberDer);

/** The RA that a client knows, by whom it wrote to; the current one where that cannot be told. */
export function addressee({ ras, ra }: EnrollContext, content: Uint8Array): Ra {
	const current: Ra = { certificate: ra, role: "ra" };
	if (ras.length < 2) return current;
	try {
		const envelope = readEnvelopedData(content);
		return ras.find((one) => isFor(one, envelope)) ?? current;
	} catch (error) {
		if (error instanceof OtaError) return current;
		throw error;
	}
}

/** An answer in an envelope needs a signer that can be encrypted to. */
export function judgeRecipient(signer: X509): void {
	const bits = signer.publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
	if (bits < 1024 || bits > 8192) throw new OtaError("algorithm", "the signer's key cannot receive an answer");
}

/** Plaintext of the envelope, and its cipher. `decryption` and `algorithm` for what no key of ours is asked about. */
export function readEnvelope(context: EnrollContext, { content, signer }: ScepRequest) {
	judgeRecipient(signer);
	const envelope = orElse("decryption", () => readEnvelopedData(content));
	const cipher = envelope.cipher.name;
	if (cipher === "des-ede3-cbc" && !context.legacyScep) throw new OtaError("algorithm", "3DES is not accepted");
	const { certificate, role } = context.ras.find((one) => isFor(one, envelope)) ?? {
		certificate: context.ra,
		role: "ra",
	};
	const open = () => openEnvelopedData(envelope, certificate, (key, length) => context.keys.unwrap(key, length, role));
	return { cipher, open };
}

/** The certification request in the envelope. Whatever cannot be read is the same failure as what cannot be decrypted. */
export async function openRequest(context: EnrollContext, request: ScepRequest) {
	const { cipher, open } = readEnvelope(context, request);
	const plaintext = await open();
	return { csr: orElse("decryption", () => readProven(plaintext), anyFault), cipher };
}

/**
 * Bad padding, no CSR, a CSR whose signature does not hold: until possession is proven all are one answer, for whoever
 * garbles a captured envelope must not learn from us how its plaintext ended.
 */
function readProven(plaintext: Uint8Array): CertificationRequest {
	const csr = readCertificationRequest(plaintext);
	csr.verifyPossession();
	return csr;
}

const malformedAlone: readonly Code[] = ["malformed"];
const anyFault: readonly Code[] = ["malformed", "signature", "algorithm"];

/** A failure of one of these codes has another code at this place. */
export function orElse<T>(code: Code, read: () => T, codes: readonly Code[] = malformedAlone): T {
	try {
		return read();
	} catch (error) {
		const named = error instanceof OtaError && codes.includes(error.code);
		throw named ? new OtaError(code, error.message, { cause: error }) : error;
	}
}

/** As it is kept beside its certificate. */
export const transactionOf = ({ message, signer }: ScepRequest, csr: CertificationRequest): ScepTransaction => ({
	transactionID: message.transactionID,
	messageType: Number(message.messageType),
	signerKeyHash: signer.publicKeyHash,
	csrHash: sha256(csr.der),
});
