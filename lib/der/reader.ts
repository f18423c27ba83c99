/**
 * Reads BER and DER (X.690) into a tree of views on the given bytes: bounded in size, depth and count, without copies
 * and without allocating by a length field. DER is the default; `ber` also takes indefinite and non-minimal lengths,
 * as Apple's clients send them.
 */
import { OtaError } from "../errors.ts";

/** Identifier octets of the universal types that this project meets. */
export const tag = {
	boolean: 0x01,
	integer: 0x02,
	bitString: 0x03,
	octetString: 0x04,
	null: 0x05,
	oid: 0x06,
	enumerated: 0x0a,
	utf8String: 0x0c,
	printableString: 0x13,
	teletexString: 0x14,
	ia5String: 0x16,
	utcTime: 0x17,
	generalizedTime: 0x18,
	universalString: 0x1c,
	bmpString: 0x1e,
	sequence: 0x30,
	set: 0x31,
} as const;

/** `[n]` of the context class: constructed unless told. */
export const context = (number: number, constructed = true): number => (constructed ? 0xa0 : 0x80) | number;

export interface ReadOptions {
	/** Take BER's freedoms too. */
	ber?: boolean;
	/** Octets of the whole, 64 KiB unless told. */
	maxBytes?: number;
	/** Nesting, 32 unless told. */
	maxDepth?: number;
	/** Elements in all, 5,000 unless told. */
	maxElements?: number;
}

/** Universal types that X.690 section 8 always constructs (EXTERNAL, EMBEDDED PDV, SEQUENCE, SET, CHARACTER STRING) ... */
const alwaysConstructed: ReadonlySet<number> = new Set([8, 11, 16, 17, 29]);
/** ... and those it never does. The rest are strings, which BER may cut into segments. */
const neverConstructed: ReadonlySet<number> = new Set([0, 1, 2, 5, 6, 9, 10, 13]);

const maxIntegerBytes = 1100;
const maxOidBytes = 64;

export const malformed = (what: string): OtaError => new OtaError("malformed", what);

/** One TLV: where it lies, and its children when it is constructed. */
export class Element {
	children: readonly Element[] = [];
	constructor(
		private readonly source: Uint8Array,
		readonly tag: number,
		readonly start: number,
		readonly contentStart: number,
		readonly contentEnd: number,
		readonly end: number,
		readonly indefinite: boolean,
	) {}

	get constructed(): boolean {
		return (this.tag & 0x20) !== 0;
	}
	/** The whole TLV, a view. */
	get raw(): Uint8Array {
		return this.source.subarray(this.start, this.end);
	}
	/** The content octets, a view. */
	get content(): Uint8Array {
		return this.source.subarray(this.contentStart, this.contentEnd);
	}
	/** Does it, or anything in it, use an indefinite length? */
	get hasIndefinite(): boolean {
		return this.indefinite || this.children.some((child) => child.hasIndefinite);
	}
}

interface Walk {
	bytes: Uint8Array;
	ber: boolean;
	maxDepth: number;
	left: number;
}

/** The one element that `bytes` holds; trailing octets are an error. */
export function readDer(bytes: Uint8Array, options: ReadOptions = {}): Element {
	if (bytes.length > (options.maxBytes ?? 65_536)) throw new OtaError("too_large", "DER: larger than its limit");
	const walk = {
		bytes,
		ber: options.ber ?? false,
		maxDepth: options.maxDepth ?? 32,
		left: options.maxElements ?? 5000,
	};
	const element = readElement(walk, 0, bytes.length, 1);
	if (element.end !== bytes.length) throw malformed("DER: trailing octets");
	return element;
}

function readElement(walk: Walk, start: number, limit: number, depth: number): Element {
	if (depth > walk.maxDepth) throw malformed("DER: nested too deep");
	if (walk.left-- <= 0) throw malformed("DER: too many elements");
	const identifier = walk.bytes[start];
	if (identifier === undefined || start + 1 >= limit) throw malformed("DER: truncated header");
	if ((identifier & 0x1f) === 0x1f) throw malformed("DER: tag numbers over 30 are not in use here");
	checkForm(walk, identifier);
	const header = readLength(walk, start + 1, limit);
	if (header.length === null) return readIndefinite(walk, identifier, start, header.next, limit, depth);
	const end = header.next + header.length;
	if (end > limit) throw malformed("DER: length runs past the end");
	checkPrimitive(walk, identifier, header.next, header.length);
	const element = new Element(walk.bytes, identifier, start, header.next, end, end, false);
	if (element.constructed) {
		const children: Element[] = [];
		for (let at = header.next; at < end; ) {
			const child = readElement(walk, at, end, depth + 1);
			children.push(child);
			at = child.end;
		}
		element.children = children;
	}
	return element;
}

function checkForm(walk: Walk, identifier: number): void {
	const universal = (identifier & 0xc0) === 0;
	if (!universal) return;
	const type = identifier & 0x1f;
	const constructed = (identifier & 0x20) !== 0;
	const fits = alwaysConstructed.has(type) ? constructed : !constructed || (walk.ber && !neverConstructed.has(type));
	if (!fits) throw malformed("DER: a type in the wrong form, primitive or constructed");
}

function readIndefinite(
	walk: Walk,
	identifier: number,
	start: number,
	content: number,
	limit: number,
	depth: number,
): Element {
	if (!walk.ber || (identifier & 0x20) === 0) throw malformed("DER: indefinite length where none may be");
	const children: Element[] = [];
	let at = content;
	while (!(walk.bytes[at] === 0 && walk.bytes[at + 1] === 0 && at + 2 <= limit)) {
		const child = readElement(walk, at, limit, depth + 1);
		children.push(child);
		at = child.end;
	}
	const element = new Element(walk.bytes, identifier, start, content, at, at + 2, true);
	element.children = children;
	return element;
}

/** X.690 section 8.1.3: null stands for the indefinite form. */
function readLength(walk: Walk, at: number, limit: number): { length: number | null; next: number } {
	const first = walk.bytes[at] as number;
	if (first < 0x80) return { length: first, next: at + 1 };
	if (first === 0x80) return { length: null, next: at + 1 };
	const count = first & 0x7f;
	if (count > 4 || at + 1 + count > limit) throw malformed("DER: length field too long");
	let length = 0;
	for (let index = 1; index <= count; index++) length = length * 256 + (walk.bytes[at + index] as number);
	if (!walk.ber && (length < 0x80 || walk.bytes[at + 1] === 0)) throw malformed("DER: length not minimal");
	return { length, next: at + 1 + count };
}

function checkPrimitive(walk: Walk, identifier: number, content: number, length: number): void {
	if (identifier === 0) throw malformed("DER: end-of-contents out of place");
	if (identifier === tag.integer) {
		if (length === 0 || length > maxIntegerBytes) throw malformed("DER: INTEGER of a wrong size");
		const [first = 0, second = 0] = walk.bytes.subarray(content, content + 2);
		const padded = length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
		if (padded) throw malformed("DER: INTEGER not minimal");
	}
	if (identifier === tag.oid && (length === 0 || length > maxOidBytes)) throw malformed("DER: OID of a wrong size");
	if (identifier === tag.boolean && length !== 1) throw malformed("DER: BOOLEAN of a wrong size");
	if (identifier === tag.null && length !== 0) throw malformed("DER: NULL with content");
}

/** Reads the children of a constructed element one after the other; what is left over at `end()` is an error. */
export class Fields {
	private at = 0;
	private readonly elements: readonly Element[];
	constructor(
		element: Element,
		expected: number,
		private readonly what: string,
	) {
		if (element.tag !== expected) throw malformed(`${what}: unexpected type`);
		this.elements = element.children;
	}
	/** The next element, of the given tag, or of any. */
	take(expected?: number): Element {
		const element = this.elements[this.at];
		if (element === undefined || (expected !== undefined && element.tag !== expected)) {
			throw malformed(`${this.what}: field missing or of another type`);
		}
		this.at += 1;
		return element;
	}
	/** The next element if it has this tag. */
	optional(expected: number): Element | null {
		const element = this.elements[this.at];
		if (element?.tag !== expected) return null;
		this.at += 1;
		return element;
	}
	get done(): boolean {
		return this.at === this.elements.length;
	}
	end(): void {
		if (!this.done) throw malformed(`${this.what}: unexpected field`);
	}
}

export const sequence = (element: Element, what: string): Fields => new Fields(element, tag.sequence, what);
