/**
 * Reads XML property lists that people and their tools wrote: .mobileconfig files. A scanner for hostile input, linear
 * and bounded, that takes what XML allows in a property list (comments, CDATA, any key) and nothing else: no attributes,
 * no entities of its own, no binary form. What a device posts is read by the stricter `apple/plist-reader.ts`.
 */
import { OtaError } from "../errors.ts";
import { Cursor } from "../plist/cursor.ts";
import { lineFeeds, readData, readDate, resolveReferences } from "../plist/scalars.ts";
import { isXmlText, type PropertyListDict, type PropertyListValue } from "./property-list.ts";

/** Octets of the document, nested containers, and elements (keys count as well). */
export const propertyListLimits = { bytes: 4 * 1024 * 1024, depth: 32, nodes: 100_000 } as const;

const space = /[ \t\r\n]+/y;
const xmlDeclaration =
	/<\?xml[ \t\r\n]+version=(["'])1\.0\1(?:[ \t\r\n]+encoding=(["'])(?:UTF-8|US-ASCII)\2)?(?:[ \t\r\n]+standalone=(["'])(?:yes|no)\3)?[ \t\r\n]*\?>/iy;
/** Without an internal subset: no entity is declared. */
const doctype = /<!DOCTYPE[ \t\r\n]+plist(?:[ \t\r\n][^[\]<>]{0,300})?>/y;
const plistTag = /<plist(?:[ \t\r\n]+version=(["'])1\.0\1)?[ \t\r\n]*>/y;
const openTag = /<(dict|array|string|data|date|integer|real|true|false)[ \t\r\n]*(\/?)>/y;
const keyTag = /<key[ \t\r\n]*>/y;
const emptyTrue = /<\/(true|false)[ \t\r\n]*>/y;

const integerText = /^[+-]?[0-9]{1,16}$/;
const realText = /^[+-]?(?:[0-9]{1,25}(?:\.[0-9]{0,25})?|\.[0-9]{1,25})(?:[eE][+-]?[0-9]{1,3})?$/;

/** The property list's root. Throws `too_large` or `malformed`, telling line and column and never what stands there. */
export function readPropertyList(bytes: Uint8Array): PropertyListValue {
	if (bytes.length > propertyListLimits.bytes) throw new OtaError("too_large", "Property list: longer than 4 MiB");
	let text: string;
	try {
		text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch (cause) {
		throw new OtaError("malformed", "Property list: not UTF-8", { cause });
	}
	return new Scanner(text).document();
}

class Scanner extends Cursor {
	constructor(text: string) {
		super(text, propertyListLimits.nodes);
	}

	document(): PropertyListValue {
		this.match(xmlDeclaration);
		this.skipSpace();
		if (this.match(doctype)) this.skipSpace();
		if (!this.match(plistTag)) throw this.fault("no property list begins here");
		this.skipSpace();
		const root = this.value(1);
		this.skipSpace();
		this.end("plist");
		this.skipSpace();
		if (this.at !== this.text.length) throw this.fault("something follows the end");
		return root;
	}

	private value(depth: number): PropertyListValue {
		const tag = this.match(openTag);
		if (!tag) throw this.fault("no element of a property list");
		this.countNode();
		const name = tag[1] ?? "";
		const isEmpty = tag[2] === "/";
		if (name === "true" || name === "false") {
			if (!isEmpty && this.match(emptyTrue)?.[1] !== name) throw this.fault(`<${name}> must be empty`);
			return name === "true";
		}
		if (name === "dict" || name === "array") {
			if (depth > propertyListLimits.depth) throw this.fault("nested too deep");
			if (name === "dict") return isEmpty ? Object.create(null) : this.dict(depth);
			return isEmpty ? [] : this.array(depth);
		}
		const start = this.at;
		const content = isEmpty ? "" : this.content(name);
		if (name === "string") return content;
		const value = readScalar(name, content);
		if (value === undefined) throw this.fault(`no ${name}`, start);
		return value;
	}

	private dict(depth: number): PropertyListDict {
		const dict: Record<string, PropertyListValue> = Object.create(null);
		for (this.skipSpace(); !this.text.startsWith("</", this.at); this.skipSpace()) {
			const start = this.at;
			if (!this.match(keyTag)) throw this.fault("<key> expected");
			this.countNode();
			const key = this.content("key");
			if (key === "") throw this.fault("an empty key", start);
			if (key in dict) throw this.fault("a key that is there already", start);
			this.skipSpace();
			dict[key] = this.value(depth + 1);
		}
		this.end("dict");
		return dict;
	}

	private array(depth: number): PropertyListValue[] {
		const array: PropertyListValue[] = [];
		for (this.skipSpace(); !this.text.startsWith("</", this.at); this.skipSpace()) array.push(this.value(depth + 1));
		this.end("array");
		return array;
	}

	/** The text up to the end tag of `name`: references resolved, CDATA as it is. */
	private content(name: string): string {
		let content = "";
		for (;;) {
			const next = this.text.indexOf("<", this.at);
			if (next < 0) throw this.fault("cut short");
			content += this.characters(this.text.slice(this.at, next));
			this.at = next;
			if (!this.text.startsWith("<![CDATA[", next)) break;
			const end = this.text.indexOf("]]>", next);
			if (end < 0) throw this.fault("CDATA without its end");
			content += lineFeeds(this.text.slice(next + "<![CDATA[".length, end));
			this.at = end + "]]>".length;
		}
		if (!isXmlText(content)) throw this.fault("a character that XML does not carry");
		this.end(name);
		return content;
	}

	private characters(raw: string): string {
		if (raw.includes("]]>")) throw this.fault("']]>' in text");
		const text = resolveReferences(lineFeeds(raw), isXmlText);
		if (text === null) throw this.fault("an '&' that is not written as '&amp;'");
		return text;
	}

	/** White space and comments. */
	private skipSpace(): void {
		this.match(space);
		while (this.text.startsWith("<!--", this.at)) {
			const end = this.text.indexOf("--", this.at + 4);
			if (end < 0 || this.text[end + 2] !== ">") throw this.fault("a comment without its end");
			this.at = end + 3;
			this.match(space);
		}
	}

	private end(name: string): void {
		const start = this.at;
		const literal = `</${name}`;
		if (!this.text.startsWith(literal, start)) throw this.fault(`</${name}> expected`);
		this.at += literal.length;
		this.match(space);
		if (this.text[this.at] !== ">") throw this.fault(`</${name}> expected`, start);
		this.at += 1;
	}

	protected override fault(what: string, at = this.at): OtaError {
		const before = this.text.slice(0, at);
		const line = before.split("\n").length;
		return new OtaError("malformed", `Property list, line ${line}, column ${at - before.lastIndexOf("\n")}: ${what}`);
	}
}

function readScalar(name: string, content: string): PropertyListValue | undefined {
	if (name === "data") return readData(content);
	const text = content.trim();
	if (name === "date") return readDate(text);
	const value = Number(text);
	if (name === "real") return realText.test(text) && Number.isFinite(value) ? value : undefined;
	if (!integerText.test(text) || !Number.isSafeInteger(value)) return undefined;
	return value === 0 ? 0 : value;
}
