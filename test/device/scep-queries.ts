/** What a client sends after its first request (RFC 8894 sections 3.3.3 to 3.3.5): CertPoll, GetCert, GetCRL. */
import type { KeyObject } from "node:crypto";
import { sequence } from "./ber.ts";
import { readCertificate } from "./certificate.ts";
import { parseBer, sequenceOf } from "./der-reader.ts";
import { buildPkcsReq, type PkcsReq, type PkcsReqOptions } from "./scep-message.ts";

/** Who asks, whom, and what may be bent. */
export interface QueryOptions extends Partial<Omit<PkcsReqOptions, "key" | "recipients">> {
	/** RA, DER. */
	ra: Uint8Array;
	/** Signs the message and receives the answer; self-signed with `key` unless told. */
	signer?: { certificate: Uint8Array; privateKey: KeyObject };
	key: KeyObject;
}

const query = ({ ra, ...options }: QueryOptions, messageType: string, enveloped: Uint8Array): PkcsReq =>
	buildPkcsReq({ recipients: [ra], messageType, enveloped, ...options });

/**
 * CertPoll (20) for a request that is pending: IssuerAndSubject inside, and, as Apple's client has it whatever was agreed on,
 * 3DES and SHA-1.
 */
export function buildCertPoll(pending: PkcsReq, issuer: Uint8Array, options: QueryOptions): PkcsReq {
	const [info] = sequenceOf(parseBer(pending.csr, "CertPoll"), "CertPoll");
	const subject = sequenceOf(info, "CertPoll")[1]?.raw as Uint8Array;
	const { transactionID, signer } = pending;
	const worn = { cipher: "des-ede3-cbc", messageDigestAlgorithm: "sha1" } as const;
	const content = sequence(readCertificate(issuer).subject, subject);
	return query({ transactionID, signer, ...worn, ...options }, "20", content);
}

/** IssuerAndSerialNumber of a certificate (DER). */
export function issuerAndSerial(certificate: Uint8Array): Uint8Array {
	const { issuer, serialNumber } = readCertificate(certificate);
	return sequence(issuer, serialNumber);
}

/** GetCert (21) for this certificate. */
export const buildGetCert = (certificate: Uint8Array, options: QueryOptions): PkcsReq =>
	query(options, "21", issuerAndSerial(certificate));

/** GetCRL (22) for the list that this certificate would be on. */
export const buildGetCrl = (certificate: Uint8Array, options: QueryOptions): PkcsReq =>
	query(options, "22", issuerAndSerial(certificate));
