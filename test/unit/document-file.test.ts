/** Documents from `.mobileconfig` files and back: nothing lost on the way, in either direction. */
import { describe, expect, it } from "@jest/globals";
import { documentFromProfile, profileFromDocument } from "../../lib/profile/document-file.ts";
import { documentYaml, readDocumentYaml } from "../../lib/profile/document-yaml.ts";
import { lintProfile } from "../../lib/profile/lint.ts";
import { readProfileFile } from "../../lib/profile/profile-file.ts";
import { type PropertyListDict, propertyList } from "../../lib/profile/property-list.ts";
import { documentWith, wholeProfiles, wifi } from "./document-samples.ts";
import { payload, profile, uuid } from "./lint-examples.ts";
import { hasPlistlib, readWithPlistlib, tagged } from "./profile-plistlib.ts";

const withPlistlib = hasPlistlib ? it : it.skip;
const dict = (value: unknown) => value as PropertyListDict;

describe("every payload of the catalogue", () => {
	it("is among the samples", () => expect(wholeProfiles).toHaveLength(33 - 1));

	it.each(wholeProfiles)("%s comes back equal from a file, a document and its YAML", (_, whole) => {
		const document = documentFromProfile(readProfileFile(propertyList(whole)).profile, "whole");
		expect(tagged(profileFromDocument(document))).toEqual(tagged(whole));
		const text = documentYaml(document);
		const read = readDocumentYaml(text);
		expect(read).toEqual(document);
		expect(documentYaml(read)).toBe(text);
		const xml = propertyList(profileFromDocument(read));
		expect(tagged(readProfileFile(xml).profile)).toEqual(tagged(whole));
	});

	withPlistlib.each(wholeProfiles)("%s is exported as plistlib reads the original", (_, whole) => {
		const read = readDocumentYaml(documentYaml(documentFromProfile(whole, "whole")));
		expect(readWithPlistlib(propertyList(profileFromDocument(read)))).toEqual(tagged(whole));
	});
});

describe("an import", () => {
	const types = [
		...["com.apple.wifi.managed", "com.apple.vpn.managed", "com.apple.mail.managed", "com.apple.wifi.managed"],
		...["com.apple.security.root", "com.apple.security.root", "com.apple.security.root", "com.apple.caldav.account"],
		...[
			"com.example.Größe",
			"",
			"com.apple.webcontent-filter",
			`com.example.${"x".repeat(100)}`,
			"..",
			"com.example.-a",
		],
	];

	it("names payloads by their types, each once", () => {
		const whole = profile(types.map((type, at) => payload(type, {}, `p${at}`)));
		expect(documentFromProfile(dict(whole), "a").payloads.map(({ name }) => name)).toEqual([
			...["wifi", "vpn", "mail", "wifi-2", "root", "root-2", "root-3", "caldav"],
			...["Gr-e", "payload", "webcontent-filter", "x".repeat(58), "payload-2", "a"],
		]);
	});

	it("is for nobody until somebody says for whom", () => {
		const document = documentFromProfile(dict(profile([])), "a");
		expect(document).toMatchObject({ name: "a", for: [], except: [], priority: 0, secrets: {}, updateAfterDays: null });
	});

	it("keeps references by PayloadUUID", () => {
		const root = payload("com.apple.security.root", { PayloadContent: new Uint8Array([1]) }, "root");
		const eap = payload("com.apple.wifi.managed", {
			EAPClientConfiguration: { PayloadCertificateAnchorUUID: [uuid("root")] },
		});
		const again = profileFromDocument(documentFromProfile(dict(profile([root, eap])), "a"));
		expect(again).toEqual(profile([root, eap]));
	});

	it.each([
		[
			"encrypted",
			{ ...profile([]), IsEncrypted: true, EncryptedPayloadContent: new Uint8Array([0x30]) },
			/encrypted to one device/,
		],
		["encrypted without saying so", { EncryptedPayloadContent: new Uint8Array([0x30]) }, /encrypted to one device/],
		["of device management", profile([payload("com.apple.mdm", {})]), /com\.apple\.mdm/],
		["without payloads", { PayloadType: "Configuration" }, /no list of payloads/],
		["whose payloads are a dictionary", profile({ URL: "https://example.com/" }), /no list of payloads/],
		["with a payload that is a text", profile([payload("a", {}), "b"]), /PayloadContent\[1\]/],
		["with 1,001 payloads", profile(Array.from({ length: 1_001 }, () => ({}))), /more than 1000/],
	])("refuses a profile %s", (_, whole, words) => {
		const attempt = () => documentFromProfile(dict(whole), "a");
		expect(attempt).toThrow(expect.objectContaining({ code: "malformed", message: expect.stringMatching(words) }));
	});
});

describe("an export", () => {
	const document = documentWith([
		{ name: "w", payload: wifi() },
		{
			name: "own",
			payload: wifi({ PayloadIdentifier: "com.example.own", PayloadVersion: 1, PayloadUUID: uuid("own") }),
		},
	]);

	it("fills in what every profile needs, so that nothing is missing", () => {
		expect(lintProfile(profileFromDocument(document)).filter(({ level }) => level === "error")).toEqual([]);
		expect(profileFromDocument(document)).toMatchObject({
			PayloadType: "Configuration",
			PayloadVersion: 1,
			PayloadIdentifier: "ota.profile.office",
			PayloadDisplayName: "office",
			PayloadContent: [
				{ PayloadVersion: 1, PayloadIdentifier: "ota.profile.office.w", SSID_STR: "Office" },
				{ PayloadIdentifier: "com.example.own", PayloadUUID: uuid("own") },
			],
		});
	});

	it("is the same every time, and another one for another profile", () => {
		expect(profileFromDocument(document)).toEqual(profileFromDocument(structuredClone(document)));
		const other = profileFromDocument({ ...document, name: "other" });
		expect(other.PayloadUUID).not.toBe(profileFromDocument(document).PayloadUUID);
	});
});
