/** Reads BER (X.690) into a tree of views on the message, strictly and bounded, and judges whether bytes are DER (section 10). */
import { ensure } from "./errors.ts";

/** One element. Its bytes are views on the message it was read from. */
export interface Element {
	/** The identifier octet: class, constructed bit and number (30 at the most). */
	tag: number;
	/** The element's own bytes as received. */
	raw: Uint8Array;
	/** The contents octets, without the end-of-contents of an indefinite length. */
	content: Uint8Array;
	/** Of a constructed element; null of a primitive one. */
	members: readonly Element[] | null;
}

/** Makes a tree of bytes; refuses trailing ones. Throws DeviceError of `step`. */
export type BerParser = (bytes: Uint8Array, step: string) => Element;

const deepest = 32;

/** The one element that `bytes` are. */
export const parseBer: BerParser = (bytes, step) => {
	const element = readElement(bytes, 0, deepest);
	ensure(element, step, "The message is not ASN.1.");
	ensure(element.raw.length === bytes.length, step, "There are bytes after the message's end.");
	return element;
};

/** The element at `at`; null when there is none. */
function readElement(bytes: Uint8Array, at: number, depth: number): Element | null {
	const tag = bytes[at];
	const first = bytes[at + 1];
	if (tag === undefined || first === undefined || depth === 0 || !isReadable(tag)) return null;
	if (first === 0x80) return tag & 0x20 ? readIndefinite(bytes, at, depth) : null;
	const count = first < 0x80 ? 0 : first & 0x7f;
	let length = first < 0x80 ? first : 0;
	for (let i = 0; i < count; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0);
	const from = at + 2 + count;
	const to = from + length;
	if (count > 4 || to > bytes.length) return null;
	const content = bytes.subarray(from, to);
	const members = tag & 0x20 ? readMembers(content, depth - 1) : null;
	if (tag & 0x20 && members === null) return null;
	return { tag, raw: bytes.subarray(at, to), content, members };
}

/**
 * Tag numbers up to 30. Of the universal ones SEQUENCE and SET are constructed, OCTET STRING may be (as Apple streams it), others
 * are not in anything that the device reads; an end-of-contents (0) is no element.
 */
function isReadable(tag: number): boolean {
	if ((tag & 0x1f) === 0x1f) return false;
	if (tag >= 0x40) return true;
	const isConstructed = (tag & 0x20) !== 0;
	return isConstructed ? tag === 0x24 || tag === 0x30 || tag === 0x31 : tag !== 0 && tag !== 0x10 && tag !== 0x11;
}

function readMembers(content: Uint8Array, depth: number): Element[] | null {
	const members: Element[] = [];
	for (let at = 0; at < content.length; ) {
		const member = readElement(content, at, depth);
		if (member === null) return null;
		members.push(member);
		at += member.raw.length;
	}
	return members;
}

/** An element whose end is told by two zero octets (section 8.1.3.6). */
function readIndefinite(bytes: Uint8Array, start: number, depth: number): Element | null {
	const members: Element[] = [];
	for (let at = start + 2; at < bytes.length; ) {
		if (bytes[at] === 0 && bytes[at + 1] === 0) {
			const content = bytes.subarray(start + 2, at);
			return { tag: bytes[start] as number, raw: bytes.subarray(start, at + 2), content, members };
		}
		const member = readElement(bytes, at, depth - 1);
		if (member === null) return null;
		members.push(member);
		at += member.raw.length;
	}
	return null;
}

function membersOf(element: Element | undefined, tag: number, what: string, step: string): readonly Element[] {
	ensure(element?.tag === tag && element.members, step, `${what} is missing in the message.`);
	return element.members;
}

/** The members of a SEQUENCE. */
export const sequenceOf = (element: Element | undefined, step: string): readonly Element[] =>
	membersOf(element, 0x30, "A SEQUENCE", step);

/** The members of a SET. */
export const setMembers = (element: Element | undefined, step: string): readonly Element[] =>
	membersOf(element, 0x31, "A SET", step);

/** Dotted digits of an OBJECT IDENTIFIER. */
export function oidOf(element: Element | undefined, step: string): string {
	ensure(element?.tag === 6 && element.content.length > 0, step, "An OBJECT IDENTIFIER is missing in the message.");
	const arcs: number[] = [];
	let arc = 0;
	for (const octet of element.content) {
		arc = arc * 128 + (octet & 0x7f);
		if (octet & 0x80) continue;
		arcs.push(arc);
		arc = 0;
	}
	ensure((element.content.at(-1) ?? 0) < 0x80, step, "An OBJECT IDENTIFIER breaks off.");
	const [first = 0, ...rest] = arcs;
	const top = Math.min(Math.floor(first / 40), 2);
	return [top, first - top * 40, ...rest].join(".");
}

/** Whether it is constructed [number]. */
export function isContext(
	element: Element | undefined,
	number: number,
): element is Element & { members: readonly Element[] } {
	return element?.tag === (0xa0 | number);
}

/** The octets of an OCTET STRING, primitive or constructed, or of an implicitly tagged one. */
export function octets(element: Element | undefined, step: string): Uint8Array {
	const isString = element && ((element.tag & 0xdf) === 4 || (element.tag & 0xc0) === 0x80);
	ensure(isString, step, "An OCTET STRING is missing in the message.");
	if (element.members === null) return element.content;
	return new Uint8Array(Buffer.concat(element.members.map((part) => octets(part, step))));
}

/** Why the bytes are not DER, or null: indefinite or non-minimal lengths, constructed strings, unsorted SETs. */
export function derFault(bytes: Uint8Array): string | null {
	return faultIn(bytes, 0, bytes.length);
}

function faultIn(bytes: Uint8Array, from: number, to: number): string | null {
	for (let at = from; at < to; ) {
		const header = derHeader(bytes, at);
		if (typeof header === "string") return header;
		if (header.to > to) return "an element ends beyond its parent";
		const tag = bytes[at] ?? 0;
		const fault = tag & 0x20 ? faultIn(bytes, header.from, header.to) : null;
		if (fault) return fault;
		if (tag === 0x31 && !isSorted(bytes, header.from, header.to)) return "a SET whose members are not in order";
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

/** Whether the members of a SET come in ascending order; their headers were found good already. */
function isSorted(bytes: Uint8Array, from: number, to: number): boolean {
	let previous: Uint8Array | undefined;
	for (let at = from; at < to; ) {
		const header = derHeader(bytes, at);
		if (typeof header === "string") return false;
		const member = bytes.subarray(at, header.to);
		if (previous && Buffer.compare(previous, member) > 0) return false;
		previous = member;
		at = header.to;
	}
	return true;
}
