/** The device's own readers against asn1js, PKI.js and plist: on good messages, and on the same with a byte changed. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import * as asn1js from "asn1js";
import { build, type PlistValue } from "plist";
import {
	ber,
	buildDeviceResponse,
	buildPkcsReq,
	carefulReading,
	generateDeviceAuthority,
	type Identity,
	issueDeviceIdentity,
	quickReading,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { readPropertyList } from "../device/property-list.ts";

const quick = quickReading();
let identity: Identity;
let messages: Record<string, Uint8Array>;

beforeAll(() => {
	const authority = generateDeviceAuthority();
	identity = issueDeviceIdentity(authority);
	const { privateKey: key } = newKeyPair("rsa", { modulusLength: 2048 });
	messages = {
		"device response": buildDeviceResponse({ identity, attributes: { UDID: "x".repeat(1200) } }),
		PKCSReq: buildPkcsReq({ key, recipients: [authority.root] }).message,
		"PKCSReq in DER": buildPkcsReq({ key, recipients: [authority.root], encoding: "der" }).message,
		certificate: identity.certificate,
	};
});

describe("the reader of BER", () => {
	it.each(["device response", "PKCSReq", "PKCSReq in DER", "certificate"])("sees in a %s what asn1js sees", (name) => {
		const message = messages[name] as Uint8Array;
		expect(carefulReading.parse(message, "test")).toEqual(quick.parse(message, "test"));
	});

	it.each(["device response", "PKCSReq in DER"])("refuses a %s that breaks off anywhere", (name) => {
		const message = messages[name] as Uint8Array;
		for (let length = 0; length < message.length; length += 7) {
			expect(() => quick.parse(message.subarray(0, length), "test")).toThrow("not ASN.1");
		}
	});

	it.each([
		["bytes after its end", [5, 0, 5, 0]],
		["a member longer than its parent", [0x30, 2, 4, 1]],
		["a primitive of indefinite length", [4, 0x80, 0, 0]],
		["an end-of-contents inside a definite length", [0x30, 2, 0, 0]],
		["a tag number above 30", [0x3f, 0x81, 0, 0]],
		["a primitive SEQUENCE", [0x10, 0]],
		["a constructed GeneralString", [0x3b, 0]],
		["a length of five octets", [4, 0x85, 0, 0, 0, 0, 1, 0]],
		["nothing", []],
	])("refuses %s", (_, bytes) => {
		expect(() => quick.parse(Uint8Array.from(bytes), "test")).toThrow(/not ASN.1|after the message's end/);
	});

	it("refuses what is nested a hundred deep", () => {
		let nested: Uint8Array = ber.nil();
		for (let depth = 0; depth < 100; depth++) nested = ber.sequence(nested);
		expect(() => quick.parse(nested, "test")).toThrow("not ASN.1");
	});

	it("never sees in a changed message something else than asn1js", () => {
		const message = messages["device response"] as Uint8Array;
		const outcomes = { refused: 0, same: 0 };
		for (let at = 0; at < message.length; at += 13) {
			const changed = new Uint8Array(message);
			changed[at] = (createHash("sha256").update(String(at)).digest()[0] ?? 0) ^ (changed[at] ?? 0);
			try {
				quick.parse(changed, "test");
			} catch {
				outcomes.refused += 1;
				continue;
			}
			if (asn1js.fromBER(changed).offset === -1) continue;
			expect(() => carefulReading.parse(changed, "test")).not.toThrow();
			outcomes.same += 1;
		}
		expect(outcomes).toEqual({ refused: expect.any(Number), same: expect.any(Number) });
		expect(Math.min(outcomes.refused, outcomes.same)).toBeGreaterThan(10);
	});
});

describe("quick reading", () => {
	it("remembers a certificate by its bytes, and forgets the one not seen for the longest", () => {
		const reading = quickReading();
		const copy = (): Uint8Array => new Uint8Array(identity.certificate);
		const first = reading.certificate(copy());
		expect(reading.certificate(copy())).toBe(first);
		const authority = generateDeviceAuthority();
		for (let other = 0; other < 64; other++) reading.certificate(issueDeviceIdentity(authority).certificate);
		expect(reading.certificate(copy())).not.toBe(first);
	});

	it("judges a pair of certificates as careful reading does", () => {
		const reading = quickReading();
		const [deviceCa, iPhoneAuthority] = identity.chain as [Uint8Array, Uint8Array];
		const judge = (issuer: Uint8Array, by = reading): boolean =>
			by.isIssuedBy(by.certificate(identity.certificate), by.certificate(issuer));
		for (const issuer of [deviceCa, iPhoneAuthority, identity.certificate]) {
			const careful = judge(issuer, carefulReading);
			expect([judge(issuer), judge(issuer)]).toEqual([careful, careful]);
		}
		expect(judge(deviceCa)).toBe(true);
	});
});

describe("the reader of property lists", () => {
	it.each<[string, PlistValue]>([
		["text with every character that is escaped", { text: "<&>\"' ü 😀" }],
		["data and dates", { data: Uint8Array.from([0, 1, 255]), at: new Date("2026-11-22T12:00:00Z") }],
		["numbers and truth", { a: 0, b: -5, c: 1.5, d: true, e: false }],
		["empty things", { a: [], b: {}, c: "", d: new Uint8Array(0) }],
		["arrays in arrays", [[["O", "Example"]], [["CN", "alice"]]]],
	])("reads %s as plist does", (_, value) => {
		const text = build(value);
		expect(readPropertyList(text)).toEqual(value);
		expect(carefulReading.propertyList(text)).toEqual(value);
	});

	it.each([
		["an element that it does not know", "<null/>"],
		["a key twice", "<dict><key>a</key><true/><key>a</key><true/></dict>"],
		["a key without a value", "<dict><key>a</key></dict>"],
		["a value without a key", "<dict><true/></dict>"],
		["an ampersand", "<string>a & b</string>"],
		["an entity of its own", "<string>&other;</string>"],
		["CDATA", "<string><![CDATA[a]]></string>"],
		["a number that is none", "<integer>five</integer>"],
		["data that is not base64", "<data>!!!!</data>"],
		["a date without time", "<date>2026-11-22</date>"],
		["two values", "<true/><true/>"],
		["no value", ""],
		["a tag left open", "<array><true/>"],
		["__proto__", "<dict><key>__proto__</key><dict/></dict>"],
		["forty arrays in each other", `${"<array>".repeat(40)}${"</array>".repeat(40)}`],
	])("refuses %s", (_, value) => {
		expect(() => readPropertyList(`<plist version="1.0">${value}</plist>`)).toThrow(/at character \d+/);
	});

	it("refuses a document type with declarations, and what follows the end", () => {
		expect(() => readPropertyList('<!DOCTYPE plist [<!ENTITY a "b">]><plist><true/></plist>')).toThrow();
		expect(() => readPropertyList("<plist><true/></plist><plist/>")).toThrow("follows");
	});
});
