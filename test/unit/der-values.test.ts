/** Elements as values: what each reader takes, and what it refuses as malformed. */
import { describe, expect, it } from "@jest/globals";
import { context, type Element, readDer } from "../../lib/der/reader.ts";
import {
	bitStringOctets,
	boolean,
	equalBytes,
	namedBits,
	octets,
	oid,
	smallInteger,
	text,
	time,
	toHex,
	unsignedHex,
} from "../../lib/der/values.ts";
import { asOtaError } from "../../lib/errors.ts";

const element = (hex: string): Element => readDer(Buffer.from(hex, "hex"), { ber: true });

function outcome<T>(read: (element: Element) => T, hex: string): T | string {
	try {
		return read(element(hex));
	} catch (error) {
		return `refused: ${asOtaError(error).code}`;
	}
}
const malformed = "refused: malformed";
const latin1 = (tag: string, content: string): string =>
	tag + Buffer.from([content.length]).toString("hex") + Buffer.from(content, "latin1").toString("hex");

describe("unsignedHex", () => {
	it.each([
		["020100", "00"],
		["02017f", "7f"],
		["02020080", "80"],
		["0203008000", "8000"],
		["0209008000000000000001", "8000000000000001"],
		["020180", malformed],
		["0202ff7f", malformed],
		["040101", malformed],
	])("%s is %s", (hex, expected) => expect(outcome(unsignedHex, hex)).toBe(expected));
});

describe("smallInteger", () => {
	it.each([
		["020100", 0],
		["02020100", 256],
		["020500ffffffff", 4_294_967_295],
		["02050100000000", malformed],
		["0201ff", malformed],
	])("%s is %s", (hex, expected) => expect(outcome(smallInteger, hex)).toBe(expected));
});

describe("boolean", () => {
	it.each([
		["010100", false],
		["0101ff", true],
		["010101", malformed],
		["020101", malformed],
	])("%s is %s", (hex, expected) => expect(outcome(boolean, hex)).toBe(expected));
});

describe("oid", () => {
	it.each([
		["06012a", "1.2"],
		["060127", "0.39"],
		["060128", "1.0"],
		["06014f", "1.39"],
		["060150", "2.0"],
		["0603883703", "2.999.3"],
		["06092a864886f70d010701", "1.2.840.113549.1.7.1"],
		["060a0992268993f22c640101", "0.9.2342.19200300.100.1.1"],
		["06092a8fffffffffffff7f", "1.2.9007199254740991"],
		["06092a90808080808080" + "00", malformed],
		["06022a80", malformed],
		["06032a8001", malformed],
		["06028001", malformed],
		["04012a", malformed],
	])("%s is %s", (hex, expected) => expect(outcome(oid, hex)).toBe(expected));
});

describe("octets", () => {
	it.each([
		["0400", ""],
		["0402aabb", "aabb"],
		["24060401aa0401bb", "aabb"],
		["24800401aa0401bb0000", "aabb"],
		["248024800401aa00000401bb0000", "aabb"],
		["2400", ""],
		["2403020101", malformed],
		["0c0161", malformed],
		["80020102", malformed],
	])("%s is %s", (hex, expected) => expect(outcome((one) => toHex(octets(one)), hex)).toBe(expected));

	it.each([
		["80020102", "0102"],
		["a0030401aa", "aa"],
		["a0800401aa0401bb0000", "aabb"],
		["0401aa", malformed],
		["a003800101", malformed],
	])("[0] IMPLICIT %s is %s", (hex, expected) => {
		expect(outcome((one) => toHex(octets(one, context(0, false))), hex)).toBe(expected);
	});
});

describe("bit strings", () => {
	it.each([
		["0300", malformed],
		["030100", ""],
		["030200aa", "aa"],
		["030204a0", malformed],
		["0402aabb", malformed],
	])("octets of %s are %s", (hex, expected) => {
		expect(outcome((one) => toHex(bitStringOctets(one)), hex)).toBe(expected);
	});

	it.each([
		["030205a0", [0, 2]],
		["03020780", [0]],
		["03020106", [5, 6]],
		["0303070080", [8]],
		["030100", []],
		["030107", malformed],
		["030208a0", malformed],
		["030207ff", malformed],
		["030205a1", malformed],
		["030a000000000000000000" + "01", malformed],
		["0300", malformed],
		["0402a000", malformed],
	])("named bits of %s are %j", (hex, expected) => {
		expect(outcome((one) => [...namedBits(one)], hex)).toEqual(expected);
	});
});

describe("text", () => {
	it.each([
		["UTF8String", "0c05" + "4ac3bc7267", "Jürg"],
		["UTF8String beyond the BMP", "0c04" + "f09f988a", "😊"],
		["a byte order mark kept", "0c03" + "efbbbf", "\ufeff"],
		["a broken UTF8String", "0c02" + "c328", malformed],
		["an overlong UTF8String", "0c02" + "c080", malformed],
		["a surrogate in UTF-8", "0c03" + "eda080", malformed],
		["PrintableString", latin1("13", "19"), "19"],
		["PrintableString with an octet over 7e", latin1("13", "\xe9"), malformed],
		["PrintableString with a NUL", latin1("13", "a\0b"), malformed],
		["IA5String", latin1("16", "a@b.c"), "a@b.c"],
		["IA5String with a line end", latin1("16", "a\nb"), malformed],
		["TeletexString as Latin 1", latin1("14", "\xe9"), "é"],
		["BMPString", "1e04" + "004100fc", "Aü"],
		["BMPString of an odd length", "1e03" + "004100", malformed],
		["BMPString with a surrogate", "1e04" + "d83dde0a", malformed],
		["an empty BMPString", "1e00", ""],
		["UniversalString", "1c08" + "000000410001f60a", "A😊"],
		["UniversalString of an odd length", "1c03" + "000041", malformed],
		["UniversalString beyond Unicode", "1c04" + "00110000", malformed],
		["UniversalString with a surrogate", "1c04" + "0000d800", malformed],
		["NumericString", latin1("12", "19"), malformed],
		["OCTET STRING", latin1("04", "19"), malformed],
		["INTEGER", "020113", malformed],
	])("%s", (_what, hex, expected) => expect(outcome(text, hex)).toBe(expected));

	it("leaves the bytes of a BMPString as they were", () => {
		const bytes = Buffer.from("1e02" + "0041", "hex");
		expect([text(readDer(bytes)), text(readDer(bytes))]).toEqual(["A", "A"]);
	});
});

describe("time", () => {
	it.each([
		["17", "491231235959Z", "2049-12-31T23:59:59.000Z"],
		["17", "500101000000Z", "1950-01-01T00:00:00.000Z"],
		["17", "240229120000Z", "2024-02-29T12:00:00.000Z"],
		["17", "000101000000Z", "2000-01-01T00:00:00.000Z"],
		["18", "20500101000000Z", "2050-01-01T00:00:00.000Z"],
		["18", "99991231235959Z", "9999-12-31T23:59:59.000Z"],
		["18", "00010101000000Z", "0001-01-01T00:00:00.000Z"],
		["17", "230229120000Z", malformed],
		["18", "19000229000000Z", malformed],
		["17", "240431000000Z", malformed],
		["17", "240001000000Z", malformed],
		["17", "241301000000Z", malformed],
		["17", "240100000000Z", malformed],
		["17", "240132000000Z", malformed],
		["17", "240101240000Z", malformed],
		["17", "240101006000Z", malformed],
		["17", "240101000060Z", malformed],
		["17", "2401010000Z", malformed],
		["17", "240101000000", malformed],
		["17", "240101000000+0100", malformed],
		["17", "240101000000z", malformed],
		["17", "24010100000 Z", malformed],
		["17", "20240101000000Z", malformed],
		["18", "240101000000Z", malformed],
		["18", "20240101000000.5Z", malformed],
		["18", "2024010100Z", malformed],
		["0c", "240101000000Z", malformed],
		["17", "", malformed],
	])("%s %s is %s", (tag, digits, expected) => {
		expect(outcome((one) => time(one).toISOString(), latin1(tag, digits))).toBe(expected);
	});
});

describe("equalBytes", () => {
	it.each([
		["", "", true],
		["aabb", "aabb", true],
		["aabb", "aabc", false],
		["aabb", "aabb00", false],
	])("%s and %s: %s", (one, other, expected) => {
		expect(equalBytes(Buffer.from(one, "hex"), Buffer.from(other, "hex"))).toBe(expected);
	});
});
