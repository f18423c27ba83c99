/**
 * Distinguished names as text (RFC 4514): `CN=printer-1,O=Example`, the last RelativeDistinguishedName of the certificate first.
 * Read strictly, and only what a machine's certificate may say; written for the eyes.
 */
import { admitted } from "../lib/ca/csr-names.ts";
import { OtaError } from "../lib/errors.ts";
import type { SubjectName } from "../lib/ports.ts";

const longest = 2_000;

/** In the certificate's order. `malformed`, with a sentence that says what is wrong. */
export function readDistinguishedName(given: string): SubjectName {
	if (given.length > longest) throw wrong(`A name has ${longest} characters at most.`);
	// As octets it would be another character.
	if (/\p{Cs}/u.test(given)) throw wrong("A name has no halves of characters.");
	const name = relativeNames(given).map(readAttribute);
	for (const [type, { most }] of Object.entries(admitted)) {
		const count = name.filter(([of]) => of === type).length;
		if (count > most) throw wrong(`${type} is there ${count} times; ${most} is the most.`);
	}
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
	const type = Object.keys(admitted).find((known) => known.toLowerCase() === keyword.toLowerCase());
	if (type === undefined) {
		const known = Object.keys(admitted).join(", ");
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
	const { longest: most = 0, form = /^$/ } = admitted[type] ?? {};
	const length = [...value].length;
	if (length === 0) throw wrong(`${type} has no value.`);
	if (length > most) throw wrong(`${type} has ${length} characters; ${most} are the most.`);
	if (!form.test(value))
		throw wrong(`${type} ${forms.get(type) ?? "has words with single blanks between them"}, and nothing else.`);
	return value;
}

const forms: ReadonlyMap<string, string> = new Map([
	["C", "is a country's two capital letters"],
	["CN", "has words with single blanks between them, no @ (it would be taken for a person)"],
	["serialNumber", "has letters, digits, blanks and '()+,-./:=?"],
]);

/** A SubjectName as text. */
export const writeDistinguishedName = (name: SubjectName): string =>
	name
		.map(([type, value]) => `${type}=${escaped(value)}`)
		.reverse()
		.join(",");

const escaped = (value: string): string => value.replace(/^[ #]|[",+;<>\\]| $/g, "\\$&");
