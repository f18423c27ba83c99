/**
 * Writes BER and DER (X.690): what Apple's encoder emits, indefinite lengths and constructed OCTET STRINGs
 * included, and what a hostile sender may emit. Reading is asn1js's job.
 */
import { oids } from "./oids.ts";

const empty = new Uint8Array(0);

/** The bytes one after another. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

function lengthOctets(length: number): Uint8Array {
	if (length < 128) return Uint8Array.of(length);
	const octets = magnitude(length);
	return Uint8Array.of(0x80 | octets.length, ...octets);
}

/** One element with definite length; `tag` is the identifier octet. */
export function tlv(tag: number, content: Uint8Array): Uint8Array {
	const length = lengthOctets(content.length);
	const element = new Uint8Array(1 + length.length + content.length);
	element[0] = tag;
	element.set(length, 1);
	element.set(content, 1 + length.length);
	return element;
}

/** A constructed element of indefinite length (X.690 section 8.1.3.6). */
export function indefinite(tag: number, children: readonly Uint8Array[]): Uint8Array {
	return concat([Uint8Array.of(tag, 0x80), ...children, Uint8Array.of(0, 0)]);
}

export const sequence = (...children: Uint8Array[]): Uint8Array => tlv(0x30, concat(children));
/** SET in the order given. */
export const set = (...children: Uint8Array[]): Uint8Array => tlv(0x31, concat(children));
/** SET OF in DER order (X.690 section 11.6). */
export const setOf = (children: readonly Uint8Array[]): Uint8Array => set(...[...children].sort(Buffer.compare));
/** [number], constructed. */
export const context = (number: number, ...children: Uint8Array[]): Uint8Array => tlv(0xa0 | number, concat(children));
export const nil = (): Uint8Array => tlv(5, empty);
export const boolean = (value: boolean): Uint8Array => tlv(1, Uint8Array.of(value ? 255 : 0));
export const octetString = (content: Uint8Array): Uint8Array => tlv(4, content);
export const bitString = (content: Uint8Array, unusedBits = 0): Uint8Array =>
	tlv(3, concat([Uint8Array.of(unusedBits), content]));

/** A non-negative INTEGER from a number or from big-endian magnitude bytes. */
export function integer(value: number | Uint8Array): Uint8Array {
	const bytes = typeof value === "number" ? Uint8Array.from(magnitude(value)) : value;
	const leading = bytes.findIndex((octet) => octet !== 0);
	if (leading === -1) return tlv(2, Uint8Array.of(0));
	const shortest = bytes.subarray(leading);
	return tlv(2, (shortest[0] ?? 0) & 0x80 ? concat([Uint8Array.of(0), shortest]) : shortest);
}

function magnitude(value: number): number[] {
	const bytes: number[] = [];
	for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 255);
	return bytes;
}

/** OBJECT IDENTIFIER from dotted digits. */
export function oid(dotted: string): Uint8Array {
	return known.get(dotted) ?? encodeOid(dotted);
}

function encodeOid(dotted: string): Uint8Array {
	const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
	return tlv(6, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

function base128(arc: number): number[] {
	const digits = [arc % 128];
	for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(128 + (rest % 128));
	return digits;
}

/** Of the identifiers that occur in every message. */
const known: ReadonlyMap<string, Uint8Array> = new Map(Object.values(oids).map((one) => [one, encodeOid(one)]));

/** OCTET STRING as Apple streams it: constructed, indefinite, in segments of `chunk` bytes; `tag` 0x24 or [0]. */
export function segmentedOctetString(content: Uint8Array, chunk: number, tag = 0x24): Uint8Array {
	const segments: Uint8Array[] = [];
	for (let at = 0; at < content.length; at += chunk) segments.push(octetString(content.subarray(at, at + chunk)));
	return indefinite(tag, segments);
}

/** The string types a DirectoryString or an IA5 field may come in. */
export type StringType = "utf8" | "printable" | "ia5" | "teletex" | "bmp" | "universal" | "numeric";
const stringTags: Record<StringType, number> = {
	utf8: 12,
	numeric: 18,
	printable: 19,
	teletex: 20,
	ia5: 22,
	universal: 28,
	bmp: 30,
};

/** A character string of any ASN.1 type. */
export function string(text: string, type: StringType = "utf8"): Uint8Array {
	if (type === "bmp") return tlv(30, new Uint8Array(Buffer.from(text, "utf16le").swap16()));
	if (type === "universal") return tlv(28, concat([...text].map(ucs4)));
	return tlv(stringTags[type], new Uint8Array(Buffer.from(text, type === "utf8" ? "utf8" : "latin1")));
}

function ucs4(character: string): Uint8Array {
	const code = Buffer.alloc(4);
	code.writeUInt32BE(character.codePointAt(0) ?? 0);
	return code;
}

/** UTCTime before 2050, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
export function time(date: Date): Uint8Array {
	const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
	const year = date.getUTCFullYear();
	const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "ascii"));
	return year >= 1950 && year < 2050 ? tlv(23, ascii(digits.slice(2))) : tlv(24, ascii(digits));
}

/** RelativeDistinguishedNames in order, one attribute each; the type is a short name or dotted digits. */
export type Name = readonly (readonly [type: string, value: string])[];

const nameTypes: Readonly<Record<string, string>> = {
	CN: "2.5.4.3",
	serialNumber: "2.5.4.5",
	C: "2.5.4.6",
	L: "2.5.4.7",
	ST: "2.5.4.8",
	O: "2.5.4.10",
	OU: "2.5.4.11",
	UID: "0.9.2342.19200300.100.1.1",
	DC: "0.9.2342.19200300.100.1.25",
	E: "1.2.840.113549.1.9.1",
};

/** Name (RFC 5280 section 4.1.2.4): PrintableString for C, IA5String for E and DC, UTF8String otherwise. */
export function name(attributes: Name): Uint8Array {
	const rdn = ([type, value]: readonly [string, string]): Uint8Array => {
		const encoding: StringType = type === "C" ? "printable" : type === "E" || type === "DC" ? "ia5" : "utf8";
		return set(sequence(oid(nameTypes[type] ?? type), string(value, encoding)));
	};
	return sequence(...attributes.map(rdn));
}

/** AlgorithmIdentifier; NULL parameters unless others are given, `null` for none. */
export function algorithm(identifier: string, parameters: Uint8Array | null = nil()): Uint8Array {
	return parameters === null ? sequence(oid(identifier)) : sequence(oid(identifier), parameters);
}

/** Attribute ::= SEQUENCE { type, SET OF value }. */
export function attribute(type: string, ...values: Uint8Array[]): Uint8Array {
	return sequence(oid(type), set(...values));
}

/** Extension (RFC 5280 section 4.1). */
export function extension(type: string, value: Uint8Array, critical = false): Uint8Array {
	return sequence(oid(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** KeyUsage bits by number: 0 digitalSignature, 2 keyEncipherment, 5 keyCertSign, 6 cRLSign. */
export function keyUsage(bits: readonly number[]): Uint8Array {
	const highest = Math.max(...bits);
	const octets = new Uint8Array(Math.floor(highest / 8) + 1);
	for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
	return extension(oids.keyUsage, bitString(octets, 7 - (highest & 7)), true);
}

/** SubjectAltName values that a device asks for. */
export interface SubjectAltNames {
	rfc822Name?: string;
	dNSName?: string;
	uniformResourceIdentifier?: string;
	/** userPrincipalName, as an otherName. */
	ntPrincipalName?: string;
}

/** The subjectAltName extension. */
export function subjectAltName(names: SubjectAltNames): Uint8Array {
	const ia5 = (tag: number, text?: string): Uint8Array[] =>
		text === undefined ? [] : [tlv(0x80 | tag, new Uint8Array(Buffer.from(text, "latin1")))];
	const principal =
		names.ntPrincipalName === undefined
			? []
			: [context(0, oid(oids.userPrincipalName), context(0, string(names.ntPrincipalName)))];
	const generalNames = [
		...principal,
		...ia5(1, names.rfc822Name),
		...ia5(2, names.dNSName),
		...ia5(6, names.uniformResourceIdentifier),
	];
	return extension(oids.subjectAltName, sequence(...generalNames));
}
