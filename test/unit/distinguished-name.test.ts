/** Distinguished names as an operator types them for machines (RFC 4514), and what a terminal is shown. */
import { describe, expect, it } from "@jest/globals";
import { readDistinguishedName, writeDistinguishedName } from "../../bin/distinguished-name.ts";
import { printable } from "../../bin/printable.ts";
import { readName, writeName } from "../../lib/der/name.ts";
import { OtaError } from "../../lib/errors.ts";

describe("a distinguished name", () => {
	it.each([
		[
			"CN=printer-1,O=Example",
			[
				["O", "Example"],
				["CN", "printer-1"],
			],
		],
		[
			"cn=a,serialnumber=X-1,c=DE",
			[
				["C", "DE"],
				["serialNumber", "X-1"],
				["CN", "a"],
			],
		],
		[
			"CN=a,OU=two,OU=one",
			[
				["OU", "one"],
				["OU", "two"],
				["CN", "a"],
			],
		],
		["CN=a\\, b\\+c\\=d\\\\e", [["CN", "a, b+c=d\\e"]]],
		["CN=S\\c3\\b6hne", [["CN", "Söhne"]]],
		["CN=Söhne=1", [["CN", "Söhne=1"]]],
		[`CN=${"😀".repeat(64)}`, [["CN", "😀".repeat(64)]]],
		[
			"ST=Baden-Württemberg,L=Ulm",
			[
				["L", "Ulm"],
				["ST", "Baden-Württemberg"],
			],
		],
	])("%j has its attributes in the certificate's order", (text, expected) => {
		const name = readDistinguishedName(text);
		expect(name).toEqual(expected);
		expect(readDistinguishedName(writeDistinguishedName(name))).toEqual(expected);
		expect(readName(writeName(name))).toEqual(expected);
	});

	it.each([
		["nothing", ""],
		["a comma alone", ","],
		["an empty part", "CN=a,,O=b"],
		["a comma at the end", "CN=a,"],
		["a word", "printer"],
		["a value without a type", "=a"],
		["an empty value", "CN="],
		["the form with slashes", "/CN=a/O=b"],
		["a blank after the comma", "CN=a, O=b"],
		["a blank before the value", "CN= a"],
		["a blank at the end", "CN=a "],
		["an escaped blank at the end", "CN=a\\ "],
		["a hash at the beginning", "CN=#0c0161"],
		["two values in one part", "CN=a+O=b"],
		["a quotation mark", 'CN="a"'],
		["a semicolon", "CN=a;O=b"],
		["an escape of nothing", "CN=a\\"],
		["an escape of a letter", "CN=\\z"],
		["octets that are no UTF-8", "CN=\\ff"],
		["half a character", "CN=\\c3"],
		["an escaped NUL", "CN=a\\00"],
		["a line break", "CN=a\nb"],
		["a mark that turns the direction", "CN=a\u202eb"],
		["a mark that is not seen", "CN=a\u200bb"],
		["half of a surrogate pair", "CN=a\ud800"],
		["an attribute that machines have not", "UID=a"],
		["an e-mail address", "emailAddress=a@example.com"],
		["a dotted type", "2.5.4.3=a"],
		["a type of the prototype", "constructor=a"],
		["five units", "OU=a,OU=b,OU=c,OU=d,OU=e"],
		["two blanks in a row", "CN=a  b"],
		["two common names", "CN=a,CN=b"],
		["a CN of 65 characters", `CN=${"a".repeat(65)}`],
		["an L of 129 characters", `L=${"a".repeat(129)}`],
		["a country of three letters", "C=DEU"],
		["a country in small letters", "C=de"],
		["a serialNumber outside PrintableString", "serialNumber=a_b"],
		["more than 2000 characters", Array.from({ length: 100 }, () => `OU=${"a".repeat(60)}`).join(",")],
	])("with %s is refused", (_, text) => {
		let error: unknown;
		try {
			readDistinguishedName(text);
		} catch (caught) {
			error = caught;
		}
		expect(error).toBeInstanceOf(OtaError);
		expect((error as OtaError).code).toBe("malformed");
	});

	it("is written with its escapes", () => {
		expect(
			writeDistinguishedName([
				["O", "#A, B"],
				["CN", ' x"y '],
			]),
		).toBe('CN=\\ x\\"y\\ ,O=\\#A\\, B');
	});
});

describe("what a terminal is shown", () => {
	it("has nothing that it obeys, and is the same JSON", () => {
		const text = "a\u001b[2J\u202eb\u{e0041}\ud800ü😀";
		expect(printable(text)).toBe("a\\u001b[2J\\u202eb\\udb40\\udc41\\ud800ü😀");
		expect(JSON.parse(printable(JSON.stringify(text)))).toBe(text);
	});

	it("with a person's address for a CN is told why it is refused", () => {
		expect(() => readDistinguishedName("CN=alice@example.com")).toThrow(
			/CN has words .* no @ \(it would be taken for a person\)/,
		);
	});
});
