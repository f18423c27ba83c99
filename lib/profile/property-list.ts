/**
 * Property lists from values: XML with Apple's DOCTYPE, and a refusal of everything that XML or a device cannot carry.
 * Every delivery writes two, so it is done here in one pass: a general XML builder took longer than all else together.
 */
import { OtaError } from "../errors.ts";

export type PropertyListValue =
	| string
	| number
	| boolean
	| Date
	| Uint8Array
	| readonly PropertyListValue[]
	| PropertyListDict;
export interface PropertyListDict {
	readonly [key: string]: PropertyListValue;
}

/** What XML 1.0 section 2.2 leaves out of Char: control characters, lone surrogates, U+FFFE and U+FFFF. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u;
const maxDepth = 32;

/** Whether a text can stand in a property list unchanged. */
export function isXmlText(text: string): boolean {
	return !notXml.test(text);
}

/** A dictionary, and no array, date or data. */
export function isPropertyListDict(value: unknown): value is Record<string, unknown> {
	if (typeof value !== "object" || value === null) return false;
	const prototype: unknown = Object.getPrototypeOf(value);
	return prototype === null || prototype === Object.prototype;
}

/**
 * UTF-8 bytes of the XML property list whose root is `root`. Throws `config`, naming the key path, for a value that a
 * property list cannot carry. Whole numbers become integer, all others real.
 */
export function propertyList(root: PropertyListValue): Uint8Array {
	checkPropertyListValue(root, "", 0);
	const lines = [...head];
	writeValue(root, "  ", lines);
	lines.push("</plist>");
	return new TextEncoder().encode(lines.join("\n"));
}

const head = [
	'<?xml version="1.0" encoding="UTF-8"?>',
	'<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
	'<plist version="1.0">',
];

function writeValue(value: PropertyListValue, indent: string, lines: string[]): void {
	if (Array.isArray(value)) {
		writeArray(value, indent, lines);
	} else if (typeof value === "object" && !(value instanceof Date) && !(value instanceof Uint8Array)) {
		writeDict(value as PropertyListDict, indent, lines);
	} else {
		lines.push(indent + scalar(value as Scalar));
	}
}

function writeArray(items: readonly PropertyListValue[], indent: string, lines: string[]): void {
	if (items.length === 0) {
		lines.push(`${indent}<array/>`);
		return;
	}
	lines.push(`${indent}<array>`);
	for (const item of items) writeValue(item, `${indent}  `, lines);
	lines.push(`${indent}</array>`);
}

function writeDict(dict: PropertyListDict, indent: string, lines: string[]): void {
	const keys = Object.keys(dict);
	if (keys.length === 0) {
		lines.push(`${indent}<dict/>`);
		return;
	}
	const inside = `${indent}  `;
	lines.push(`${indent}<dict>`);
	for (const key of keys) {
		lines.push(`${inside}<key>${escaped(key)}</key>`);
		writeValue(dict[key] as PropertyListValue, inside, lines);
	}
	lines.push(`${indent}</dict>`);
}

type Scalar = string | number | boolean | Date | Uint8Array;

function scalar(value: Scalar): string {
	if (typeof value === "string") return element("string", escaped(value));
	if (typeof value === "boolean") return value ? "<true/>" : "<false/>";
	if (typeof value === "number") return element(Number.isInteger(value) ? "integer" : "real", String(value));
	// Apple's dates have no parts of seconds.
	if (value instanceof Date) return element("date", `${value.toISOString().slice(0, -".000Z".length)}Z`);
	return element("data", Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64"));
}

function element(name: string, text: string): string {
	return text === "" ? `<${name}/>` : `<${name}>${text}</${name}>`;
}

const references: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;" };

/** Readers make a line feed of a carriage return that is not written as a reference (XML 1.0 section 2.11). */
function escaped(text: string): string {
	return /[&<>\r]/.test(text) ? text.replace(/[&<>\r]/g, (found) => references[found] ?? found) : text;
}

/** Throws `config` when `value`, found at `path`, is none that a property list can carry. */
export function checkPropertyListValue(value: unknown, path: string, depth = 0): asserts value is PropertyListValue {
	if (depth > maxDepth) throw cannotCarry(path, "nested too deep");
	if (typeof value === "string") {
		if (!isXmlText(value)) throw cannotCarry(path, "a character that XML does not carry");
	} else if (typeof value === "number") {
		if (!Number.isFinite(value)) throw cannotCarry(path, "not a finite number");
		if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw cannotCarry(path, "an inexact integer");
	} else if (value instanceof Date) {
		if (!hasFourDigitYear(value)) throw cannotCarry(path, "a date outside the years 0 to 9999");
	} else if (Array.isArray(value)) {
		for (const [index, item] of value.entries()) checkPropertyListValue(item, `${path}[${index}]`, depth + 1);
	} else if (isPropertyListDict(value)) {
		checkDict(value, path, depth);
	} else if (typeof value !== "boolean" && !(value instanceof Uint8Array)) {
		throw cannotCarry(path, "no type of a property list");
	}
}

function checkDict(dict: Record<string, unknown>, path: string, depth: number): void {
	for (const [key, item] of Object.entries(dict)) {
		if (key === "" || !isXmlText(key)) throw cannotCarry(path, "a key that XML does not carry");
		checkPropertyListValue(item, path === "" ? key : `${path}.${key}`, depth + 1);
	}
}

function hasFourDigitYear(date: Date): boolean {
	const year = date.getUTCFullYear();
	return year >= 0 && year <= 9999;
}

function cannotCarry(path: string, what: string): OtaError {
	return new OtaError("config", `Property list, ${path || "root"}: ${what}`);
}
