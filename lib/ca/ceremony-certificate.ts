/**
 * One certificate of the ceremony: its to-be-signed bytes are built here, signed by the token, and what came back is
 * parsed and verified before anybody sees it (RFC 5280 section 4.1; algorithms of RFC 3279, RFC 4055 and RFC 5758).
 */
import { createHash, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { BitString, Integer, Null, OctetString } from "asn1js";
import {
	AlgorithmIdentifier,
	AuthorityKeyIdentifier,
	BasicConstraints,
	Certificate,
	Extension,
	ExtKeyUsage,
	PublicKeyInfo,
	type RelativeDistinguishedNames,
	Time,
	TimeType,
} from "pkijs";
import { readCertificate } from "../cms/certificate.ts";
import { OtaError } from "../errors.ts";
import type { HashName, Random } from "../ports.ts";

/** A key in the token that signs, with its public half (SubjectPublicKeyInfo, DER). */
export interface CeremonySigner {
	publicKey: Uint8Array;
	/** RSASSA-PKCS1-v1_5, or ECDSA as a DER SEQUENCE { r, s }, over the hash of `message`. */
	sign(hash: HashName, message: Uint8Array): Promise<Uint8Array>;
}

/** Bits of KeyUsage that the ceremony uses, by their number (RFC 5280 section 4.2.1.3). */
const keyUsageBits = { digitalSignature: 0, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 } as const;
export type KeyUsage = keyof typeof keyUsageBits;

/** What one certificate shall say. */
export interface CertificatePlan {
	subject: RelativeDistinguishedNames;
	issuer: RelativeDistinguishedNames;
	/** SubjectPublicKeyInfo, DER. */
	publicKey: Uint8Array;
	keyUsage: readonly KeyUsage[];
	/** pathLenConstraint of a CA; null is an end entity. */
	pathLength: number | null;
	/** It answers for its issuer's certificates (RFC 6960 section 4.2.2.2). */
	isResponder?: boolean;
	notBefore: Date;
	notAfter: Date;
}

const oids = {
	subjectKeyIdentifier: "2.5.29.14",
	keyUsage: "2.5.29.15",
	basicConstraints: "2.5.29.19",
	authorityKeyIdentifier: "2.5.29.35",
	extKeyUsage: "2.5.29.37",
	ocspSigning: "1.3.6.1.5.5.7.3.9",
	/** RFC 6960 section 4.2.2.2.1. */
	ocspNoCheck: "1.3.6.1.5.5.7.48.1.5",
	sha256WithRSAEncryption: "1.2.840.113549.1.1.11",
	ecdsaWithSHA256: "1.2.840.10045.4.3.2",
} as const;

/**
 * Builds, signs and verifies one certificate; answers it parsed. `issuer` null signs it with its own key.
 * Errors: `key_policy` for a key of another kind than RSA, P-256 or P-384, `hsm_refused` when the signature does not hold.
 */
export async function signCertificate(
	plan: CertificatePlan,
	signer: CeremonySigner,
	issuer: X509Certificate | null,
	random: Random,
): Promise<X509Certificate> {
	const algorithm = signatureAlgorithm(importPublicKey(signer.publicKey));
	const authority = issuer && (subjectKeyIdentifier(issuer) ?? keyIdentifier(signer.publicKey));
	const certificate = new Certificate({
		version: 2,
		serialNumber: serialNumber(random),
		signature: algorithm,
		issuer: plan.issuer,
		notBefore: time(plan.notBefore),
		notAfter: time(plan.notAfter),
		subject: plan.subject,
		subjectPublicKeyInfo: PublicKeyInfo.fromBER(Uint8Array.from(plan.publicKey)),
		extensions: extensions(plan, authority),
		signatureAlgorithm: algorithm,
	});
	const tbs = new Uint8Array(certificate.encodeTBS().toBER());
	const signature = await signer.sign("sha256", tbs);
	certificate.signatureValue = new BitString({ valueHex: Uint8Array.from(signature).buffer });
	const signed = new X509Certificate(new Uint8Array(certificate.toSchema(true).toBER()));
	verifySigned(signed, plan, signer, issuer);
	return signed;
}

/** A DER SubjectPublicKeyInfo as a key; `key_policy` when it is none. */
export function importPublicKey(spki: Uint8Array): KeyObject {
	try {
		return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
	} catch (cause) {
		throw new OtaError("key_policy", "A key of the ceremony is not a SubjectPublicKeyInfo.", { cause });
	}
}

/** The token's answer is believed only after it was read again by a second library. */
function verifySigned(
	signed: X509Certificate,
	plan: CertificatePlan,
	signer: CeremonySigner,
	issuer: X509Certificate | null,
): void {
	const faults = [
		!signed.verify(importPublicKey(signer.publicKey)) && "its signature does not hold",
		!signed.checkIssued(issuer ?? signed) && "it does not name its issuer",
		!importPublicKey(plan.publicKey).equals(signed.publicKey) && "it holds another key",
		signed.ca !== (plan.pathLength !== null) && "its CA flag is another",
		signed.keyUsage?.join() !== (plan.isResponder ? oids.ocspSigning : undefined) && "its purpose is another",
		new Date(signed.validFrom).getTime() !== plan.notBefore.getTime() && "its notBefore is another",
		new Date(signed.validTo).getTime() !== plan.notAfter.getTime() && "its notAfter is another",
	].filter((fault) => fault !== false);
	if (faults.length > 0) throw new OtaError("hsm_refused", `A certificate came back wrong: ${faults.join(", ")}.`);
}

/** sha256WithRSAEncryption carries a NULL (RFC 4055 section 5), ecdsa-with-SHA256 nothing (RFC 5758 section 3.2). */
function signatureAlgorithm(key: KeyObject): AlgorithmIdentifier {
	if (key.asymmetricKeyType === "rsa") {
		return new AlgorithmIdentifier({ algorithmId: oids.sha256WithRSAEncryption, algorithmParams: new Null() });
	}
	if (["prime256v1", "secp384r1"].includes(key.asymmetricKeyDetails?.namedCurve ?? "")) {
		return new AlgorithmIdentifier({ algorithmId: oids.ecdsaWithSHA256 });
	}
	throw new OtaError("key_policy", "A key of the ceremony is neither RSA nor P-256 or P-384.");
}

/** 16 octets with the two highest bits 01: positive, and never a leading zero octet (RFC 5280 section 4.1.2.2). */
function serialNumber(random: Random): Integer {
	const octets = Uint8Array.from(random(16));
	octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
	return new Integer({ valueHex: octets.buffer });
}

/** UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5). */
function time(value: Date): Time {
	const type = value.getUTCFullYear() < 2050 ? TimeType.UTCTime : TimeType.GeneralizedTime;
	return new Time({ type, value });
}

/** A self-signed certificate names no authority key (RFC 5280 section 4.2.1.1). */
function extensions(plan: CertificatePlan, authorityKey: OctetString | null): Extension[] {
	const constraints = plan.pathLength === null ? {} : { cA: true, pathLenConstraint: plan.pathLength };
	const authority = authorityKey && new AuthorityKeyIdentifier({ keyIdentifier: authorityKey });
	return [
		extension(oids.basicConstraints, true, new BasicConstraints(constraints).toSchema().toBER()),
		extension(oids.keyUsage, true, keyUsage(plan.keyUsage).toBER()),
		extension(oids.subjectKeyIdentifier, false, keyIdentifier(plan.publicKey).toBER()),
		...(authority ? [extension(oids.authorityKeyIdentifier, false, authority.toSchema().toBER())] : []),
		...(plan.isResponder ? responderExtensions() : []),
	];
}

/** For OCSP answers alone. Nobody asks whether the responder itself is revoked: it would be the one to answer. */
const responderExtensions = (): Extension[] => [
	extension(oids.extKeyUsage, false, new ExtKeyUsage({ keyPurposes: [oids.ocspSigning] }).toSchema().toBER()),
	extension(oids.ocspNoCheck, false, new Null().toBER()),
];

function extension(extnID: string, critical: boolean, extnValue: ArrayBuffer): Extension {
	return new Extension({ extnID, critical, extnValue });
}

/** As the issuer's own certificate has it, whatever method its maker took; null when it has none. */
function subjectKeyIdentifier(issuer: X509Certificate): OctetString | null {
	const identifier = readCertificate(Uint8Array.from(issuer.raw)).subjectKeyIdentifier;
	return identifier === null
		? null
		: new OctetString({ valueHex: Uint8Array.from(Buffer.from(identifier, "hex")).buffer });
}

/** SHA-1 of the subjectPublicKey bits (RFC 5280 section 4.2.1.2, method 1): a name for the key, no protection. */
function keyIdentifier(spki: Uint8Array): OctetString {
	const bits = PublicKeyInfo.fromBER(Uint8Array.from(spki)).subjectPublicKey.valueBlock.valueHexView;
	return new OctetString({ valueHex: Uint8Array.from(createHash("sha1").update(bits).digest()).buffer });
}

/** A named bit list: trailing zero bits are left out (X.690 section 11.2.2). */
function keyUsage(usages: readonly KeyUsage[]): BitString {
	const numbers: number[] = usages.map((usage) => keyUsageBits[usage]);
	const octet = numbers.reduce((bits, number) => bits | (0x80 >> number), 0);
	return new BitString({ valueHex: Uint8Array.of(octet).buffer, unusedBits: 7 - Math.max(...numbers) });
}
