/**
 * The TBSCertificate of a device's certificate (RFC 5280 section 4.1). Everything but the public key is the caller's: names
 * come from the enrollment, and from a request only where its challenge says so.
 */

import { createHash } from "node:crypto";
import { signatureOid } from "../cms/algorithms.ts";
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { writeName } from "../der/name.ts";
import { oids } from "../der/oids.ts";
import { readDer, sequence } from "../der/reader.ts";
import { bitStringOctets, toHex } from "../der/values.ts";
import {
	algorithmIdentifier,
	boolean,
	contextOf,
	contextPrimitive,
	integer,
	namedBitString,
	nullValue,
	objectIdentifier,
	octetString,
	sequenceOf,
	time,
} from "../der/writer.ts";
import type { CertificatePurpose, Random, SubjectAltName, SubjectName } from "../ports.ts";

const day = 86_400_000;
/** Apple and the web's public CAs take leaves of up to 398 days. */
const lifetimeDays = 398;
/** A device's clock may be behind ours. */
const backdate = 5 * 60_000;

export interface LeafRequest {
	publicKeyInfo: Uint8Array;
	purpose: CertificatePurpose;
	subject: SubjectName;
	subjectAltName: SubjectAltName;
	now: Date;
	/** Where verifiers ask about it later; absent where nobody answers. */
	revocation?: RevocationAddresses;
}
/** URIs that go into the certificate as they are. */
export interface RevocationAddresses {
	readonly crl: string;
	/** Null without a responder. */
	readonly ocsp: string | null;
}
export interface Leaf {
	tbs: Uint8Array;
	serialNumber: string;
	notBefore: Date;
	notAfter: Date;
}

/** 20 octets at most, positive, 126 random bits and more (RFC 5280 section 4.1.2.2). */
export function drawSerialNumber(random: Random): Uint8Array {
	const serial = Uint8Array.from(random(16));
	serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
	return serial;
}

const version3: Uint8Array = contextOf(0, integer(2));

export function buildLeaf(request: LeafRequest, ca: X509, random: Random): Leaf {
	const serial = drawSerialNumber(random);
	const notBefore = wholeSecond(request.now.getTime() - backdate);
	const wanted = notBefore.getTime() + lifetimeDays * day;
	const notAfter = wholeSecond(Math.min(wanted, ca.notAfter.getTime()));
	const tbs = sequenceOf(
		version3,
		integer(serial),
		caSignatureAlgorithm(ca),
		ca.subject,
		sequenceOf(time(notBefore), time(notAfter)),
		writeName(request.subject),
		request.publicKeyInfo,
		contextOf(3, sequenceOf(...extensions(request, ca))),
	);
	return { tbs, serialNumber: toHex(serial), notBefore, notAfter };
}

const wholeSecond = (milliseconds: number): Date => new Date(Math.floor(milliseconds / 1000) * 1000);

const signatureAlgorithms = {
	rsa: algorithmIdentifier(signatureOid("rsa", "sha256"), nullValue()),
	ec: algorithmIdentifier(signatureOid("ec", "sha256")),
} as const;

/** AlgorithmIdentifier of the CA's signatures: SHA-256 with its key's type. */
export const caSignatureAlgorithm = (ca: X509): Uint8Array =>
	signatureAlgorithms[ca.publicKey.asymmetricKeyType === "rsa" ? "rsa" : "ec"];

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
	return sequenceOf(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

const { digitalSignature, keyEncipherment } = keyUsageBit;

/** One purpose and the bits of keyUsage that RFC 5280 section 4.2.1.12 lets go with it. */
const usage = (purpose: string, ...bits: readonly number[]): Uint8Array[] => [
	extension(oids.keyUsage, true, namedBitString(...bits)),
	extension(oids.extKeyUsage, false, sequenceOf(objectIdentifier(purpose))),
];
/** Profiles are encrypted to an identity, which may log in nowhere; the others log in and do nothing else. */
const usages: Readonly<Record<CertificatePurpose, readonly Uint8Array[]>> = {
	identity: usage(oids.emailProtection, digitalSignature, keyEncipherment),
	client: usage(oids.clientAuth, digitalSignature),
	machine: usage(oids.clientAuth, digitalSignature),
};
const endEntity: Uint8Array = extension(oids.basicConstraints, true, sequenceOf());

function extensions(request: LeafRequest, ca: X509): Uint8Array[] {
	const all = [
		endEntity,
		...usages[request.purpose],
		extension(oids.subjectKeyIdentifier, false, octetString(keyIdentifier(request.publicKeyInfo))),
		...authorityKey(ca),
	];
	const names = generalNames(request.subjectAltName);
	if (names.length > 0) all.push(extension(oids.subjectAltName, false, sequenceOf(...names)));
	if (request.revocation) all.push(...revocationExtensions(request.revocation));
	return all;
}

/** Made once for each object, as long as it lives: what a CA and its addresses add is the same in every certificate. */
function onceFor<From extends object, To>(make: (from: From) => To): (from: From) => To {
	const made = new WeakMap<From, To>();
	return (from) => {
		const known = made.get(from);
		if (known !== undefined) return known;
		const fresh = make(from);
		made.set(from, fresh);
		return fresh;
	};
}

/** None where the CA's certificate has no identifier to name. */
const authorityKey = onceFor((ca: X509): readonly Uint8Array[] => {
	const issuerKey = ca.subjectKeyIdentifier;
	if (issuerKey === null) return [];
	const identifier = contextPrimitive(0, Buffer.from(issuerKey, "hex"));
	return [extension(oids.authorityKeyIdentifier, false, sequenceOf(identifier))];
});

/** rfc822Name [1] and dNSName [2] (RFC 5280 section 4.2.1.6). What is not ASCII stays visible as such, for the lint to find. */
function generalNames({ rfc822Name, dNSName = [] }: SubjectAltName): Uint8Array[] {
	const hosts = dNSName.map((host) => contextPrimitive(2, Buffer.from(host)));
	return rfc822Name ? [contextPrimitive(1, Buffer.from(rfc822Name)), ...hosts] : hosts;
}

/** uniformResourceIdentifier [6]. */
const uri = (text: string): Uint8Array => contextPrimitive(6, Buffer.from(text));

/** One DistributionPoint by its fullName, one responder (RFC 5280 sections 4.2.1.13 and 4.2.2.1). */
const revocationExtensions = onceFor(({ crl, ocsp }: RevocationAddresses): readonly Uint8Array[] => {
	const point = sequenceOf(contextOf(0, contextOf(0, uri(crl))));
	const all = [extension(oids.cRLDistributionPoints, false, sequenceOf(point))];
	if (ocsp !== null) {
		const access = sequenceOf(objectIdentifier(oids.ocsp), uri(ocsp));
		all.push(extension(oids.authorityInfoAccess, false, sequenceOf(access)));
	}
	return all;
});

/** RFC 5280 section 4.2.1.2, method 1: SHA-1 of the key's bits. */
function keyIdentifier(publicKeyInfo: Uint8Array): Uint8Array {
	const fields = sequence(readDer(publicKeyInfo), "SubjectPublicKeyInfo");
	fields.take();
	return createHash("sha1").update(bitStringOctets(fields.take())).digest();
}
