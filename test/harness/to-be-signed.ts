/** What a CA role is asked to sign, well-formed and not: built field by field, so that each can be bent. */
import * as der from "../../lib/der/writer.ts";

export const keyUsage = (...bits: number[]): Uint8Array => extension("2.5.29.15", der.namedBitString(...bits));
export const basicConstraints = (...parts: Uint8Array[]): Uint8Array =>
	extension("2.5.29.19", der.sequenceOf(...parts));
export const extendedKeyUsage = (...ids: string[]): Uint8Array =>
	plain("2.5.29.37", der.sequenceOf(...ids.map((id) => der.objectIdentifier(id))));
export const subjectKeyIdentifier = (): Uint8Array => plain("2.5.29.14", der.octetString(Buffer.alloc(20, 7)));
export const clientAuth = "1.3.6.1.5.5.7.3.2";

/** A critical extension. */
export function extension(id: string, value: Uint8Array): Uint8Array {
	return der.sequenceOf(der.objectIdentifier(id), der.boolean(true), der.octetString(value));
}
export function plain(id: string, value: Uint8Array): Uint8Array {
	return der.sequenceOf(der.objectIdentifier(id), der.octetString(value));
}

/** RDNSequence of one CN, as selfSigned of certificate.ts names its CA. */
export const nameOf = (commonName: string): Uint8Array =>
	der.sequenceOf(der.setOf(der.sequenceOf(der.objectIdentifier("2.5.4.3"), der.utf8String(commonName))));

export const rsaWith = {
	sha256: der.algorithmIdentifier("1.2.840.113549.1.1.11", der.nullValue()),
	sha384: der.algorithmIdentifier("1.2.840.113549.1.1.12", der.nullValue()),
	sha512: der.algorithmIdentifier("1.2.840.113549.1.1.13", der.nullValue()),
} as const;

/** An RSA key of nobody's, of so many octets. */
export function rsaKey(octets = 256, exponent = 65_537, filling = 0xd5): Uint8Array {
	const modulus = der.integer(Buffer.alloc(octets, filling));
	const key = der.sequenceOf(modulus, der.integer(exponent));
	return der.sequenceOf(der.algorithmIdentifier("1.2.840.113549.1.1.1", der.nullValue()), der.bitString(key));
}

/** What the template gives to a device's certificate of a CA without an identifier of its key. */
export const deviceExtensions = [
	basicConstraints(),
	keyUsage(0, 2),
	extendedKeyUsage(clientAuth),
	subjectKeyIdentifier(),
];

const day = 86_400_000;
export const after = (days: number): Date => new Date(Math.floor(Date.now() / 1000) * 1000 + days * day);

export interface CertificateFields {
	/** CN of the CA. */
	issuer: string;
	version: Uint8Array[];
	serial: Uint8Array;
	algorithm: Uint8Array;
	/** Days from now. */
	validity: [from: number, to: number];
	subject: Uint8Array;
	publicKeyInfo: Uint8Array;
	extensions: Uint8Array[];
	/** What stands behind the extensions. */
	more: Uint8Array[];
}

/** The TBSCertificate of a device, as the CA `ca` may sign it. */
export function tbsCertificate(fields: Partial<CertificateFields> = {}): Uint8Array {
	const { issuer = "ca", version = [der.contextOf(0, der.integer(2))], validity = [0, 397], more = [] } = fields;
	const { extensions = deviceExtensions } = fields;
	return der.sequenceOf(
		...version,
		fields.serial ?? der.integer(Buffer.from("40d1ce5e71a140d1ce5e71a140d1ce5e", "hex")),
		fields.algorithm ?? rsaWith.sha256,
		nameOf(issuer),
		der.sequenceOf(der.time(after(validity[0])), der.time(after(validity[1]))),
		fields.subject ?? nameOf("device"),
		fields.publicKeyInfo ?? rsaKey(),
		...(extensions.length > 0 ? [der.contextOf(3, der.sequenceOf(...extensions))] : []),
		...more,
	);
}

export interface ListFields {
	issuer: string;
	version: Uint8Array[];
	algorithm: Uint8Array;
	/** thisUpdate and nextUpdate, days from now. */
	updates: number[];
	/** How many are revoked. */
	revoked: number;
	/** Extensions of each entry. */
	entry: Uint8Array[];
	extensions: Uint8Array[];
	more: Uint8Array[];
}

export const reason = (code: number): Uint8Array => plain("2.5.29.21", Uint8Array.of(10, 1, code));
export const cRLNumber = (number = 7): Uint8Array => plain("2.5.29.20", der.integer(number));

/** A TBSCertList, as the CA `ca` may sign it. */
export function tbsCertList(fields: Partial<ListFields> = {}): Uint8Array {
	const { issuer = "ca", version = [der.integer(1)], updates = [0, 7], revoked = 2, more = [] } = fields;
	const { entry = [reason(1)], extensions = [cRLNumber()] } = fields;
	const entries = Array.from({ length: revoked }, (_, index) =>
		der.sequenceOf(
			der.integer(index + 1),
			der.time(after(-1)),
			...(entry.length > 0 ? [der.sequenceOf(...entry)] : []),
		),
	);
	return der.sequenceOf(
		...version,
		fields.algorithm ?? rsaWith.sha256,
		nameOf(issuer),
		...updates.map((days) => der.time(after(days))),
		...(revoked > 0 ? [der.sequenceOf(...entries)] : []),
		...(extensions.length > 0 ? [der.contextOf(0, der.sequenceOf(...extensions))] : []),
		...more,
	);
}
