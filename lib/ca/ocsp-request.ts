/**
 * Reads an OCSPRequest strictly from DER (RFC 6960 section 4.1). Everything that is refused is `malformed`, which the answer
 * calls malformedRequest. Who asks, and whether the request is signed, is read for its form and changes nothing.
 */
import { readAlgorithm } from "../cms/algorithms.ts";
import { context, type Element, type Fields, malformed, readDer, sequence } from "../der/reader.ts";
import { bitStringOctets } from "../der/values.ts";
import { type CertID, readCertID } from "./ocsp-cert-id.ts";
import { inside, readExtensions, readNonce, readVersion } from "./ocsp-extensions.ts";

export interface OcspRequest {
	/** One at least. */
	certIDs: readonly CertID[];
	/** Content of the Nonce, 1 to 32 octets. */
	nonce: Uint8Array | null;
}

const mostRequests = 16;
/** Room for sixteen requests and the certificates of one who signed. */
const limits = { maxBytes: 16 * 1024, maxElements: 1000 };

export function readOcspRequest(der: Uint8Array): OcspRequest {
	if (der.length > limits.maxBytes) throw malformed("OCSPRequest: larger than its limit");
	const outer = sequence(readDer(der, limits), "OCSPRequest");
	const tbs = sequence(outer.take(), "TBSRequest");
	readSignature(outer.optional(context(0)));
	outer.end();
	readVersion(tbs.optional(context(0)));
	readRequestor(tbs.optional(context(1)));
	const certIDs = readList(sequence(tbs.take(), "requestList"));
	const extensions = readExtensions(tbs.optional(context(2)));
	tbs.end();
	return { certIDs, nonce: readNonce(extensions) };
}

/** A GeneralName: always of the context class. */
function readRequestor(wrapper: Element | null): void {
	if (wrapper && (inside(wrapper, "requestorName").tag & 0xc0) !== 0x80) {
		throw malformed("requestorName: unexpected type");
	}
}

function readSignature(wrapper: Element | null): void {
	if (wrapper === null) return;
	const fields = sequence(inside(wrapper, "optionalSignature"), "Signature");
	readAlgorithm(fields.take(), "Signature");
	bitStringOctets(fields.take());
	const certificates = fields.optional(context(0));
	fields.end();
	if (certificates) sequence(inside(certificates, "certs"), "certs");
}

function readList(list: Fields): CertID[] {
	const certIDs: CertID[] = [];
	while (!list.done) {
		if (certIDs.length === mostRequests) throw malformed("requestList: longer than its limit");
		const fields = sequence(list.take(), "Request");
		certIDs.push(readCertID(fields.take()));
		readExtensions(fields.optional(context(0)));
		fields.end();
	}
	if (certIDs.length === 0) throw malformed("requestList: empty");
	return certIDs;
}
