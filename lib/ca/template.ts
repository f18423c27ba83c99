/**
 * The TBSCertificate of a device's certificate (RFC 5280 section 4.1). Everything but the public key is the server's:
 * names come from the enrollment, never from the request.
 */
import { createHash } from "node:crypto";
import { signatureOid } from "../cms/algorithms.ts";
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { writeName } from "../der/name.ts";
import { oids } from "../der/oids.ts";
import { readDer, sequence } from "../der/reader.ts";
import { bitStringOctets } from "../der/values.ts";
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

export function buildLeaf(request: LeafRequest, ca: X509, random: Random): Leaf {
	const serial = drawSerialNumber(random);
	const notBefore = wholeSecond(request.now.getTime() - backdate);
	const wanted = notBefore.getTime() + lifetimeDays * day;
	const notAfter = wholeSecond(Math.min(wanted, ca.notAfter.getTime()));
	const tbs = sequenceOf(
		contextOf(0, integer(2)),
		integer(serial),
		caSignatureAlgorithm(ca),
		ca.subject,
		sequenceOf(time(notBefore), time(notAfter)),
		writeName(request.subject),
		request.publicKeyInfo,
		contextOf(3, sequenceOf(...extensions(request, ca))),
	);
	return { tbs, serialNumber: Buffer.from(serial).toString("hex"), notBefore, notAfter };
}

const wholeSecond = (milliseconds: number): Date => new Date(Math.floor(milliseconds / 1000) * 1000);

/** AlgorithmIdentifier of the CA's signatures: SHA-256 with its key's type. */
export function caSignatureAlgorithm(ca: X509): Uint8Array {
	const rsa = ca.publicKey.asymmetricKeyType === "rsa";
	return rsa
		? algorithmIdentifier(signatureOid("rsa", "sha256"), nullValue())
		: algorithmIdentifier(signatureOid("ec", "sha256"));
}

function extensions(request: LeafRequest, ca: X509): Uint8Array[] {
	const { digitalSignature, keyEncipherment } = keyUsageBit;
	const names = generalNames(request.subjectAltName);
	// Only the client identity may log in anywhere; the one of the enrollment opens profiles and signs requests.
	const usage = request.purpose === "client" ? oids.clientAuth : oids.emailProtection;
	const all = [
		extension(oids.basicConstraints, true, sequenceOf()),
		extension(oids.keyUsage, true, namedBitString(digitalSignature, keyEncipherment)),
		extension(oids.extKeyUsage, false, sequenceOf(objectIdentifier(usage))),
		extension(oids.subjectKeyIdentifier, false, octetString(keyIdentifier(request.publicKeyInfo))),
	];
	const issuerKey = ca.subjectKeyIdentifier;
	if (issuerKey !== null) {
		const identifier = contextPrimitive(0, Buffer.from(issuerKey, "hex"));
		all.push(extension(oids.authorityKeyIdentifier, false, sequenceOf(identifier)));
	}
	if (names.length > 0) all.push(extension(oids.subjectAltName, false, sequenceOf(...names)));
	return all;
}

const extension = (id: string, critical: boolean, value: Uint8Array): Uint8Array =>
	sequenceOf(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));

/** rfc822Name [1] (RFC 5280 section 4.2.1.6). */
function generalNames(names: SubjectAltName): Uint8Array[] {
	return names.rfc822Name ? [contextPrimitive(1, Buffer.from(names.rfc822Name, "ascii"))] : [];
}

/** RFC 5280 section 4.2.1.2, method 1: SHA-1 of the key's bits. */
function keyIdentifier(publicKeyInfo: Uint8Array): Uint8Array {
	const fields = sequence(readDer(publicKeyInfo), "SubjectPublicKeyInfo");
	fields.take();
	return createHash("sha1").update(bitStringOctets(fields.take())).digest();
}
