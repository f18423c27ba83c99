/** Reads an OCSPResponse strictly from DER (RFC 6960 section 4.2): for those who ask, and to prove what we answer. */
import { type Algorithm, readAlgorithm } from "../cms/algorithms.ts";
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { oids } from "../der/oids.ts";
import { context, type Element, Fields, malformed, readDer, sequence, tag } from "../der/reader.ts";
import { bitStringOctets, enumerated, oid, time, toHex } from "../der/values.ts";
import { type CertID, readCertID } from "./ocsp-cert-id.ts";
import { inside, readExtensions, readNonce, readVersion } from "./ocsp-extensions.ts";
import { type CertStatus, type ResponseStatus, responseStatus, type SingleResponse } from "./ocsp-response.ts";

export interface ReadSingleResponse extends Omit<SingleResponse, "certID"> {
	certID: CertID;
}

export interface BasicOcspResponse {
	/** The ResponseData, what is signed. */
	tbs: Uint8Array;
	algorithm: Algorithm;
	signature: Uint8Array;
	/** DER of the name, or SHA-1 of the key in hex. */
	responder: { name: Uint8Array } | { keyHash: string };
	producedAt: Date;
	responses: readonly ReadSingleResponse[];
	nonce: Uint8Array | null;
	certificates: readonly X509[];
}

export type OcspResponse =
	| { status: Exclude<ResponseStatus, "successful">; basic: null }
	| { status: "successful"; basic: BasicOcspResponse };

export function readOcspResponse(der: Uint8Array): OcspResponse {
	const fields = sequence(readDer(der), "OCSPResponse");
	const status = readStatus(fields.take());
	const bytes = fields.optional(context(0));
	fields.end();
	if ((status === "successful") !== (bytes !== null)) throw malformed("OCSPResponse: its status does not fit");
	return status === "successful" ? { status, basic: readBytes(bytes as Element) } : { status, basic: null };
}

function readStatus(element: Element): ResponseStatus {
	const code = enumerated(element);
	const names = Object.keys(responseStatus) as ResponseStatus[];
	const status = names.find((name) => responseStatus[name] === code);
	if (status === undefined) throw malformed("OCSPResponse: unknown status");
	return status;
}

function readBytes(wrapper: Element): BasicOcspResponse {
	const fields = sequence(inside(wrapper, "responseBytes", tag.sequence), "ResponseBytes");
	const type = oid(fields.take());
	const response = fields.take(tag.octetString).content;
	fields.end();
	if (type !== oids.ocspBasic) throw malformed("ResponseBytes: unknown type of response");
	return readBasic(sequence(readDer(response), "BasicOCSPResponse"));
}

function readBasic(fields: Fields): BasicOcspResponse {
	const tbs = fields.take(tag.sequence);
	const algorithm = readAlgorithm(fields.take(), "BasicOCSPResponse");
	const signature = bitStringOctets(fields.take());
	const certificates = fields.optional(context(0));
	fields.end();
	return {
		...readResponseData(sequence(tbs, "ResponseData")),
		tbs: tbs.raw,
		algorithm,
		signature,
		certificates: certificates
			? inside(certificates, "certs", tag.sequence).children.map(({ raw }) => readCertificate(raw))
			: [],
	};
}

function readResponseData(fields: Fields) {
	readVersion(fields.optional(context(0)));
	const responder = readResponder(fields.take());
	const producedAt = time(fields.take(tag.generalizedTime));
	const responses = fields.take(tag.sequence).children.map(readSingleResponse);
	const extensions = readExtensions(fields.optional(context(1)));
	fields.end();
	return { responder, producedAt, responses, nonce: readNonce(extensions) };
}

function readResponder(element: Element): BasicOcspResponse["responder"] {
	if (element.tag === context(1)) return { name: inside(element, "ResponderID", tag.sequence).raw };
	if (element.tag !== context(2)) throw malformed("ResponderID: unexpected type");
	return { keyHash: toHex(inside(element, "ResponderID", tag.octetString).content) };
}

function readSingleResponse(element: Element): ReadSingleResponse {
	const fields = sequence(element, "SingleResponse");
	const certID = readCertID(fields.take());
	const certStatus = readCertStatus(fields.take());
	const thisUpdate = time(fields.take(tag.generalizedTime));
	const next = fields.optional(context(0));
	const nextUpdate = next && time(inside(next, "nextUpdate", tag.generalizedTime));
	readExtensions(fields.optional(context(1)));
	fields.end();
	return { certID, certStatus, thisUpdate, nextUpdate };
}

function readCertStatus(element: Element): CertStatus {
	if (element.tag === context(1)) {
		const fields = new Fields(element, element.tag, "RevokedInfo");
		const revokedAt = time(fields.take(tag.generalizedTime));
		const reason = fields.optional(context(0));
		fields.end();
		return {
			status: "revoked",
			revokedAt,
			reason: reason && enumerated(inside(reason, "revocationReason", tag.enumerated)),
		};
	}
	const isGood = element.tag === context(0, false);
	if ((!isGood && element.tag !== context(2, false)) || element.content.length > 0) {
		throw malformed("CertStatus: unexpected type");
	}
	return { status: isGood ? "good" : "unknown" };
}
