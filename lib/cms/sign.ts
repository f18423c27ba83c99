/** Writes SignedData (RFC 5652 section 5): attached, one signer, DER; and the forms of certificates or a list alone. */
import { createHash } from "node:crypto";
import { oids } from "../der/oids.ts";
import { tag } from "../der/reader.ts";
import {
	algorithmIdentifier,
	contextOf,
	integer,
	nullValue,
	objectIdentifier,
	octetString,
	sequenceOf,
	setOf,
	sorted,
	time,
	tlv,
} from "../der/writer.ts";
import type { HashName } from "../ports.ts";
import { digestOids, signatureOid } from "./algorithms.ts";
import type { X509 } from "./certificate.ts";

export interface Signer {
	certificate: X509;
	/** The private operation over the to-be-signed octets. */
	sign(hash: HashName, message: Uint8Array): Promise<Uint8Array>;
}

export interface SignOptions {
	content: Uint8Array;
	signer: Signer;
	digest: HashName;
	/** Enclosed in this order, which clients read as a list; the signer's own must be among them. */
	certificates: readonly X509[];
	/** Attributes beside contentType and messageDigest: whole Attribute SEQUENCEs. */
	attributes?: readonly Uint8Array[];
	/** signingTime, where wanted. */
	signingTime?: Date;
}

/** Attribute with one value. */
export const attribute = (id: string, value: Uint8Array): Uint8Array => sequenceOf(objectIdentifier(id), setOf(value));

export async function signData(options: SignOptions): Promise<Uint8Array> {
	const { content, signer, digest } = options;
	const attributes = sorted([
		attribute(oids.contentType, objectIdentifier(oids.data)),
		attribute(oids.messageDigest, octetString(createHash(digest).update(content).digest())),
		...(options.signingTime ? [attribute(oids.signingTime, time(options.signingTime))] : []),
		...(options.attributes ?? []),
	]);
	const signature = await signer.sign(digest, tlv(tag.set, ...attributes));
	const digestAlgorithm = algorithmIdentifier(digestOids[digest]);
	const signerInfo = sequenceOf(
		integer(1),
		sequenceOf(signer.certificate.issuer, signer.certificate.serialNumberDer),
		digestAlgorithm,
		contextOf(0, ...attributes),
		signatureAlgorithm(signer.certificate, digest),
		octetString(signature),
	);
	const encapsulated = sequenceOf(objectIdentifier(oids.data), contextOf(0, octetString(content)));
	return signedData(setOf(digestAlgorithm), encapsulated, bagOf(options.certificates), setOf(signerInfo));
}

/** RSA signers are named `rsaEncryption`: strongSwan's SCEP client takes no other. */
function signatureAlgorithm(certificate: X509, digest: HashName): Uint8Array {
	const rsa = certificate.publicKey.asymmetricKeyType === "rsa";
	return rsa ? algorithmIdentifier(oids.rsaEncryption, nullValue()) : algorithmIdentifier(signatureOid("ec", digest));
}

/** "Degenerate" SignedData: certificates and nothing else (RFC 8894 section 3.4); the order is kept. */
export const certificatesOnly = (certificates: readonly X509[]): Uint8Array => degenerate(bagOf(certificates));

/** The same with one CertificateList (DER) and no certificate. */
export const listOnly = (list: Uint8Array): Uint8Array => degenerate(contextOf(1, list));

const bagOf = (certificates: readonly X509[]): Uint8Array => contextOf(0, ...certificates.map(({ der }) => der));

const degenerate = (bag: Uint8Array): Uint8Array =>
	signedData(setOf(), sequenceOf(objectIdentifier(oids.data)), bag, setOf());

/** `bag`: certificates [0] or crls [1]. */
function signedData(
	digestAlgorithms: Uint8Array,
	encapsulated: Uint8Array,
	bag: Uint8Array,
	signerInfos: Uint8Array,
): Uint8Array {
	const data = sequenceOf(integer(1), digestAlgorithms, encapsulated, bag, signerInfos);
	return sequenceOf(objectIdentifier(oids.signedData), contextOf(0, data));
}
