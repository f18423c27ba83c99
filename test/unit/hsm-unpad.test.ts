import { describe, expect, it } from "@jest/globals";
import { unpad } from "../../hsm/agent/unpad.ts";

const k = 256;

/** 00 02 PS 00 key, PS of 0xa5. */
function block(key: Uint8Array): Buffer {
	const bytes = Buffer.alloc(k, 0xa5);
	bytes[0] = 0;
	bytes[1] = 2;
	bytes[k - key.length - 1] = 0;
	bytes.set(key, k - key.length);
	return bytes;
}

describe.each([8, 16, 24, 32])("unpadding a content key of %d octets", (length) => {
	const key = Uint8Array.from({ length }, (_, index) => index * 7);
	const fallback = new Uint8Array(length).fill(0xee);
	const separator = k - length - 1;

	it("answers the key of a good block", () => {
		expect(unpad(block(key), length, fallback)).toEqual(key);
	});

	it("answers a key of zeros, and one of ones", () => {
		for (const octet of [0, 0xff]) {
			const plain = new Uint8Array(length).fill(octet);
			expect(unpad(block(plain), length, fallback)).toEqual(plain);
		}
	});

	const malformed: [string, (bytes: Buffer) => void][] = [
		["a first octet that is not 00", (bytes) => bytes.fill(1, 0, 1)],
		["block type 01", (bytes) => bytes.fill(1, 1, 2)],
		["block type 00", (bytes) => bytes.fill(0, 1, 2)],
		["a zero within the first eight octets of PS", (bytes) => bytes.fill(0, 5, 6)],
		["a separator one octet early (a key one longer)", (bytes) => bytes.fill(0, separator - 1, separator)],
		[
			"no separator in its place (a shorter key)",
			(bytes) => bytes.fill(1, separator, separator + 1).fill(0, k - 2, k - 1),
		],
		["no separator at all", (bytes) => bytes.fill(0xff, 2)],
		["all zeros", (bytes) => bytes.fill(0)],
	];
	it.each(malformed)("answers the fallback for %s", (_name, spoil) => {
		const bytes = block(key);
		spoil(bytes);
		const answer = unpad(bytes, length, fallback);
		expect(answer).toHaveLength(length);
		expect(answer).toEqual(fallback);
	});

	it("finds every single wrong octet before the key", () => {
		for (let at = 0; at <= separator; at++) {
			const bytes = block(key);
			bytes[at] = at < 2 || at === separator ? (bytes[at] as number) ^ 0x80 : 0;
			expect(unpad(bytes, length, fallback)).toEqual(fallback);
		}
	});
});

describe("unpadding", () => {
	it("refuses a fallback of another length, and a block with no room for PS", () => {
		expect(() => unpad(new Uint8Array(256), 16, new Uint8Array(15))).toThrow(RangeError);
		expect(() => unpad(new Uint8Array(26), 16, new Uint8Array(16))).toThrow(RangeError);
	});
});
