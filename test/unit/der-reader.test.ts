/** The bounded reader: a museum of malformed encodings (test/vectors/malformed-der.json), its limits, its views. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { context, Fields, type ReadOptions, readDer, sequence, tag } from "../../lib/der/reader.ts";
import { asOtaError } from "../../lib/errors.ts";

interface Exhibit {
	what: string;
	hex: string;
	der: string;
	ber: string;
}

const museum: Exhibit[] = JSON.parse(
	readFileSync(new URL("../vectors/malformed-der.json", import.meta.url), "utf8"),
) as Exhibit[];
const bytes = (hex: string): Uint8Array => Buffer.from(hex, "hex");

function outcome(read: () => unknown): string {
	try {
		read();
		return "ok";
	} catch (error) {
		return asOtaError(error).code;
	}
}
const reading = (input: Uint8Array, options?: ReadOptions): string => outcome(() => readDer(input, options));

describe("the museum of malformed encodings", () => {
	it("is there", () => expect(museum.length).toBeGreaterThan(40));
	it.each(museum.map((one) => [one.what, one] as const))("%s", (_what, { hex, der, ber }) => {
		expect({ der: reading(bytes(hex)), ber: reading(bytes(hex), { ber: true }) }).toEqual({ der, ber });
	});
});

const nested = (depth: number): Uint8Array => {
	let inner: Buffer = Buffer.alloc(0);
	for (let level = 0; level < depth; level++) {
		const { length } = inner;
		const size = length < 128 ? [length] : [0x82, length >> 8, length & 255];
		inner = Buffer.concat([Buffer.from([0x30, ...size]), inner]);
	}
	return inner;
};
const openings = (count: number): Uint8Array => Buffer.from("3080".repeat(count), "hex");
const nulls = (count: number): Uint8Array =>
	Buffer.concat([
		Buffer.from([0x30, 0x83, 0, (count * 2) >> 8, (count * 2) & 255]),
		Buffer.alloc(count * 2, "0500", "hex"),
	]);

describe("the limits", () => {
	it.each([
		["32 levels", nested(32), {}, "ok"],
		["33 levels", nested(33), {}, "malformed"],
		["4 levels of 4", nested(4), { maxDepth: 4 }, "ok"],
		["5 levels of 4", nested(5), { maxDepth: 4 }, "malformed"],
		["30,000 openings without an end", openings(30_000), { ber: true }, "malformed"],
		["5,000 elements", nulls(4_999), { ber: true }, "ok"],
		["5,001 elements", nulls(5_000), { ber: true }, "malformed"],
		["as many octets as allowed", nulls(1), { ber: true, maxBytes: 7 }, "ok"],
		["one octet more than allowed", nulls(1), { ber: true, maxBytes: 6 }, "too_large"],
		["65,537 octets", new Uint8Array(65_537), {}, "too_large"],
		["an INTEGER of 1,100 octets", Buffer.concat([bytes("0282044c"), Buffer.alloc(1100, 1)]), {}, "ok"],
		["an INTEGER of 1,101 octets", Buffer.concat([bytes("0282044d"), Buffer.alloc(1101, 1)]), {}, "malformed"],
		["an OBJECT IDENTIFIER of 64 octets", Buffer.concat([bytes("0640"), Buffer.alloc(64, 1)]), {}, "ok"],
		["an OBJECT IDENTIFIER of 65 octets", Buffer.concat([bytes("0641"), Buffer.alloc(65, 1)]), {}, "malformed"],
	] as const)("%s", (_what, input, options, expected) => expect(reading(input, options)).toBe(expected));
});

describe("an element", () => {
	const input = bytes("30090201050404aabbccdd");
	it("is a view on the given bytes, header and contents apart", () => {
		const root = readDer(input);
		const [number, string] = root.children;
		expect(root.constructed).toBe(true);
		expect(number?.raw).toEqual(input.subarray(2, 5));
		expect(string?.content).toEqual(input.subarray(7, 11));
		expect(string?.content.buffer).toBe(input.buffer);
		expect(string?.constructed).toBe(false);
	});

	it("of indefinite length ends before its end-of-contents, which belongs to the whole", () => {
		const indefinite = bytes("308030800201010000" + "02010200" + "00");
		const root = readDer(indefinite, { ber: true });
		const [inner, last] = root.children;
		expect(root.raw).toEqual(indefinite);
		expect(inner?.raw).toEqual(indefinite.subarray(2, 9));
		expect(inner?.content).toEqual(indefinite.subarray(4, 7));
		expect(last?.raw).toEqual(bytes("020102"));
		expect([root.hasIndefinite, last?.hasIndefinite]).toEqual([true, false]);
	});
});

describe("fields", () => {
	const three = readDer(bytes("300a0201010101ff80020102"));
	it("are taken one after the other, optional ones only when they stand there", () => {
		const fields = sequence(three, "Example");
		expect(fields.take(tag.integer).content).toEqual(bytes("01"));
		expect(fields.optional(tag.null)).toBeNull();
		expect(fields.optional(tag.boolean)?.content).toEqual(bytes("ff"));
		expect(fields.done).toBe(false);
		expect(fields.take(context(0, false)).content).toEqual(bytes("0102"));
		expect(fields.done).toBe(true);
		expect(() => fields.end()).not.toThrow();
	});

	it.each([
		["another type than expected", () => new Fields(three, tag.set, "Example")],
		["a field of another type", () => sequence(three, "Example").take(tag.oid)],
		["a field that is not there", () => sequence(readDer(bytes("3000")), "Example").take()],
		["a field too many", () => sequence(three, "Example").end()],
	])("refuse %s", (_what, read) => expect(outcome(read)).toBe("malformed"));
});
