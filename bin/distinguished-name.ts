/**
 * Distinguished names as text (RFC 4514): `CN=printer-1,O=Example`, the last RelativeDistinguishedName of the certificate first.
 * Read strictly, and only what a machine's certificate may say; written for the eyes.
 */
import { nameAttributes } from "../lib/der/oids.ts";
import { readDer, tag } from "../lib/der/reader.ts";
import { oid, text } from "../lib/der/values.ts";
import { OtaError } from "../lib/errors.ts";
import type { SubjectName } from "../lib/ports.ts";

/** Most characters of each attribute that a machine may have (ub-* of RFC 5280 appendix A.1). */
const limits: Readonly<Record<string, number>> = { CN: 64, O: 64, OU: 64, serialNumber: 64, C: 2, L: 128, ST: 128 };
/** PrintableString without the characters that would have to be looked up. */
const printableString = /^[A-Za-z0-9 '()+,\-./:=?]+$/;
const longest = 2_000;

/** In the certificate's order. `malformed`, with a sentence that says what is wrong. */
export function readDistinguishedName(given: string): SubjectName {
	if (given.length > longest) throw wrong(`A name has ${longest} characters at most.`);
	// As octets it would be another character.
	if (/\p{Cs}/u.test(given)) throw wrong("A name has no halves of characters.");
	const name = relativeNames(given).map(readAttribute);
	const types = name.map(([type]) => type).filter((type) => type !== "OU");
	const twice = types.find((type, at) => types.indexOf(type) !== at);
	if (twice !== undefined) throw wrong(`${twice} is there twice.`);
	return name.reverse();
}

const wrong = (why: string): OtaError => new OtaError("malformed", why);

/** Cut at the commas that are not escaped. */
function relativeNames(given: string): string[] {
	const parts = given.match(/(?:\\[\s\S]|[^\\,])+|,|\\/g) ?? [];
	const names = parts.filter((_, at) => at % 2 === 0);
	if (names.length === 0 || parts.length % 2 === 0 || parts.some((part, at) => (part === ",") !== (at % 2 === 1))) {
		throw wrong('A name is a list like "CN=printer-1,O=Example" (RFC 4514).');
	}
	return names;
}

function readAttribute(part: string): readonly [string, string] {
	const [, keyword = "", written = ""] = /^([A-Za-z0-9.-]*)=([\s\S]*)$/.exec(part) ?? [];
	const type = Object.keys(limits).find((known) => known.toLowerCase() === keyword.toLowerCase());
	if (type === undefined) {
		const known = Object.keys(limits).join(", ");
		throw wrong(`${JSON.stringify(part)} is none of ${known} and a value, without blanks around.`);
	}
	return [type, checkValue(type, unescaped(type, written))];
}

/** RFC 4514 section 3: what is special there is escaped, by itself or as two hexadecimal digits of UTF-8. */
function unescaped(type: string, written: string): string {
	const octets: Buffer[] = [];
	const tokens = /\\([0-9A-Fa-f]{2})|\\([ "#+,;<=>\\])|([^\\"+,;<>]+)|([\s\S])/gu;
	for (const [, hex, special, plain, other] of written.matchAll(tokens)) {
		if (other !== undefined) throw wrong(`${type}: ${JSON.stringify(other)} must be escaped by \\.`);
		octets.push(hex === undefined ? Buffer.from(special ?? plain ?? "") : Buffer.from(hex, "hex"));
	}
	if (/^[ #]/.test(written)) throw wrong(`${type}: a value does not begin with a blank or #.`);
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(octets));
	} catch {
		throw wrong(`${type}: its escaped octets are not UTF-8.`);
	}
}

function checkValue(type: string, value: string): string {
	const most = limits[type] ?? 0;
	const length = [...value].length;
	if (length === 0) throw wrong(`${type} has no value.`);
	if (length > most) throw wrong(`${type} has ${length} characters; ${most} are the most.`);
	if (value !== value.trim()) throw wrong(`${type}: a value has no blanks at its ends.`);
	if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)) throw wrong(`${type} has characters that are not seen.`);
	if (type === "C" && !/^[A-Z]{2}$/.test(value)) throw wrong("C is a country's two capital letters.");
	if (type === "serialNumber" && !printableString.test(value)) {
		throw wrong("serialNumber has letters, digits, blanks and '()+,-./:=? alone.");
	}
	return value;
}

/** A SubjectName as text. */
export const writeDistinguishedName = (name: SubjectName): string =>
	name
		.map(([type, value]) => `${type}=${escaped(value)}`)
		.reverse()
		.join(",");

const escaped = (value: string): string => value.replace(/^[ #]|[",+;<>\\]| $/g, "\\$&");

const shortNames = new Map(Object.entries(nameAttributes).map(([name, dotted]) => [dotted, name]));

/** DER of a name as a SubjectName, the parts of one RelativeDistinguishedName one after the other. */
export function subjectNameOf(der: Uint8Array): SubjectName {
	const attributes = readDer(der).children.flatMap(({ tag: type, children }) => (type === tag.set ? children : []));
	return attributes.flatMap(({ children: [type, value] }) => {
		if (type === undefined || value === undefined) return [];
		const dotted = oid(type);
		return [[shortNames.get(dotted) ?? dotted, text(value)] as const];
	});
}
