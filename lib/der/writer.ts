/** Writes DER (X.690 section 10): each function returns the octets of one TLV. */
import { nameAttributes, oids } from "./oids.ts";
import { tag } from "./reader.ts";

/** One TLV: identifier octet and content parts. */
export function tlv(identifier: number, ...parts: readonly Uint8Array[]): Uint8Array {
	let length = 0;
	for (const part of parts) length += part.length;
	const header = lengthOctets(length);
	const out = new Uint8Array(1 + header.length + length);
	out[0] = identifier;
	out.set(header, 1);
	let at = 1 + header.length;
	for (const part of parts) {
		out.set(part, at);
		at += part.length;
	}
	return out;
}

function lengthOctets(length: number): number[] {
	if (length < 0x80) return [length];
	const octets: number[] = [];
	for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff);
	return [0x80 | octets.length, ...octets];
}

export const sequenceOf = (...parts: readonly Uint8Array[]): Uint8Array => tlv(tag.sequence, ...parts);

/** SET OF: the elements in ascending order of their encodings (X.690 section 11.6). */
export const setOf = (...parts: readonly Uint8Array[]): Uint8Array => tlv(tag.set, ...sorted(parts));
export const sorted = (parts: readonly Uint8Array[]): Uint8Array[] => [...parts].sort(Buffer.compare);

/** A non-negative INTEGER from a number, or from unsigned big-endian octets. */
export function integer(value: number | Uint8Array): Uint8Array {
	const octets = typeof value === "number" ? numberOctets(value) : value;
	let start = 0;
	while (start < octets.length - 1 && octets[start] === 0) start += 1;
	const trimmed = octets.subarray(start);
	const pad = (trimmed[0] ?? 0) >= 0x80 || trimmed.length === 0;
	return pad ? tlv(tag.integer, Uint8Array.of(0), trimmed) : tlv(tag.integer, trimmed);
}

function numberOctets(value: number): Uint8Array {
	const hex = value.toString(16);
	return Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
}

/** One octet: no list of the standards is longer. */
export const enumerated = (value: number): Uint8Array => tlv(tag.enumerated, Uint8Array.of(value));
export const boolean = (value: boolean): Uint8Array => tlv(tag.boolean, Uint8Array.of(value ? 0xff : 0));
export const nullValue = (): Uint8Array => Uint8Array.of(tag.null, 0);
export const octetString = (content: Uint8Array): Uint8Array => tlv(tag.octetString, content);
export const bitString = (content: Uint8Array): Uint8Array => tlv(tag.bitString, Uint8Array.of(0), content);

/** BIT STRING of named bits: trailing zero bits are cut (X.690 section 11.2.2). */
export function namedBitString(...bits: readonly number[]): Uint8Array {
	const highest = Math.max(...bits);
	const octets = new Uint8Array(Math.floor(highest / 8) + 1);
	for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] as number) | (0x80 >> (bit & 7));
	return tlv(tag.bitString, Uint8Array.of(7 - (highest & 7)), octets);
}

/** Those of `oids.ts` are encoded once: the octets are shared, and nobody writes into them. */
export const objectIdentifier = (dotted: string): Uint8Array => known.get(dotted) ?? encodeObjectIdentifier(dotted);

function encodeObjectIdentifier(dotted: string): Uint8Array {
	const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
	const octets: number[] = [];
	for (const arc of [first * 40 + second, ...rest]) {
		const group = [arc % 128];
		for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) group.unshift((left % 128) | 0x80);
		octets.push(...group);
	}
	return tlv(tag.oid, Uint8Array.from(octets));
}

const known: ReadonlyMap<string, Uint8Array> = new Map(
	[...Object.values(oids), ...Object.values(nameAttributes)].map((dotted) => [dotted, encodeObjectIdentifier(dotted)]),
);

const encoder = new TextEncoder();
export const printableString = (text: string): Uint8Array => tlv(tag.printableString, Buffer.from(text, "latin1"));
export const utf8String = (text: string): Uint8Array => tlv(tag.utf8String, encoder.encode(text));
export const ia5String = (text: string): Uint8Array => tlv(tag.ia5String, Buffer.from(text, "latin1"));

/** PrintableString when the characters allow (X.680 section 41.4), else UTF8String. */
export const directoryString = (text: string): Uint8Array =>
	/^[A-Za-z0-9 '()+,\-./:=?]+$/.test(text) ? printableString(text) : utf8String(text);

/** UTCTime through 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). Whole seconds. */
export function time(date: Date): Uint8Array {
	const year = date.getUTCFullYear();
	if (year < 1950 || year >= 2050) return generalizedTime(date);
	return tlv(tag.utcTime, Buffer.from(`${digitsOf(date).slice(2)}Z`, "latin1"));
}

/** For the standards that take no UTCTime. Whole seconds. */
export const generalizedTime = (date: Date): Uint8Array =>
	tlv(tag.generalizedTime, Buffer.from(`${digitsOf(date)}Z`, "latin1"));

const digitsOf = (date: Date): string => date.toISOString().replace(/[-:T]/g, "").slice(0, 14);

/** `[n] EXPLICIT`, or `[n] IMPLICIT` of a constructed type given its parts. */
export const contextOf = (number: number, ...parts: readonly Uint8Array[]): Uint8Array => tlv(0xa0 | number, ...parts);
/** `[n] IMPLICIT` of a primitive type, given its content octets. */
export const contextPrimitive = (number: number, content: Uint8Array): Uint8Array => tlv(0x80 | number, content);

/** AlgorithmIdentifier; parameters absent unless given. */
export const algorithmIdentifier = (dotted: string, parameters?: Uint8Array): Uint8Array =>
	parameters ? sequenceOf(objectIdentifier(dotted), parameters) : sequenceOf(objectIdentifier(dotted));
