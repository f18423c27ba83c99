/** What each certificate of a ceremony says, by its role (RFC 5280 section 4, RFC 6960 section 4.2.2.2), and the making of one. */
import type { X509Certificate } from "node:crypto";
import { RelativeDistinguishedNames } from "pkijs";
import { readCertificate } from "../cms/certificate.ts";
import { writeName } from "../der/name.ts";
import type { Random, SubjectName } from "../ports.ts";
import { type CeremonySigner, type KeyUsage, signCertificate } from "./ceremony-certificate.ts";
import type { Title } from "./ceremony-name.ts";

/** Whose keys have certificates. */
export type CertifiedRole = "root" | "ca" | "ra" | "profile" | "ocsp";

interface Template {
	title: Title;
	issuedBy: "root" | "ca";
	years: number;
	pathLength: number | null;
	keyUsage: readonly KeyUsage[];
	isResponder?: boolean;
}

const leaf = { issuedBy: "ca", years: 2, pathLength: null } as const;

/** The root ends where a chain may be two CAs long; the profile signer has no extended key usage, as Apple's own signers. */
export const templates: Record<CertifiedRole, Template> = {
	root: { title: "Root CA", issuedBy: "root", years: 10, pathLength: 1, keyUsage: ["keyCertSign", "cRLSign"] },
	ca: { title: "Issuing CA", issuedBy: "root", years: 5, pathLength: 0, keyUsage: ["keyCertSign", "cRLSign"] },
	// Apple's client takes the first certificate with exactly this pair of bits for the RA.
	ra: { ...leaf, title: "SCEP RA", keyUsage: ["digitalSignature", "keyEncipherment"] },
	profile: { ...leaf, title: "Profile Signing", keyUsage: ["digitalSignature"] },
	ocsp: { ...leaf, title: "OCSP Responder", keyUsage: ["digitalSignature"], isResponder: true },
};

export interface Certification {
	role: CertifiedRole;
	subject: RelativeDistinguishedNames;
	/** SubjectPublicKeyInfo, DER. */
	publicKey: Uint8Array;
	/** Null: the key certifies itself. */
	issuer: X509Certificate | null;
	signer: CeremonySigner;
	/** The template's unless told. */
	years?: number | undefined;
	at: Date;
	random: Random;
}

/** Errors: those of signCertificate, and whatever the signer raises. */
export function certify(certification: Certification): Promise<X509Certificate> {
	const { role, subject, publicKey, issuer, signer, at, random } = certification;
	const { keyUsage, pathLength, years, isResponder = false } = templates[role];
	const plan = {
		subject,
		issuer: issuer ? subjectOf(issuer) : subject,
		publicKey,
		keyUsage,
		pathLength,
		isResponder,
		...validity(at, certification.years ?? years, issuer),
	};
	return signCertificate(plan, signer, issuer, random);
}

/** The name as its bytes are in the certificate: chains are compared so. */
export const subjectOf = (certificate: X509Certificate): RelativeDistinguishedNames =>
	RelativeDistinguishedNames.fromBER(Uint8Array.from(readCertificate(Uint8Array.from(certificate.raw)).subject));

export const nameOf = (subject: SubjectName): RelativeDistinguishedNames =>
	RelativeDistinguishedNames.fromBER(Uint8Array.from(writeName(subject)));

/** Device clocks that run a little late must still find the certificates valid. */
const backdate = 5 * 60_000;

/** Whole seconds, since that is all a certificate can say; never beyond the issuer's own dates. */
function validity(at: Date, years: number, issuer: X509Certificate | null): { notBefore: Date; notAfter: Date } {
	const second = Math.floor(at.getTime() / 1000) * 1000;
	const end = new Date(second);
	end.setUTCFullYear(end.getUTCFullYear() + years);
	const issuerStart = issuer ? Date.parse(issuer.validFrom) : Number.NEGATIVE_INFINITY;
	const issuerEnd = issuer ? Date.parse(issuer.validTo) : Number.POSITIVE_INFINITY;
	return {
		notBefore: new Date(Math.max(second - backdate, issuerStart)),
		notAfter: new Date(Math.min(end.getTime(), issuerEnd)),
	};
}
