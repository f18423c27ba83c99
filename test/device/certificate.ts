/**
 * Makes the certificates of the emulated world (fake Apple CA, device identities, self-signed SCEP signers)
 * and reads those of the server (RFC 5280).
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
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
import { type Element, isContext, octets, oidOf, parseBer, sequenceOf } from "./der-reader.ts";
import { ensure } from "./errors.ts";
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
	if (publicKey.asymmetricKeyType === "rsa") {
		return sequence(algorithm(oids.rsaEncryption), bitString(rsaPublicKey(publicKey)));
	}
	return new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
}

/** DER of the PKCS#1 RSAPublicKey (RFC 8017 appendix A.1.1). Written here: OpenSSL's encoder takes thirty times as long. */
export function rsaPublicKey(publicKey: KeyObject): Uint8Array {
	const { n = "", e = "" } = publicKey.export({ format: "jwk" });
	return sequence(integer(Buffer.from(n, "base64url")), integer(Buffer.from(e, "base64url")));
}

/** SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2, method 1). */
function keyIdentifier(spki: Uint8Array): Uint8Array {
	const [, bits] = sequenceOf(parseBer(spki, "public key"), "public key");
	ensure(bits?.tag === 3, "public key", "The public key's bits are missing.");
	return new Uint8Array(createHash("sha1").update(bits.content.subarray(1)).digest());
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
	/** OpenSSL's reading of it, made when first asked for, as are the key and the dates. */
	readonly x509: X509Certificate;
	readonly publicKey: KeyObject;
	readonly notBefore: Date;
	readonly notAfter: Date;
	readonly issuer: Uint8Array;
	readonly subject: Uint8Array;
	readonly serialNumber: Uint8Array;
	/** Lower-case hex without leading zero octets. */
	readonly serialHex: string;
	/** DER of the SubjectPublicKeyInfo. */
	readonly publicKeyInfo: Uint8Array;
	/** Bit numbers; null when there is no keyUsage extension. */
	readonly keyUsage: ReadonlySet<number> | null;
	readonly ca: boolean;
}

type ParsedFields = Omit<CertificateFields, "x509" | "publicKey" | "notBefore" | "notAfter">;

class ReadCertificate implements CertificateFields {
	readonly issuer: Uint8Array;
	readonly subject: Uint8Array;
	readonly serialNumber: Uint8Array;
	readonly serialHex: string;
	readonly publicKeyInfo: Uint8Array;
	readonly keyUsage: ReadonlySet<number> | null;
	readonly ca: boolean;
	#x509: X509Certificate | undefined;
	#publicKey: KeyObject | undefined;
	#dates: [Date, Date] | undefined;

	constructor(
		private readonly der: Uint8Array,
		parsed: ParsedFields,
	) {
		this.issuer = parsed.issuer;
		this.subject = parsed.subject;
		this.serialNumber = parsed.serialNumber;
		this.serialHex = parsed.serialHex;
		this.publicKeyInfo = parsed.publicKeyInfo;
		this.keyUsage = parsed.keyUsage;
		this.ca = parsed.ca;
	}

	get x509(): X509Certificate {
		this.#x509 ??= new X509Certificate(this.der);
		return this.#x509;
	}

	get publicKey(): KeyObject {
		this.#publicKey ??= this.x509.publicKey;
		return this.#publicKey;
	}

	get notBefore(): Date {
		return this.dates()[0];
	}

	get notAfter(): Date {
		return this.dates()[1];
	}

	private dates(): [Date, Date] {
		this.#dates ??= [new Date(this.x509.validFrom), new Date(this.x509.validTo)];
		return this.#dates;
	}
}

const step = "certificate";

/** Reads a DER certificate. Throws when it does not parse. */
export function readCertificate(der: Uint8Array): CertificateFields {
	const [tbs] = sequenceOf(parseBer(der, step), step);
	const fields = [...sequenceOf(tbs, step)];
	if (isContext(fields[0], 0)) fields.shift();
	const [serial, , issuer, , subject, publicKeyInfo, ...more] = fields;
	ensure(serial?.tag === 2 && issuer && subject && publicKeyInfo, step, "The certificate's fields are not in order.");
	const extensions = readExtensions(more.find((one) => isContext(one, 3)));
	const hex = Buffer.from(serial.content).toString("hex");
	const usage = extensions.get(oids.keyUsage);
	const isCa = extensions.get(oids.basicConstraints)?.members?.[0];
	return new ReadCertificate(der, {
		issuer: issuer.raw,
		subject: subject.raw,
		serialNumber: serial.raw,
		serialHex: hex.replace(/^(00)+(?=..)/, ""),
		publicKeyInfo: publicKeyInfo.raw,
		keyUsage: usage ? bitNumbers(usage.content.subarray(1)) : null,
		ca: isCa?.tag === 1 && isCa.content[0] !== 0,
	});
}

/** The values of the extensions that the device looks at, by OID. */
function readExtensions(wrapped: Element | undefined): Map<string, Element> {
	const values = new Map<string, Element>();
	if (!wrapped) return values;
	for (const one of sequenceOf(wrapped.members?.[0], step)) {
		const parts = sequenceOf(one, step);
		const type = oidOf(parts[0], step);
		ensure(!values.has(type), step, `The extension ${type} is there twice.`);
		if (type !== oids.keyUsage && type !== oids.basicConstraints) continue;
		const value = parseBer(octets(parts.at(-1), step), step);
		ensure(value.tag === (type === oids.keyUsage ? 3 : 0x30), step, `The extension ${type} is malformed.`);
		values.set(type, value);
	}
	return values;
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
	return issuer.ca && certificate.x509.checkIssued(issuer.x509) && certificate.x509.verify(issuer.publicKey);
}

/** Whether a certificate's public key is that of `key`. */
export function certifies(certificate: Uint8Array, key: KeyObject): boolean {
	return Buffer.from(publicKeyInfo(key)).equals(readCertificate(certificate).publicKeyInfo);
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
