/** The writer of property lists, byte for byte as npm plist writes them: it was the writer until profiles had to be fast. */
import { describe, expect, it } from "@jest/globals";
import { build } from "plist";
import { OtaError } from "../../lib/errors.ts";
import { assign } from "../../lib/profile/assign.ts";
import { defaultTemplates } from "../../lib/profile/default-templates.ts";
import { type PropertyListValue, propertyList } from "../../lib/profile/property-list.ts";
import { readPropertyList } from "../../lib/profile/property-list-reader.ts";
import { parseTemplate } from "../../lib/profile/templates.ts";
import { candidates, clip, composedWhole, documentOf, now, subjectWith } from "../harness/profile-examples.ts";
import { Seeded } from "../harness/seeded.ts";
import { examples } from "./lint-examples.ts";
import { hasPlistlib, readWithPlistlib, tagged } from "./profile-plistlib.ts";

const withPlistlib = hasPlistlib ? it : it.skip;
const written = (value: unknown): string => Buffer.from(propertyList(value as PropertyListValue)).toString();
const expected = (value: unknown): string => build(value as Parameters<typeof build>[0]);

/** Null: a value that a property list cannot carry. */
function writtenOrNull(value: unknown): string | null {
	try {
		return written(value);
	} catch (error) {
		if (error instanceof OtaError) return null;
		throw error;
	}
}

const bare = (entries: [string, unknown][]) => Object.assign(Object.create(null), Object.fromEntries(entries));
const nested = (levels: number): unknown => (levels === 0 ? [] : [{ a: nested(levels - 2) }]);

const texts = [
	...[
		"",
		" ",
		"\t",
		"\n",
		"\r",
		"\r\n",
		"a\rb\r\nc\n",
		"]]>",
		"<![CDATA[x]]>",
		"<!-- -->",
		"&",
		"&amp;",
		"&#13;",
		"<",
		">",
	],
	...[
		"\"'",
		"\u007f\u0085\u2028\ufeff",
		"\ud7ff\ue000\ufffd",
		"\u{1F600}",
		"\u{10ffff}",
		"e\u0301\u00e9",
		"$&$1$$",
		"Ab",
	],
];
const numbers = [
	0,
	-0,
	1,
	-1,
	1.5,
	-2.25,
	0.1,
	1e-7,
	5e-324,
	1.7976931348623157e308 % 1,
	2 ** 53 - 1,
	1 - 2 ** 53,
	4.5e15,
];
const times = [0, 1, 999, -1, 1234, Date.UTC(2026, 1, 28, 23, 59, 59, 999), -62167219200000, 253402300799999];
const lengths = [0, 1, 2, 3, 4, 47, 48, 49, 900, 100_000];

describe("the writer of property lists", () => {
	it.each<[string, readonly unknown[]]>([
		["texts", texts],
		["numbers", numbers],
		["booleans", [true, false]],
		["dates", times.map((time) => new Date(time))],
		["data", lengths.map((length) => new Seeded(length).bytes(length))],
		["data that is a part of other data", [new Uint8Array(10).subarray(3, 7), Buffer.from("abcdef").subarray(1, 4)]],
		["nothing", [[], {}, [[]], [{}], { a: {} }, { a: [] }, [[], {}, ""]]],
		["nesting", [nested(2), nested(30)]],
		["dictionaries of all kinds", [bare([["a", 1]]), { 2: "b", 1: "a", c: "d" }, JSON.parse('{"__proto__":{"a":1}}')]],
	])("writes %s as npm plist does", (_, values) => {
		for (const value of values) expect(written(value)).toBe(expected(value));
		expect(written(values)).toBe(expected(values));
		const keyed = Object.fromEntries(values.map((value, index) => [`key ${index}`, value]));
		expect(written(keyed)).toBe(expected(keyed));
	});

	it("writes keys as npm plist does", () => {
		const dict = Object.fromEntries(texts.filter((text) => text !== "").map((text) => [text, text]));
		expect(written(dict)).toBe(expected(dict));
	});

	it("writes every example of the lint as npm plist does, or refuses it", () => {
		const values = examples.flatMap(({ failing, passing }) => [failing, passing]);
		const all = values.map((value) => [value, writtenOrNull(value)] as const);
		const carried = all.filter(([, xml]) => xml !== null);
		expect(carried.length).toBeGreaterThan(values.length - 10);
		for (const [value, xml] of carried) expect(xml).toBe(expected(value));
	});

	it("writes what a device gets as npm plist does", () => {
		const templates = defaultTemplates.map(({ file, text }) => parseTemplate(file, text));
		expect(written(templates)).toBe(expected(templates));
		const documents = candidates(documentOf("office", { clip: clip("A & B <c> \u{1F34E}") }));
		const payloads = composedWhole(assign(documents, subjectWith(), now));
		expect(payloads).toHaveLength(2);
		expect(written(payloads)).toBe(expected(payloads));
	});

	it("writes 2,000 values made at random as npm plist does, and they are read back", () => {
		for (let seed = 0; seed < 2_000; seed += 1) {
			const value = anyValue(new Seeded(seed), 0);
			const xml = written(value);
			if (xml !== expected(value)) throw new Error(`seed ${seed}: ${xml} instead of ${expected(value)}`);
			expect(tagged(readPropertyList(Buffer.from(xml)))).toEqual(tagged(value));
		}
	});

	withPlistlib("writes what plistlib reads as the same", () => {
		const values = Array.from({ length: 200 }, (_, seed) => anyValue(new Seeded(seed), 0));
		expect(readWithPlistlib(Buffer.from(written(values)))).toEqual(tagged(values));
	});
});

describe("what no property list carries", () => {
	it.each<[string, unknown, string]>([
		["a control character", { a: ["\u0000"] }, "a[0]: a character that XML does not carry"],
		["half a surrogate pair", "a\ud800b", "root: a character that XML does not carry"],
		["the other half", "\udc00", "root: a character that XML does not carry"],
		["two halves the wrong way round", "\udc00\ud800", "root: a character that XML does not carry"],
		["U+FFFE", "\ufffe", "root: a character that XML does not carry"],
		["U+FFFF", "a\uffff", "root: a character that XML does not carry"],
		["an empty key", { a: { "": 1 } }, "a: a key that XML does not carry"],
		["a control character in a key", [{ "\u001b": 1 }], "[0]: a key that XML does not carry"],
		["NaN", { a: { b: Number.NaN } }, "a.b: not a finite number"],
		["infinity", [Number.NEGATIVE_INFINITY], "[0]: not a finite number"],
		["2^53", 2 ** 53, "root: an inexact integer"],
		["1e21", 1e21, "root: an inexact integer"],
		["the year 10000", new Date(253402300800000), "root: a date outside the years 0 to 9999"],
		["a year before 0", new Date(-62167219200001), "root: a date outside the years 0 to 9999"],
		["no date", [new Date(Number.NaN)], "[0]: a date outside the years 0 to 9999"],
		["null", { a: null }, "a: no type of a property list"],
		["undefined", { a: undefined }, "a: no type of a property list"],
		["a hole", new Array(1), "[0]: no type of a property list"],
		["a big integer", 1n, "root: no type of a property list"],
		["other views of bytes", { a: new DataView(new ArrayBuffer(1)) }, "a: no type of a property list"],
		["a function", { a: () => 1 }, "a: no type of a property list"],
		["an object of a class", { a: new Map() }, "a: no type of a property list"],
		["33 levels", nested(34), "nested too deep"],
	])("is refused, and told by its path: %s", (_, value, words) => {
		const refused = expect.objectContaining({ code: "config", message: expect.stringContaining(words) });
		expect(() => propertyList(value as PropertyListValue)).toThrow(refused);
	});
});

function anyValue(random: Seeded, depth: number): unknown {
	const kind = random.below(depth > 5 ? 5 : 8);
	if (kind === 0) return anyText(random);
	if (kind === 1) return anyNumber(random);
	if (kind === 2) return random.below(2) === 0;
	// Whole seconds: a date's thousandths are not written.
	if (kind === 3) return new Date(Math.floor(-62167219200 + random.next() * 315569519999) * 1_000);
	if (kind === 4) return random.bytes(random.below(70));
	const items = Array.from({ length: random.below(5) }, () => anyValue(random, depth + 1));
	if (kind === 5) return items;
	return Object.fromEntries(items.map((item) => [`${random.below(3)}${anyText(random)}`, item]));
}

const pieces = [
	"",
	"a",
	"Z",
	" ",
	"\t",
	"\n",
	"\r",
	"&",
	"<",
	">",
	'"',
	"'",
	"]]>",
	"&lt;",
	"\u{1F600}",
	"\u00e9",
	"\ufffd",
];

function anyText(random: Seeded): string {
	return Array.from({ length: random.below(6) }, () => random.pick(pieces)).join("");
}

function anyNumber(random: Seeded): number {
	const sign = random.below(2) === 0 ? 1 : -1;
	if (random.below(2) === 0) return sign * random.below(2 ** random.below(54)) || 0;
	return sign * random.next() * 10 ** (random.below(40) - 30) || 0;
}
