/**
 * Reads the XML property list that a device posts: a strict scanner for hostile input. It knows one spelling of the
 * format, the one that Apple's own writer produces, and everything else is `malformed`. Linear time, bounded size,
 * depth and number of elements. Binary and OpenStep property lists are not read at all.
 */
import { OtaError } from "../errors.ts";
import { Cursor } from "../plist/cursor.ts";
import { lineFeeds, readData, readDate, resolveReferences } from "../plist/scalars.ts";

export type PlistValue = string | number | boolean | Date | Uint8Array | PlistValue[] | PlistDict;
/** Has no prototype. */
export interface PlistDict {
	[key: string]: PlistValue;
}

/** Bytes of the document, nested containers, and elements (keys count as well). */
export const plistLimits = { bytes: 16 * 1024, depth: 8, nodes: 200 } as const;

const space = /[ \t\r\n]*/y;
const xmlDeclaration = /<\?xml version="1\.0"(?: encoding="(?:UTF-8|utf-8)")?(?: standalone="(?:yes|no)")?[ ]?\?>/y;
const doctype =
	/<!DOCTYPE plist PUBLIC "-\/\/Apple(?: Inc| Computer)?\/\/DTD PLIST 1\.0\/\/EN"[ \t\r\n]+"https?:\/\/www\.apple\.com\/DTDs\/PropertyList-1\.0\.dtd">/y;
const openTag = /<(dict|array|string|data|date|integer|real|true|false)(\/?)>/y;
const keyName = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** Names that mean something on an ordinary object. */
const forbiddenKeys: ReadonlySet<string> = new Set(["constructor", "toString", "valueOf", "hasOwnProperty"]);

const integerText = /^-?[0-9]{1,16}$/;
const realText = /^[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?$/;

/** The dictionary in a device's property list. Throws `malformed` and nothing else. */
export function readPlist(bytes: Uint8Array): PlistDict {
	const scanner = new Scanner(decode(bytes));
	return scanner.document();
}

function decode(bytes: Uint8Array): string {
	if (bytes.length > plistLimits.bytes) throw malformed(0, "longer than a device's answer can be");
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch (cause) {
		throw new OtaError("malformed", "Property list: not UTF-8", { cause });
	}
}

class Scanner extends Cursor {
	constructor(text: string) {
		super(text, plistLimits.nodes);
	}

	document(): PlistDict {
		this.match(xmlDeclaration);
		this.skipSpace();
		if (!this.match(doctype)) throw this.fault("no property list of Apple's kind");
		this.skipSpace();
		this.expect('<plist version="1.0">');
		this.skipSpace();
		const root = this.value(1);
		if (!isDict(root)) throw this.fault("the root is not a dictionary");
		this.skipSpace();
		this.expect("</plist>");
		this.skipSpace();
		if (this.at !== this.text.length) throw this.fault("something follows the end");
		return root;
	}

	private value(depth: number): PlistValue {
		const tag = this.match(openTag);
		if (!tag) throw this.fault("no element of a property list");
		this.countNode();
		const name = tag[1] ?? "";
		const isEmpty = tag[2] === "/";
		if (name === "true" || name === "false") {
			if (!isEmpty) throw this.fault(`<${name}> must be empty`);
			return name === "true";
		}
		if (name === "dict" || name === "array") {
			if (depth > plistLimits.depth) throw this.fault("nested too deep");
			if (name === "dict") return isEmpty ? Object.create(null) : this.dict(depth);
			return isEmpty ? [] : this.array(depth);
		}
		return this.scalar(name, isEmpty ? "" : this.content(name));
	}

	private dict(depth: number): PlistDict {
		const dict: PlistDict = Object.create(null);
		for (this.skipSpace(); !this.skip("</dict>"); this.skipSpace()) {
			this.expect("<key>");
			this.countNode();
			const key = this.content("key");
			if (!keyName.test(key) || forbiddenKeys.has(key)) throw this.fault("a key of another form");
			if (key in dict) throw this.fault("a key twice");
			this.skipSpace();
			dict[key] = this.value(depth + 1);
		}
		return dict;
	}

	private array(depth: number): PlistValue[] {
		const array: PlistValue[] = [];
		for (this.skipSpace(); !this.skip("</array>"); this.skipSpace()) array.push(this.value(depth + 1));
		return array;
	}

	private scalar(name: string, content: string): PlistValue {
		if (name === "string") return content;
		const value = readScalar(name, content);
		if (value === undefined) throw this.fault(`no ${name}`);
		return value;
	}

	/** The character data up to the end tag of `name`, references resolved. */
	private content(name: string): string {
		const end = this.text.indexOf("<", this.at);
		if (end < 0) throw this.fault("cut short");
		const raw = this.text.slice(this.at, end);
		if (hasForbiddenCharacter(raw) || raw.includes("]]>")) throw this.fault("a character that XML does not carry");
		const text = resolveReferences(lineFeeds(raw), (character) => !hasForbiddenCharacter(character));
		if (text === null) throw this.fault("a reference that is not accepted");
		this.at = end;
		this.expect(`</${name}>`);
		return text;
	}

	private skipSpace(): void {
		this.match(space);
	}

	private skip(literal: string): boolean {
		if (!this.text.startsWith(literal, this.at)) return false;
		this.at += literal.length;
		return true;
	}

	private expect(literal: string): void {
		if (!this.skip(literal)) throw this.fault(`${literal} expected`);
	}

	protected override fault(what: string): OtaError {
		return malformed(this.at, what);
	}
}

/** Says where, never what was read: the text around may be a challenge. */
function malformed(at: number, what: string): OtaError {
	return new OtaError("malformed", `Property list, character ${at}: ${what}`);
}

/** Whether a value is a dictionary (and no array, date or data). */
export function isDict(value: PlistValue): value is PlistDict {
	return typeof value === "object" && Object.getPrototypeOf(value) === null;
}

function readScalar(name: string, content: string): number | Date | Uint8Array | undefined {
	switch (name) {
		case "integer":
			return readInteger(content);
		case "real":
			return realText.test(content) && Number.isFinite(Number(content)) ? Number(content) : undefined;
		case "date":
			return readDate(content);
		default:
			return readData(content);
	}
}

function readInteger(content: string): number | undefined {
	const value = Number(content);
	if (!integerText.test(content) || !Number.isSafeInteger(value)) return undefined;
	return value === 0 ? 0 : value;
}

/** XML 1.0 section 2.2 Char, without Unicode's noncharacters. */
function hasForbiddenCharacter(text: string): boolean {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
	return /[\u0000-\u0008\u000b\u000c\u000e-\u001f]|\p{Noncharacter_Code_Point}/u.test(text);
}
