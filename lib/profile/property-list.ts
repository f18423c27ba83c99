/**
 * Property lists from values: XML with Apple's DOCTYPE, and a refusal of everything that XML or a device cannot carry.
 * Nothing is ever put together as text.
 */
import { build } from "plist";
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
	return new TextEncoder().encode(build(root as Parameters<typeof build>[0]));
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
