/** Reads BER through asn1js with the checks that asn1js leaves out, and judges whether bytes are DER (X.690 section 10). */
import * as asn1js from "asn1js";
import { ensure } from "./errors.ts";

/** The one element that `bytes` are; refuses trailing bytes. Throws DeviceError of `step`. */
export function parseBer(bytes: Uint8Array, step: string): asn1js.AsnType {
	const copy = new Uint8Array(bytes);
	const { offset, result } = asn1js.fromBER(copy);
	ensure(offset !== -1, step, "The message is not ASN.1.");
	ensure(offset === copy.length, step, "There are bytes after the message's end.");
	return result;
}

/** The children of a SEQUENCE. */
export function sequenceOf(element: asn1js.AsnType | undefined, step: string): asn1js.AsnType[] {
	ensure(element instanceof asn1js.Sequence, step, "A SEQUENCE is missing in the message.");
	return element.valueBlock.value as asn1js.AsnType[];
}

/** The children of a SET. */
export function setMembers(element: asn1js.AsnType | undefined, step: string): asn1js.AsnType[] {
	ensure(element instanceof asn1js.Set, step, "A SET is missing in the message.");
	return element.valueBlock.value as asn1js.AsnType[];
}

/** Dotted digits of an OBJECT IDENTIFIER. */
export function oidOf(element: asn1js.AsnType | undefined, step: string): string {
	ensure(element instanceof asn1js.ObjectIdentifier, step, "An OBJECT IDENTIFIER is missing in the message.");
	return element.valueBlock.toString();
}

/** Whether it is constructed [number]. */
export function isContext(element: asn1js.AsnType | undefined, number: number): element is asn1js.Constructed {
	return (
		element instanceof asn1js.Constructed && element.idBlock.tagClass === 3 && element.idBlock.tagNumber === number
	);
}

/** The octets of an OCTET STRING, primitive or constructed, or of an implicitly tagged one. */
export function octets(element: asn1js.AsnType | undefined, step: string): Uint8Array {
	if (element instanceof asn1js.OctetString) return new Uint8Array(element.getValue());
	if (element instanceof asn1js.Primitive) return new Uint8Array(element.valueBlock.valueHexView);
	ensure(element instanceof asn1js.Constructed, step, "An OCTET STRING is missing in the message.");
	const parts = (element.valueBlock.value as asn1js.AsnType[]).map((part) => octets(part, step));
	return new Uint8Array(Buffer.concat(parts));
}

/** The element's own bytes as received. */
export function rawBytes(element: asn1js.AsnType): Uint8Array {
	return new Uint8Array(element.valueBeforeDecodeView);
}

/** Why the bytes are not DER, or null: indefinite or non-minimal lengths, constructed strings, unsorted SETs. */
export function derFault(bytes: Uint8Array): string | null {
	for (let at = 0; at < bytes.length; ) {
		const header = derHeader(bytes, at);
		if (typeof header === "string") return header;
		const tag = bytes[at] ?? 0;
		const content = bytes.subarray(header.from, header.to);
		if (header.to > bytes.length) return "an element ends beyond its parent";
		const fault = tag & 0x20 ? (derFault(content) ?? setFault(tag, content)) : null;
		if (fault) return fault;
		at = header.to;
	}
	return null;
}

function derHeader(bytes: Uint8Array, at: number): { from: number; to: number } | string {
	const tag = bytes[at] ?? 0;
	if ((tag & 0x1f) === 0x1f) return "a tag number above 30";
	if (tag === 0x24 || tag === 0x23) return "a constructed string";
	const first = bytes[at + 1];
	if (first === undefined) return "a length is missing";
	if (first === 0x80) return "an indefinite length";
	if (first < 0x80) return { from: at + 2, to: at + 2 + first };
	const count = first & 0x7f;
	let length = 0;
	for (let i = 0; i < count; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0);
	const minimal = bytes[at + 2] !== 0 && (count > 1 || length >= 128);
	return minimal ? { from: at + 2 + count, to: at + 2 + count + length } : "a length that is longer than needed";
}

function setFault(tag: number, content: Uint8Array): string | null {
	if (tag !== 0x31) return null;
	const members: Uint8Array[] = [];
	for (let at = 0; at < content.length; ) {
		const header = derHeader(content, at);
		if (typeof header === "string") return header;
		members.push(content.subarray(at, header.to));
		at = header.to;
	}
	const sorted = members.every((one, i) => i === 0 || Buffer.compare(members[i - 1] as Uint8Array, one) <= 0);
	return sorted ? null : "a SET whose members are not in order";
}
