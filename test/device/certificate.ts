/**
 * Makes the certificates of the emulated world (fake Apple CA, device identities, self-signed SCEP signers)
 * and reads those of the server (RFC 5280).
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import * as asn1js from "asn1js";
import { BasicConstraints, Certificate } from "pkijs";
import {
	algorithm,
	bitString,
	boolean,
	context,
	extension,
	integer,
	keyUsage,
	type Name,
	name,
	octetString,
	oid,
	sequence,
	time,
	tlv,
} from "./ber.ts";
import { type Digest, oids } from "./oids.ts";

/** A certificate (DER), its private key, and the issuers a device would send along (DER, nearest first). */
export interface Identity {
	certificate: Uint8Array;
	privateKey: KeyObject;
	chain: Uint8Array[];
}

/** Everything of a certificate that a test may want to bend. */
export interface CertificateOptions {
	subject: Name;
	/** The subject's key; a private key object gives its public half. */
	key: KeyObject;
	/** Absent: self-signed with `key`. */
	issuer?: { certificate: Uint8Array; privateKey: KeyObject };
	/** Big-endian magnitude; 16 random bytes unless told. */
	serialNumber?: Uint8Array;
	notBefore: Date;
	notAfter: Date;
	digest?: Digest;
	/** Bit numbers of KeyUsage; absent: no such extension. */
	keyUsage?: readonly number[];
	/** CA:TRUE, with a pathLenConstraint when given. */
	ca?: { pathLen?: number };
	/** basicConstraints present with CA:FALSE (ignored when `ca` is given). */
	endEntity?: boolean;
	/** EKU object identifiers. */
	extKeyUsage?: readonly string[];
	/** "malformed" repeats the flaw of a known leaked device certificate: not a KeyIdentifier but bare bytes. */
	authorityKeyIdentifier?: "good" | "malformed" | "absent";
	/** Further extensions, DER of each Extension. */
	extensions?: readonly Uint8Array[];
}

/** Signature AlgorithmIdentifier by key type and digest (RFC 4055, RFC 5758). */
export function signatureAlgorithm(key: KeyObject, digest: Digest): Uint8Array {
	const rsa: Record<Digest, string> = {
		md5: "1.2.840.113549.1.1.4",
		sha1: oids.sha1WithRSAEncryption,
		sha256: oids.sha256WithRSAEncryption,
		sha384: oids.sha384WithRSAEncryption,
		sha512: oids.sha512WithRSAEncryption,
	};
	const ecdsa: Record<Digest, string> = {
		md5: "1.2.840.10045.4.1",
		sha1: oids.ecdsaWithSHA1,
		sha256: oids.ecdsaWithSHA256,
		sha384: oids.ecdsaWithSHA384,
		sha512: oids.ecdsaWithSHA512,
	};
	return key.asymmetricKeyType === "ec" ? algorithm(ecdsa[digest], null) : algorithm(rsa[digest]);
}

/** DER of the SubjectPublicKeyInfo. */
export function publicKeyInfo(key: KeyObject): Uint8Array {
	const publicKey = key.type === "private" ? createPublicKey(key) : key;
	return new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
}

/** SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2, method 1). */
function keyIdentifier(spki: Uint8Array): Uint8Array {
	const [, bits] = (asn1js.fromBER(new Uint8Array(spki)).result as asn1js.Sequence).valueBlock.value;
	return new Uint8Array(
		createHash("sha1")
			.update((bits as asn1js.BitString).valueBlock.valueHexView)
			.digest(),
	);
}

function extensionsOf(options: CertificateOptions, issuerSpki: Uint8Array): Uint8Array[] {
	const list = [extension(oids.subjectKeyIdentifier, octetString(keyIdentifier(publicKeyInfo(options.key))))];
	const authority = tlv(0x80, keyIdentifier(issuerSpki));
	const aki = options.authorityKeyIdentifier ?? "good";
	if (aki === "good") list.push(extension(oids.authorityKeyIdentifier, sequence(authority)));
	if (aki === "malformed") list.push(extension(oids.authorityKeyIdentifier, authority));
	if (options.keyUsage) list.push(keyUsage(options.keyUsage));
	if (options.ca) {
		const pathLen = options.ca.pathLen === undefined ? [] : [integer(options.ca.pathLen)];
		list.push(extension(oids.basicConstraints, sequence(boolean(true), ...pathLen), true));
	} else if (options.endEntity) list.push(extension(oids.basicConstraints, sequence(), true));
	if (options.extKeyUsage) list.push(extension(oids.extKeyUsage, sequence(...options.extKeyUsage.map(oid))));
	return [...list, ...(options.extensions ?? [])];
}

/** A signed certificate, DER. */
export function buildCertificate(options: CertificateOptions): Uint8Array {
	const digest = options.digest ?? "sha256";
	const signingKey = options.issuer?.privateKey ?? options.key;
	const signature = signatureAlgorithm(signingKey, digest);
	const tbs = sequence(
		context(0, integer(2)),
		integer(options.serialNumber ?? positiveSerial()),
		signature,
		options.issuer ? readCertificate(options.issuer.certificate).subject : name(options.subject),
		sequence(time(options.notBefore), time(options.notAfter)),
		name(options.subject),
		publicKeyInfo(options.key),
		context(3, sequence(...extensionsOf(options, publicKeyInfo(signingKey)))),
	);
	return sequence(tbs, signature, bitString(new Uint8Array(sign(digest, tbs, signingKey))));
}

function positiveSerial(): Uint8Array {
	const serial = new Uint8Array(randomBytes(16));
	serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
	return serial;
}

/** What the device looks at in a certificate. Names and serial are DER elements, to be compared as bytes. */
export interface CertificateFields {
	x509: X509Certificate;
	issuer: Uint8Array;
	subject: Uint8Array;
	serialNumber: Uint8Array;
	/** Lower-case hex without leading zero octets. */
	serialHex: string;
	/** Bit numbers; null when there is no keyUsage extension. */
	keyUsage: ReadonlySet<number> | null;
	ca: boolean;
}

/** Reads a DER certificate. Throws when it does not parse. */
export function readCertificate(der: Uint8Array): CertificateFields {
	const parsed = Certificate.fromBER(new Uint8Array(der));
	const bits = parsed.extensions?.find((one) => one.extnID === oids.keyUsage)?.parsedValue as
		| asn1js.BitString
		| undefined;
	const constraints = parsed.extensions?.find((one) => one.extnID === oids.basicConstraints)?.parsedValue as unknown;
	const serial = new Uint8Array(parsed.serialNumber.valueBlock.valueHexView);
	return {
		x509: new X509Certificate(der),
		issuer: new Uint8Array(parsed.issuer.toSchema().toBER()),
		subject: new Uint8Array(parsed.subject.toSchema().toBER()),
		serialNumber: tlv(2, serial),
		serialHex: Buffer.from(serial)
			.toString("hex")
			.replace(/^(00)+(?=..)/, ""),
		keyUsage: bits ? bitNumbers(bits.valueBlock.valueHexView) : null,
		ca: constraints instanceof BasicConstraints && constraints.cA,
	};
}

function bitNumbers(octets: Uint8Array): Set<number> {
	const numbers = new Set<number>();
	for (let bit = 0; bit < octets.length * 8; bit++) {
		if ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) numbers.add(bit);
	}
	return numbers;
}

/** True when `issuer` is a CA that signed `certificate` (names, key identifiers and signature agree). */
export function isIssuedBy(certificate: CertificateFields, issuer: CertificateFields): boolean {
	return issuer.ca && certificate.x509.checkIssued(issuer.x509) && certificate.x509.verify(issuer.x509.publicKey);
}

/**
 * The certificates from `leaf` up to `top` through `pool`, DER, leaf first; null when there is no such way
 * or when one of them is outside its dates at `at`.
 */
export function findChainTo(
	leaf: Uint8Array,
	pool: readonly Uint8Array[],
	top: Uint8Array,
	at: Date,
): Uint8Array[] | null {
	const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);
	const chain = [leaf];
	for (let depth = 0; depth < 8; depth++) {
		const last = chain.at(-1) as Uint8Array;
		const fields = readCertificate(last);
		if (new Date(fields.x509.validFrom) > at || new Date(fields.x509.validTo) < at) return null;
		if (isSame(last, top)) return chain;
		const issuer = [top, ...pool].find((one) => !isSame(one, last) && isIssuedBy(fields, readCertificate(one)));
		if (!issuer) return null;
		chain.push(issuer);
	}
	return null;
}

/** Whether a certificate's public key is that of `key`. */
export function certifies(certificate: Uint8Array, key: KeyObject): boolean {
	const { publicKey } = readCertificate(certificate).x509;
	return Buffer.from(publicKeyInfo(publicKey)).equals(publicKeyInfo(key));
}

/** PEM of a DER certificate. */
export function pemOf(der: Uint8Array): string {
	const lines =
		Buffer.from(der)
			.toString("base64")
			.match(/.{1,64}/g) ?? [];
	return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** The DER certificates of a PEM text, in order. */
export function readPem(text: string): Uint8Array[] {
	const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
	return blocks.map((block) => new Uint8Array(new X509Certificate(block).raw));
}
