import { describe, expect, it } from "@jest/globals";
import { readDeviceAttributes, requestedAttributes, sameUdid } from "../../lib/apple/attributes.ts";
import { type PlistValue, readPlist } from "../../lib/apple/plist-reader.ts";

const udid = "00008110-000A1B2C3D4E801E";
const iPhone: Record<string, PlistValue> = {
	UDID: udid,
	SERIAL: "F2LXK1ABCDEF",
	PRODUCT: "iPhone15,2",
	VERSION: "22A3354",
	IMEI: "35 123456 789012 3",
	CHALLENGE: "ab".repeat(32),
};

function refusal(dict: Record<string, PlistValue>): unknown {
	try {
		return readDeviceAttributes(dict);
	} catch (error) {
		return error;
	}
}
const malformed = expect.objectContaining({ name: "OtaError", code: "malformed" });

describe("readDeviceAttributes", () => {
	it("reads an iPhone's response", () => {
		const { CHALLENGE, ...attributes } = iPhone;
		expect(readDeviceAttributes(iPhone)).toEqual({
			udid,
			serialNumber: "F2LXK1ABCDEF",
			product: "iPhone15,2",
			version: "22A3354",
			challenge: CHALLENGE,
			attributes,
		});
	});

	it("reads a Mac's response with the keys that nobody asked for", () => {
		const mac = readDeviceAttributes({
			UDID: "564D1A2B-3C4D-5E6F-7081-92A3B4C5D6E7",
			SERIAL: "C02XL0ABJGH5",
			PRODUCT: "MacBookPro16,1",
			VERSION: "24B83",
			IMEI: "",
			MEID: "",
			MAC_ADDRESS_EN0: "3c:22:fb:00:11:22",
			NotOnConsole: false,
			UserID: "7A2B...",
			UserLongName: "Bob \u{1F600}",
			UserShortName: "bob",
			Surprise: [1, 2, 3],
		});
		expect(Object.keys(mac.attributes).sort()).toEqual(["MAC_ADDRESS_EN0", "PRODUCT", "SERIAL", "UDID", "VERSION"]);
		expect(mac.challenge).toBeNull();
	});

	it("requires the UDID alone", () => {
		expect(readDeviceAttributes({ UDID: "0".repeat(40) })).toEqual({
			udid: "0".repeat(40),
			serialNumber: null,
			product: null,
			version: null,
			challenge: null,
			attributes: { UDID: "0".repeat(40) },
		});
	});

	it("takes a challenge as data", () => {
		expect(readDeviceAttributes({ UDID: udid, CHALLENGE: new TextEncoder().encode("c4fe") }).challenge).toBe("c4fe");
	});

	it("reads what the scanner gives it", () => {
		const xml = `<!DOCTYPE plist PUBLIC "-//Apple Inc//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
			<plist version="1.0"><dict><key>UDID</key><string>${udid}</string><key>CHALLENGE</key><data>YzRmZQ==</data></dict></plist>`;
		expect(readDeviceAttributes(readPlist(new TextEncoder().encode(xml)))).toMatchObject({ udid, challenge: "c4fe" });
	});

	it.each<[string, Record<string, PlistValue>]>([
		["no UDID", { UDID: "" }],
		["a UDID of 39 digits", { UDID: "0".repeat(39) }],
		["a UDID with a line end", { UDID: `${udid}\n` }],
		["a UDID that is an array", { UDID: [udid] }],
		["a serial in lower case", { SERIAL: "f2lxk1abcdef" }],
		["a serial of 21 characters", { SERIAL: "A".repeat(21) }],
		["a serial that is a number", { SERIAL: 123456 }],
		["a product of 33 characters", { PRODUCT: "a".repeat(33) }],
		["a product with markup", { PRODUCT: "<script>" }],
		["a product that a spreadsheet would run", { PRODUCT: "=1+1" }],
		["a version of 17 characters", { VERSION: "1".repeat(17) }],
		["letters in the IMEI", { IMEI: "35 123456 78901X 3" }],
		["another form of hardware address", { MAC_ADDRESS_EN0: "3c:22:fb" }],
		["a challenge that is a number", { CHALLENGE: 1 }],
		["a challenge of 129 characters", { CHALLENGE: "a".repeat(129) }],
		["a challenge of bytes that are no text", { CHALLENGE: new Uint8Array([0xff]) }],
	])("refuses %s", (_, change) => {
		expect(refusal({ ...iPhone, ...change })).toEqual(malformed);
	});

	it("asks only for attributes that it reads", () => {
		const all = Object.fromEntries(requestedAttributes.map((name) => [name, "00"]));
		const read = readDeviceAttributes({ ...all, UDID: udid, MAC_ADDRESS_EN0: "000000000000", LANGUAGE: "en" });
		expect(Object.keys(read.attributes).sort()).toEqual([...requestedAttributes].sort());
	});
});

describe("attributes that only decorate", () => {
	const { OS_VERSION, DEVICE_NAME, LANGUAGE } = { OS_VERSION: "18.1.1", DEVICE_NAME: "Ana's 📱", LANGUAGE: "zh-Hans" };

	it("are taken as they come", () => {
		const { attributes } = readDeviceAttributes({ UDID: udid, OS_VERSION, DEVICE_NAME, LANGUAGE });
		expect(attributes).toEqual({ UDID: udid, OS_VERSION, DEVICE_NAME, LANGUAGE });
	});

	it.each([
		["a version that is none", { OS_VERSION: "18.x" }],
		["a number", { OS_VERSION: 18 }],
		["a name without end", { DEVICE_NAME: "x".repeat(65) }],
		["a name that turns the line around", { DEVICE_NAME: "abc\u202egpj.exe" }],
		["a language that is none", { LANGUAGE: "../../etc" }],
	])("are left out, and the device is not sent away: %s", (_, attribute) => {
		expect(readDeviceAttributes({ UDID: udid, ...attribute }).attributes).toEqual({ UDID: udid });
	});
});

describe("sameUdid", () => {
	it.each([
		[udid, udid.toLowerCase(), true],
		["a".repeat(40), "A".repeat(40), true],
		[udid, udid.replace("A1B2", "A1B3"), false],
		[udid, udid.replace("-", ""), false],
	])("%s and %s: %s", (one, other, same) => expect(sameUdid(one, other)).toBe(same));
});
