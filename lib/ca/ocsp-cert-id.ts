/** CertID (RFC 6960 section 4.1.1): whose certificate is asked about, by digests of its issuer's name and key, and which. */
import { createHash } from "node:crypto";
import { type Digest, digestOf, readAlgorithm } from "../cms/algorithms.ts";
import type { X509 } from "../cms/certificate.ts";
import { type Element, malformed, readDer, sequence, tag } from "../der/reader.ts";
import { bitStringOctets, toHex, unsignedHex } from "../der/values.ts";
import { OtaError } from "../errors.ts";

export interface CertID {
	/** As it came: an answer repeats it. */
	der: Uint8Array;
	/** Null: a digest that is none of ours, and so nobody's whom we know. */
	digest: Digest | null;
	issuerNameHash: string;
	issuerKeyHash: string;
	/** Hex without leading zero octets. */
	serialNumber: string;
}

const longestHash = 64;
/** RFC 5280 section 4.1.2.2, in hexadecimal digits. */
const longestSerialNumber = 40;

export function readCertID(element: Element): CertID {
	const fields = sequence(element, "CertID");
	const { oid, parameters } = readAlgorithm(fields.take(), "CertID");
	const [issuerNameHash, issuerKeyHash] = [fields.take(tag.octetString).content, fields.take(tag.octetString).content];
	const serialNumber = unsignedHex(fields.take(tag.integer));
	fields.end();
	if (parameters !== null) throw malformed("CertID: a digest with parameters");
	if (issuerNameHash.length > longestHash || issuerKeyHash.length > longestHash) {
		throw malformed("CertID: no digest is as long");
	}
	if (serialNumber.length > longestSerialNumber) throw malformed("CertID: no serial number is as long");
	return {
		der: element.raw,
		digest: knownDigest(oid),
		issuerNameHash: toHex(issuerNameHash),
		issuerKeyHash: toHex(issuerKeyHash),
		serialNumber,
	};
}

function knownDigest(oid: string): Digest | null {
	try {
		return digestOf(oid);
	} catch (error) {
		if (error instanceof OtaError) return null;
		throw error;
	}
}

const digests: readonly Digest[] = ["sha1", "sha256", "sha384", "sha512"];

/** Which of these issuers a CertID names, by both digests, or null. All that can be asked is computed once. */
export function issuerFinder(issuers: readonly X509[]): (certID: CertID) => X509 | null {
	const known = new Map(
		issuers.flatMap((issuer) =>
			digests.map((digest): [string, X509] => [
				[digest, hashOf(digest, issuer.subject), keyHashOf(digest, issuer)].join(" "),
				issuer,
			]),
		),
	);
	return ({ digest, issuerNameHash, issuerKeyHash }) =>
		known.get([digest, issuerNameHash, issuerKeyHash].join(" ")) ?? null;
}

const hashOf = (digest: Digest, bytes: Uint8Array): string => createHash(digest).update(bytes).digest("hex");

/** Of the subjectPublicKey's bits, without tag, length and unused bits; hex. */
export function keyHashOf(digest: Digest, { publicKeyInfo }: X509): string {
	const fields = sequence(readDer(publicKeyInfo), "SubjectPublicKeyInfo");
	fields.take();
	return hashOf(digest, bitStringOctets(fields.take()));
}
