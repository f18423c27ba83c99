/** Elements as values (X.690 section 8): numbers, OIDs, strings, times. Each throws `malformed` on anything else. */
import { type Element, malformed, tag } from "./reader.ts";

/** Content octets of an INTEGER as unsigned lower-case hex without leading zero octets; negative is an error. */
export function unsignedHex(element: Element): string {
	if (element.tag !== tag.integer) throw malformed("INTEGER expected");
	const content = element.content;
	if ((content[0] as number) >= 0x80) throw malformed("INTEGER is negative");
	const hex = toHex(content[0] === 0 && content.length > 1 ? content.subarray(1) : content);
	return hex;
}

/** A small non-negative INTEGER. */
export function smallInteger(element: Element): number {
	const hex = unsignedHex(element);
	if (hex.length > 8) throw malformed("INTEGER is too large");
	return Number.parseInt(hex, 16);
}

/** An ENUMERATED of one octet, as all lists of the standards here are. */
export function enumerated(element: Element): number {
	const [value = 0x80] = element.content;
	if (element.tag !== tag.enumerated || element.content.length !== 1 || value >= 0x80) {
		throw malformed("ENUMERATED expected");
	}
	return value;
}

export function boolean(element: Element): boolean {
	const [value] = element.content;
	if (element.tag !== tag.boolean || (value !== 0 && value !== 0xff)) throw malformed("BOOLEAN expected");
	return value === 0xff;
}

/** Dotted form. Arcs are limited to 2^53. */
export function oid(element: Element): string {
	if (element.tag !== tag.oid) throw malformed("OBJECT IDENTIFIER expected");
	const arcs: number[] = [];
	let value = 0;
	let fresh = true;
	for (const octet of element.content) {
		if (fresh && octet === 0x80) throw malformed("OID not minimal");
		value = value * 128 + (octet & 0x7f);
		if (value > Number.MAX_SAFE_INTEGER) throw malformed("OID arc too large");
		fresh = octet < 0x80;
		if (!fresh) continue;
		if (arcs.length === 0) {
			const first = Math.min(2, Math.floor(value / 40));
			arcs.push(first, value - first * 40);
		} else arcs.push(value);
		value = 0;
	}
	if (!fresh) throw malformed("OID truncated");
	return arcs.join(".");
}

/**
 * Content of an OCTET STRING. BER's constructed form is joined (a copy); `implicit` is the tag that stands
 * for it where the string is tagged, such as [0] in EncryptedContentInfo.
 */
export function octets(element: Element, implicit?: number): Uint8Array {
	const primitive = implicit ?? tag.octetString;
	if (element.tag === primitive) return element.content;
	if (element.tag !== (primitive | 0x20)) throw malformed("OCTET STRING expected");
	return Buffer.concat(element.children.map((child) => octets(child)));
}

/** Content of a BIT STRING with no unused bits. */
export function bitStringOctets(element: Element): Uint8Array {
	if (element.tag !== tag.bitString || element.content[0] !== 0) throw malformed("BIT STRING expected");
	return element.content.subarray(1);
}

/** Named bits of a BIT STRING, bit 0 first, as in keyUsage. */
export function namedBits(element: Element): ReadonlySet<number> {
	const [unused, ...rest] = element.content;
	if (element.tag !== tag.bitString || unused === undefined || unused > 7 || rest.length > 8) {
		throw malformed("BIT STRING expected");
	}
	if (rest.length === 0 && unused !== 0) throw malformed("BIT STRING with a wrong count of unused bits");
	if ((rest.at(-1) ?? 0) & ((1 << unused) - 1)) throw malformed("BIT STRING with unused bits that are set");
	const bits = new Set<number>();
	rest.forEach((octet, index) => {
		for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) bits.add(index * 8 + bit);
	});
	return bits;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of any of the character string types. */
export function text(element: Element): string {
	const content = element.content;
	switch (element.tag) {
		case tag.utf8String:
			return decodeUtf8(content);
		case tag.printableString:
		case tag.ia5String:
			if (content.some((octet) => octet > 0x7e || octet < 0x20)) throw malformed("string of unexpected characters");
			return Buffer.from(content).toString("latin1");
		case tag.teletexString:
			return Buffer.from(content).toString("latin1");
		case tag.bmpString:
			return decodeBmp(content);
		case tag.universalString:
			return decodeUniversal(content);
		default:
			throw malformed("character string expected");
	}
}

function decodeUtf8(content: Uint8Array): string {
	try {
		return utf8.decode(content);
	} catch (cause) {
		throw Object.assign(malformed("UTF8String is not UTF-8"), { cause });
	}
}

function decodeBmp(content: Uint8Array): string {
	if (content.length % 2 !== 0) throw malformed("BMPString of an odd length");
	const text = Buffer.from(content).swap16().toString("utf16le");
	if (/[\ud800-\udfff]/.test(text)) throw malformed("BMPString with a surrogate");
	return text;
}

function decodeUniversal(content: Uint8Array): string {
	const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
	if (content.length % 4 !== 0) throw malformed("UniversalString of an odd length");
	let text = "";
	for (let at = 0; at < content.length; at += 4) {
		const code = view.getUint32(at);
		if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw malformed("UniversalString with no character");
		text += String.fromCodePoint(code);
	}
	return text;
}

/** UTCTime or GeneralizedTime in RFC 5280's forms (section 4.1.2.5): seconds present, Z. */
export function time(element: Element): Date {
	const digits = Buffer.from(element.content).toString("latin1");
	const long = element.tag === tag.generalizedTime;
	if (!long && element.tag !== tag.utcTime) throw malformed("time expected");
	const match = (long ? /^(\d{4})(\d{10})Z$/ : /^(\d{2})(\d{10})Z$/).exec(digits);
	if (!match) throw malformed("time of an unexpected form");
	const [, head = "", rest = ""] = match;
	const year = long ? Number(head) : Number(head) + (Number(head) >= 50 ? 1900 : 2000);
	const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = (rest.match(/../g) ?? []).map(Number);
	const value = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
	value.setUTCFullYear(year, month - 1, day);
	const sane =
		value.getUTCMonth() === month - 1 && value.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
	if (!sane) throw malformed("time that does not exist");
	return value;
}

export const toHex = (bytes: Uint8Array): string =>
	Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

/** Byte-for-byte equality. Not for secrets. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
	a.length === b.length && Buffer.compare(a, b) === 0;
