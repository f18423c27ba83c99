/**
 * The issuing CA's certificate as it comes back from a root that is kept elsewhere: everything that would stop a chain of
 * ours from holding is said at once, before the first certificate is signed under it (RFC 5280 sections 4.2.1 and 6.1).
 */
import { X509Certificate } from "node:crypto";
import { keyUsageBit, readCertificate, type X509 } from "../cms/certificate.ts";
import { writeName } from "../der/name.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import type { SubjectName } from "../ports.ts";
import { isSelfSigned } from "./ceremony-chain.ts";

export interface IssuedCa {
	/** DER of the certificate that was handed in, and of the root that must have issued it. */
	certificate: Uint8Array;
	root: Uint8Array;
	/** What the plan asked for: the subject, and the SubjectPublicKeyInfo of the key in the token. */
	subject: SubjectName;
	publicKey: Uint8Array;
	now: Date;
}

/** Every fault, in words; none when the certificate may be the issuing CA's. */
export function issuedCaFaults({ certificate, root, subject, publicKey, now }: IssuedCa): string[] {
	const ca = readOne(certificate, "the certificate");
	const issuer = readOne(root, "the root");
	if (typeof ca === "string") return [ca];
	if (typeof issuer === "string") return [issuer];
	return [...rootFaults(issuer, now), ...caFaults(ca, issuer, now), ...planFaults(ca, subject, publicKey)];
}

/** Faults of a root alone, before a request is made for it. */
export function offlineRootFaults(root: Uint8Array, now: Date): string[] {
	const read = readOne(root, "the root");
	return typeof read === "string" ? [read] : rootFaults(read, now);
}

function readOne(der: Uint8Array, name: string): X509 | string {
	try {
		const certificate = readCertificate(der);
		// Read here, so that what cannot be read is one fault and not an exception in the middle of others.
		void [certificate.publicKey, certificate.basicConstraints, certificate.keyUsage];
		return certificate;
	} catch (error) {
		return `${name} cannot be read: ${error instanceof OtaError ? error.message : "not a certificate"}`;
	}
}

function rootFaults(root: X509, now: Date): string[] {
	const { ca, pathLen } = root.basicConstraints;
	return named("the root", [
		[!isSelfSigned(root), "is not self-signed"],
		[!ca, "is no CA (basicConstraints)"],
		[pathLen !== null && pathLen < 1, "allows no CA below it (pathLenConstraint 0)"],
		[root.keyUsage !== null && !root.keyUsage.has(keyUsageBit.keyCertSign), "may not sign certificates (keyUsage)"],
		...dateFaults(root, now),
	]);
}

function caFaults(ca: X509, root: X509, now: Date): string[] {
	const { ca: isCa, pathLen } = ca.basicConstraints;
	const usage = ca.keyUsage;
	return named("the certificate", [
		[!equalBytes(ca.issuer, root.subject), "names another issuer than the root's subject"],
		[!isSigned(ca, root), "is not signed by the root's key, or with an algorithm that is not taken (SHA-1)"],
		[!isCa, "is no CA (basicConstraints CA:FALSE)"],
		[
			isCa && pathLen !== 0,
			`has ${pathLen === null ? "no pathLenConstraint" : `pathLenConstraint ${pathLen}`} where 0 is required`,
		],
		[
			!usage?.has(keyUsageBit.keyCertSign) || !usage.has(keyUsageBit.cRLSign),
			"lacks keyCertSign or cRLSign (keyUsage)",
		],
		[ca.notBefore < root.notBefore, "begins before the root does"],
		[ca.notAfter > root.notAfter, "outlives the root"],
		...dateFaults(ca, now),
	]);
}

function planFaults(ca: X509, subject: SubjectName, publicKey: Uint8Array): string[] {
	return named("the certificate", [
		[!equalBytes(ca.publicKeyInfo, publicKey), "holds another key than the one in the token"],
		[!isNamed(ca, subject), `has another subject than the plan (${subject.map((one) => one.join("=")).join(", ")})`],
	]);
}

/** By its bytes, or by its text: a root may write PrintableString where the request has UTF8String. */
function isNamed(ca: X509, subject: SubjectName): boolean {
	if (equalBytes(ca.subject, writeName(subject))) return true;
	return new X509Certificate(ca.der).subject === subject.map((attribute) => attribute.join("=")).join("\n");
}

function dateFaults({ notBefore, notAfter }: X509, now: Date): [boolean, string][] {
	return [
		[notBefore > now, `is not valid before ${notBefore.toISOString()}`],
		[notAfter <= now, `ended at ${notAfter.toISOString()}`],
	];
}

const named = (name: string, faults: readonly [boolean, string][]): string[] =>
	faults.filter(([isFault]) => isFault).map(([, words]) => `${name} ${words}`);

/** False as well for an algorithm that is none of ours. */
function isSigned(certificate: X509, issuer: X509): boolean {
	try {
		return certificate.isSignedBy(issuer.publicKey);
	} catch (error) {
		if (error instanceof OtaError) return false;
		throw error;
	}
}
