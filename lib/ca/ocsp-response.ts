/**
 * Writes an OCSPResponse (RFC 6960 section 4.2): id-pkix-ocsp-basic, the responder named by its key, signed over SHA-256,
 * the responder's certificate enclosed; or the bare status of a request that is not answered.
 */
import type { X509 } from "../cms/certificate.ts";
import { oids } from "../der/oids.ts";
import {
	contextOf,
	contextPrimitive,
	enumerated,
	generalizedTime,
	objectIdentifier,
	octetString,
	sequenceOf,
} from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import { type Sign, signedParts } from "./proven-signature.ts";

/** OCSPResponseStatus by its names (section 4.2.1); 4 is not in use. */
export const responseStatus = {
	successful: 0,
	malformedRequest: 1,
	internalError: 2,
	tryLater: 3,
	sigRequired: 5,
	unauthorized: 6,
} as const;
export type ResponseStatus = keyof typeof responseStatus;

export type CertStatus =
	| { status: "good" | "unknown" }
	/** CRLReason; null or 0: not told. */
	| { status: "revoked"; revokedAt: Date; reason: number | null };

export interface SingleResponse {
	/** DER of the CertID as the request had it. */
	certID: Uint8Array;
	certStatus: CertStatus;
	thisUpdate: Date;
	/** Null: newer information is there at any time. */
	nextUpdate: Date | null;
}

export interface ResponseDataRequest {
	/** SHA-1 of the responder's key, 20 octets. */
	responderKeyHash: Uint8Array;
	producedAt: Date;
	responses: readonly SingleResponse[];
	/** As the request had it; null: none. */
	nonce: Uint8Array | null;
}

/** ResponseData of version 1, without its default version. */
export function buildResponseData({ responderKeyHash, producedAt, responses, nonce }: ResponseDataRequest): Uint8Array {
	if (responses.length === 0) throw new OtaError("internal", "an OCSP answer about nothing");
	return sequenceOf(
		contextOf(2, octetString(responderKeyHash)),
		generalizedTime(producedAt),
		sequenceOf(...responses.map(writeSingleResponse)),
		...(nonce ? [contextOf(1, sequenceOf(nonceExtension(nonce)))] : []),
	);
}

const nonceExtension = (nonce: Uint8Array): Uint8Array =>
	sequenceOf(objectIdentifier(oids.ocspNonce), octetString(octetString(nonce)));

const writeSingleResponse = ({ certID, certStatus, thisUpdate, nextUpdate }: SingleResponse): Uint8Array =>
	sequenceOf(
		certID,
		writeCertStatus(certStatus),
		generalizedTime(thisUpdate),
		...(nextUpdate ? [contextOf(0, generalizedTime(nextUpdate))] : []),
	);

/** good [0] and unknown [2] are NULL, revoked [1] is RevokedInfo. */
function writeCertStatus(certStatus: CertStatus): Uint8Array {
	if (certStatus.status !== "revoked") {
		return contextPrimitive(certStatus.status === "good" ? 0 : 2, new Uint8Array(0));
	}
	const { revokedAt, reason } = certStatus;
	return contextOf(1, generalizedTime(revokedAt), ...(reason ? [contextOf(0, enumerated(reason))] : []));
}

/** The OCSPResponse (DER), its signature verified with the responder's key; `hsm_unavailable` when the token signed wrongly. */
export async function signOcspResponse(tbs: Uint8Array, responder: X509, sign: Sign): Promise<Uint8Array> {
	const parts = await signedParts(tbs, responder, sign);
	const basic = sequenceOf(...parts, contextOf(0, sequenceOf(responder.der)));
	const bytes = sequenceOf(objectIdentifier(oids.ocspBasic), octetString(basic));
	return sequenceOf(enumerated(responseStatus.successful), contextOf(0, bytes));
}

/** An answer that answers nothing, unsigned. */
export const errorResponse = (status: Exclude<ResponseStatus, "successful">): Uint8Array =>
	sequenceOf(enumerated(responseStatus[status]));
