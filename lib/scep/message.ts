/** A pkiMessage as a client sends it (RFC 8894 section 3.2): SignedData with SCEP's attributes around EnvelopedData. */
import type { Digest } from "../cms/algorithms.ts";
import { type Attributes, readSignedData, type SignedData, type Verified } from "../cms/signed-data.ts";
import { oids } from "../der/oids.ts";
import { malformed } from "../der/reader.ts";
import { octets, text } from "../der/values.ts";

/** RFC 8894 section 3.2.1.2. */
export const messageType = {
	CertRep: "3",
	RenewalReq: "17",
	PKCSReq: "19",
	CertPoll: "20",
	GetCert: "21",
	GetCRL: "22",
} as const;

const maxTransactionID = 256;
const maxNonce = 64;

/** What is needed to address an answer, whether or not the signature holds. */
export interface PkiMessage {
	transactionID: string;
	messageType: string;
	senderNonce: Uint8Array;
	/** The digest the client uses, to be mirrored; null when it is none of ours. */
	digestOid: string;
	verify(accepted: readonly Digest[]): Verified;
}

/** `malformed` when it is not SignedData with transactionID, messageType and senderNonce, each once. */
export function readPkiMessage(bytes: Uint8Array): PkiMessage {
	const signedData: SignedData = readSignedData(bytes);
	const attributes = signedData.unverifiedAttributes;
	const senderNonce = octets(single(attributes, oids.scepSenderNonce, "senderNonce"));
	if (senderNonce.length === 0 || senderNonce.length > maxNonce) throw malformed("senderNonce of a wrong size");
	return {
		transactionID: shortText(attributes, oids.scepTransactionID, "transactionID", maxTransactionID),
		messageType: shortText(attributes, oids.scepMessageType, "messageType", 8),
		senderNonce,
		digestOid: signedData.unverifiedDigestOid,
		verify: (accepted) => signedData.verify(accepted),
	};
}

function single(attributes: Attributes, id: string, name: string) {
	const values = attributes.get(id) ?? [];
	const [value] = values;
	if (!value || values.length !== 1) throw malformed(`${name} is not there once`);
	return value;
}

function shortText(attributes: Attributes, id: string, name: string, longest: number): string {
	const value = text(single(attributes, id, name));
	if (!/^[\x20-\x7e]+$/.test(value) || value.length > longest) throw malformed(`${name} is not short printable text`);
	return value;
}
