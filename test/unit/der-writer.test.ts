/** The writer: what it writes our reader and asn1js read back as the same, and the forms are DER's. */
import { describe, expect, it } from "@jest/globals";
import * as asn1js from "asn1js";
import { readDer } from "../../lib/der/reader.ts";
import { namedBits, oid, time as readTime, smallInteger, text, unsignedHex } from "../../lib/der/values.ts";
import {
	algorithmIdentifier,
	bitString,
	boolean,
	contextOf,
	contextPrimitive,
	directoryString,
	ia5String,
	integer,
	namedBitString,
	nullValue,
	objectIdentifier,
	octetString,
	printableString,
	sequenceOf,
	setOf,
	time,
	tlv,
	utf8String,
} from "../../lib/der/writer.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const parsed = (bytes: Uint8Array) => {
	const { offset, result } = asn1js.fromBER(new Uint8Array(bytes));
	expect(offset).toBe(bytes.length);
	return result;
};

describe("lengths", () => {
	it.each([
		[0, "0400"],
		[127, "047f"],
		[128, "048180"],
		[255, "0481ff"],
		[256, "04820100"],
		[65_535, "0482ffff"],
		[65_536, "0483010000"],
	])("of %i octets are minimal", (length, header) => {
		const encoded = octetString(new Uint8Array(length));
		expect(hex(encoded.subarray(0, header.length / 2))).toBe(header);
		expect(readDer(encoded, { maxBytes: 1 << 20 }).content.length).toBe(length);
		expect((parsed(encoded) as asn1js.OctetString).valueBlock.valueHexView.length).toBe(length);
	});
});

describe("integer", () => {
	it.each([
		[0, "020100"],
		[1, "020101"],
		[127, "02017f"],
		[128, "02020080"],
		[255, "020200ff"],
		[256, "02020100"],
		[65_537, "0203010001"],
		[0xffffffff, "020500ffffffff"],
	])("%i", (value, expected) => {
		expect(hex(integer(value))).toBe(expected);
		expect(smallInteger(readDer(integer(value)))).toBe(value);
		expect(Number((parsed(integer(value)) as asn1js.Integer).toBigInt())).toBe(value);
	});

	it.each([
		["", "020100"],
		["00", "020100"],
		["0000", "020100"],
		["7f", "02017f"],
		["80", "02020080"],
		["0080", "02020080"],
		["000001", "020101"],
		["ff00", "020300ff00"],
	])("octets %s are unsigned", (octets, expected) => {
		const encoded = integer(Buffer.from(octets, "hex"));
		expect(hex(encoded)).toBe(expected);
		expect(BigInt(`0x${unsignedHex(readDer(encoded))}`)).toBe(BigInt(`0x${octets || "0"}`));
		expect((parsed(encoded) as asn1js.Integer).toBigInt()).toBe(BigInt(`0x${octets || "0"}`));
	});
});

describe("objectIdentifier", () => {
	it.each([
		"0.9.2342.19200300.100.1.1",
		"1.2.840.113549.1.7.1",
		"2.5.4.3",
		"2.16.840.1.113733.1.9.7",
		"2.999.3",
		"1.3.6.1.4.1.311.20.2.3",
		"1.2.9007199254740991",
	])("%s", (dotted) => {
		expect(oid(readDer(objectIdentifier(dotted)))).toBe(dotted);
		if (!dotted.includes("9007")) {
			expect((parsed(objectIdentifier(dotted)) as asn1js.ObjectIdentifier).valueBlock.toString()).toBe(dotted);
		}
	});
});

describe("namedBitString", () => {
	it.each([
		[[0], "03020780"],
		[[0, 2], "030205a0"],
		[[5, 6], "03020106"],
		[[7], "03020001"],
		[[8], "0303070080"],
		[[0, 8], "0303078080"],
	])("%j has no trailing zero bits", (bits, expected) => {
		expect(hex(namedBitString(...bits))).toBe(expected);
		expect([...namedBits(readDer(namedBitString(...bits)))]).toEqual(bits);
		expect((parsed(namedBitString(...bits)) as asn1js.BitString).valueBlock.unusedBits).toBe(
			Number.parseInt(expected.slice(4, 6), 16),
		);
	});
});

describe("time", () => {
	it.each([
		["2049-12-31T23:59:59Z", "170d3439313233313233353935395a"],
		["2050-01-01T00:00:00Z", "180f32303530303130313030303030305a"],
		["1950-01-01T00:00:00Z", "170d3530303130313030303030305a"],
		["1949-12-31T23:59:59Z", "180f31393439313233313233353935395a"],
		["2026-11-22T12:00:00Z", "170d3236313132323132303030305a"],
		["9999-12-31T23:59:59Z", "180f39393939313233313233353935395a"],
	])("%s", (iso, expected) => {
		const date = new Date(iso);
		expect(hex(time(date))).toBe(expected);
		expect(readTime(readDer(time(date)))).toEqual(date);
		expect((parsed(time(date)) as asn1js.UTCTime).toDate()).toEqual(date);
	});

	it("drops what is below a second", () => {
		expect(readTime(readDer(time(new Date("2026-11-22T12:00:00.999Z"))))).toEqual(new Date("2026-11-22T12:00:00Z"));
	});
});

describe("strings", () => {
	it.each([
		["Alice Example", "13"],
		["a-b/c:d=e?f,(g)'+.", "13"],
		["alice@example.com", "0c"],
		["Söhne", "0c"],
		["a&b", "0c"],
		["a_b", "0c"],
		["a*b", "0c"],
	])("the directory string of %j starts with %s", (value, tag) => {
		expect(hex(directoryString(value).subarray(0, 1))).toBe(tag);
		expect(text(readDer(directoryString(value)))).toBe(value);
	});

	it.each([
		["PrintableString", printableString("19"), asn1js.PrintableString],
		["UTF8String", utf8String("Jürg 😊"), asn1js.Utf8String],
		["IA5String", ia5String("a@b.c"), asn1js.IA5String],
	] as const)("asn1js reads %s as we do", (_name, encoded, type) => {
		const result = parsed(encoded);
		expect(result).toBeInstanceOf(type);
		expect((result as asn1js.Utf8String).getValue()).toBe(text(readDer(encoded)));
	});
});

describe("constructed types", () => {
	it("a SET OF is in the order of its encodings, a SEQUENCE as given", () => {
		const parts = [integer(3), octetString(new Uint8Array(1)), integer(1), integer(256)];
		expect(hex(setOf(...parts))).toBe("310d" + "020101" + "020103" + "02020100" + "040100");
		expect(hex(sequenceOf(...parts))).toBe("300d" + "020103" + "040100" + "020101" + "02020100");
	});

	it("does not reorder the caller's array", () => {
		const parts = [integer(3), integer(1)];
		setOf(...parts);
		expect(parts.map(hex)).toEqual(["020103", "020101"]);
	});

	it.each([
		["[0] EXPLICIT", contextOf(0, integer(2)), "a003020102"],
		["[3] IMPLICIT of a constructed type", contextOf(3, integer(1), integer(2)), "a306020101020102"],
		["[1] IMPLICIT of a primitive type", contextPrimitive(1, Buffer.from("ab")), "81026162"],
		["BOOLEAN TRUE", boolean(true), "0101ff"],
		["BOOLEAN FALSE", boolean(false), "010100"],
		["NULL", nullValue(), "0500"],
		["BIT STRING", bitString(Buffer.from("aa", "hex")), "030200aa"],
		["any TLV in parts", tlv(4, Buffer.from("aa", "hex"), Buffer.from("bb", "hex")), "0402aabb"],
		["AlgorithmIdentifier without parameters", algorithmIdentifier("2.5.4.3"), "30050603550403"],
		["AlgorithmIdentifier with NULL", algorithmIdentifier("2.5.4.3", nullValue()), "300706035504030500"],
	])("%s", (_what, encoded, expected) => {
		expect(hex(encoded)).toBe(expected);
		expect(readDer(encoded).raw).toEqual(encoded);
		expect(hex(new Uint8Array(parsed(encoded).toBER()))).toBe(expected);
	});
});
