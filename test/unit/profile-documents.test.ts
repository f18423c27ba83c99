// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of templates look like that.
/** The three profiles as documents: read back equal by readers of their own, and nothing secret outside. */
import { describe, expect, it } from "@jest/globals";
import { isDict, readPlist } from "../../lib/apple/plist-reader.ts";
import type { Template } from "../../lib/options.ts";
import { assign } from "../../lib/profile/assign.ts";
import { composeFinal, type FinalProfile } from "../../lib/profile/compose.ts";
import { defaultTemplates } from "../../lib/profile/default-templates.ts";
import { encryptedProfile, finalContent, targetDeviceType } from "../../lib/profile/final-profile.ts";
import { identityProfile } from "../../lib/profile/identity-profile.ts";
import { isUuid, payloadUuid } from "../../lib/profile/payload-uuid.ts";
import { profileService } from "../../lib/profile/profile-service.ts";
import { type PropertyListDict, propertyList } from "../../lib/profile/property-list.ts";
import type { ScepEnrollment } from "../../lib/profile/scep-payload.ts";
import { subjectOf } from "../../lib/profile/subject.ts";
import { parseTemplate } from "../../lib/profile/templates.ts";
import { templatesDocument } from "../../lib/profile/templates-document.ts";
import { profileVariables } from "../../lib/profile/variables.ts";
import { hasPlistlib, readWithPlistlib, tagged } from "./profile-plistlib.ts";

const organization = `Müller & Söhne <"GmbH"> ]]> 'x' \u{1F600}`;
const udid = "00008110-000A1B2C3D4E801E";
const fingerprint = new Uint8Array(20).map((_, index) => index);
const rootCertificate = new Uint8Array(900).map((_, index) => index & 0xff);
const withPlistlib = hasPlistlib ? it : it.skip;

const scep: ScepEnrollment = {
	scepUrl: "https://ota.example.com/scep?a=1&b=2",
	name: "Example CA",
	subject: [
		["O", organization],
		["CN", "alice@example.com"],
	],
	subjectAltName: { rfc822Name: "alice@example.com" },
	challenge: "ab".repeat(32),
	caFingerprint: fingerprint,
};
const service = {
	url: "https://ota.example.com/profile",
	organization,
	challenge: "cd".repeat(32),
	identifier: "com.example.ota.service",
	uuid: payloadUuid("enrollment", "service"),
	attributes: ["UDID", "SERIAL"],
};
const now = new Date(Date.UTC(2026, 10, 26, 12));
const subject = subjectOf(
	{
		...{ id: "1", email: "alice@example.com", name: `Alice "A" <& O'Neill> \u{1F34E}` },
		...{ groups: [], claims: {} },
	},
	{ UDID: udid, SERIAL: "F2LXK1ABCDEF", PRODUCT: "iPhone15,2", VERSION: "22A3354" },
);
const assignmentOf = (templates: readonly Template[]) =>
	assign([{ document: templatesDocument(templates), version: 0 }], subject, now);
const final: FinalProfile = {
	assignment: assignmentOf(defaultTemplates.map(({ file, text }) => parseTemplate(file, text))),
	variables: profileVariables({
		...{ subject, enrollment: { id: "e", createdAt: now }, organization },
		...{ baseUrl: "https://ota.example.com", rootCertificate },
	}),
	secrets: new Map(),
	clientScep: { ...scep, challenge: "ef".repeat(32) },
	organization,
	identifier: "com.example.ota.configuration",
	scope: udid,
};
const text = (xml: Uint8Array) => new TextDecoder().decode(xml);

const scepContent = (challenge: string) => ({
	URL: scep.scepUrl,
	Name: "Example CA",
	Subject: [[["O", organization]], [["CN", "alice@example.com"]]],
	SubjectAltName: { rfc822Name: "alice@example.com" },
	Challenge: challenge,
	CAFingerprint: fingerprint,
	Keysize: 2048,
	"Key Type": "RSA",
	"Key Usage": 5,
	KeyIsExtractable: false,
	Retries: 3,
	RetryDelay: 10,
});

describe("the profile service", () => {
	const expected = {
		PayloadType: "Profile Service",
		PayloadVersion: 1,
		PayloadIdentifier: service.identifier,
		PayloadUUID: service.uuid,
		PayloadDisplayName: "Device enrollment",
		PayloadOrganization: organization,
		PayloadDescription: `Identifies this device and enrolls it with ${organization}.`,
		PayloadContent: { URL: service.url, DeviceAttributes: ["UDID", "SERIAL"], Challenge: service.challenge },
	};

	it("is one bare payload dictionary, read back equal", () => {
		const read = readPlist(profileService(service));
		expect(isDict(read)).toBe(true);
		expect(tagged(read)).toEqual(tagged(expected));
	});
	withPlistlib("reads back equal with plistlib", () => {
		expect(readWithPlistlib(profileService(service))).toEqual(tagged(expected));
	});
});

describe("the identity profile", () => {
	const profile = identityProfile({ ...scep, organization, identifier: "com.example.ota.id", uuid: service.uuid });

	withPlistlib("holds exactly one payload, the SCEP enrollment, and reads back equal with plistlib", () => {
		expect(readWithPlistlib(profile)).toEqual(
			tagged({
				PayloadType: "Configuration",
				PayloadVersion: 1,
				PayloadIdentifier: "com.example.ota.id",
				PayloadUUID: service.uuid,
				PayloadDisplayName: "Device identity",
				PayloadOrganization: organization,
				PayloadDescription: "Gives this device the key that its configuration will be encrypted to.",
				PayloadContent: [
					{
						PayloadType: "com.apple.security.scep",
						PayloadVersion: 1,
						PayloadIdentifier: "com.example.ota.id.identity",
						PayloadUUID: payloadUuid(service.uuid, "identity"),
						PayloadDisplayName: "Device identity",
						PayloadOrganization: organization,
						PayloadContent: scepContent(scep.challenge),
					},
				],
			}),
		);
	});

	it("writes whole numbers as integer", () => {
		expect(text(profile)).not.toContain("<real>");
		expect(text(profile).match(/<integer>/g)).toHaveLength(6);
	});

	it.each([
		["a control character in the subject", { subject: [["CN", "a\u0000"]] as const }, "policy"],
		["a lone surrogate in the e-mail address", { subjectAltName: { rfc822Name: "\udc00@example.com" } }, "policy"],
		["a fingerprint of another hash", { caFingerprint: new Uint8Array(32) }, "config"],
	])("refuses %s", (_, change, code) => {
		const wrong = { ...scep, ...change, organization, identifier: "a", uuid: service.uuid };
		expect(() => identityProfile(wrong)).toThrow(expect.objectContaining({ code }));
	});

	it("leaves an empty SubjectAltName out", () => {
		const bare = identityProfile({ ...scep, subjectAltName: {}, organization, identifier: "a", uuid: service.uuid });
		expect(text(bare)).not.toContain("SubjectAltName");
	});
});

describe("the final profile's content", () => {
	const payloads = composeFinal(final);
	const [client, wifi, clip, root] = payloads;

	withPlistlib("is an array at its root and reads back equal with plistlib", () => {
		const read = readWithPlistlib(finalContent(payloads));
		expect(read[0]).toBe("array");
		expect(read).toEqual(tagged(payloads));
	});

	it("begins with the client identity's SCEP enrollment", () => {
		expect(client).toMatchObject({
			PayloadType: "com.apple.security.scep",
			PayloadIdentifier: "com.example.ota.configuration.client-identity",
			PayloadContent: scepContent("ef".repeat(32)),
		});
	});

	it("signs in to the Wi-Fi with that identity", () => {
		expect(wifi).toMatchObject({
			PayloadType: "com.apple.wifi.managed",
			PayloadVersion: 1,
			PayloadIdentifier: "com.example.ota.configuration.payload.10-wifi",
			PayloadCertificateUUID: client?.PayloadUUID,
			SSID_STR: organization,
			EAPClientConfiguration: { AcceptEAPTypes: [13], UserName: "alice@example.com" },
		});
	});

	it("carries the person, the device and the root certificate", () => {
		expect(clip?.PayloadDescription).toBe(`For Alice "A" <& O'Neill> \u{1F34E}, device F2LXK1ABCDEF`);
		expect(root?.PayloadContent).toEqual(rootCertificate);
	});

	it("gives the same UUIDs to the same device, and others to another", () => {
		const uuids = (scope: string) => composeFinal({ ...final, scope }).map(({ PayloadUUID }) => String(PayloadUUID));
		expect(uuids(udid)).toEqual(payloads.map(({ PayloadUUID }) => PayloadUUID));
		expect(uuids(udid).every(isUuid)).toBe(true);
		expect(new Set([...uuids(udid), ...uuids("another")]).size).toBe(8);
	});

	it("orders templates by name and lets one name another's payload", () => {
		const wanted: Template[] = [
			{ name: "b", payload: { PayloadType: "x", Anchor: ["${payload.a}"] } },
			{ name: "a", payload: { PayloadType: "x" } },
		];
		const [, first, second] = composeFinal({ ...final, assignment: assignmentOf(wanted) });
		expect(first?.PayloadIdentifier).toBe("com.example.ota.configuration.payload.a");
		expect(second?.Anchor).toEqual([first?.PayloadUUID]);
	});

	const uuid = "4F1E0F0E-0000-4000-8000-00000000000A";
	it.each<[string, Template[]]>([
		[
			"two payloads with one UUID",
			[
				{ name: "a", payload: { PayloadType: "x", PayloadUUID: uuid } },
				{ name: "b", payload: { PayloadType: "x", PayloadUUID: uuid.toLowerCase() } },
			],
		],
		[
			"a payload with the client identity's identifier",
			[
				{
					name: "a",
					payload: { PayloadType: "x", PayloadIdentifier: "com.example.ota.configuration.CLIENT-identity" },
				},
			],
		],
		["a PayloadUUID that is none", [{ name: "a", payload: { PayloadType: "x", PayloadUUID: "${user.id}" } }]],
		["no PayloadType", [{ name: "a", payload: {} }]],
		["another PayloadVersion", [{ name: "a", payload: { PayloadType: "x", PayloadVersion: 2 } }]],
		["an unknown variable", [{ name: "a", payload: { PayloadType: "x", A: "${user.mail}" } }]],
	])("refuses %s", (_, templates) => {
		expect(() => composeFinal({ ...final, assignment: assignmentOf(templates) })).toThrow(
			expect.objectContaining({ code: "config" }),
		);
	});
});

describe("the outer profile", () => {
	const outer = {
		envelopedData: new Uint8Array(3000).map((_, index) => (index * 7) & 0xff),
		organization,
		identifier: "com.example.ota.configuration",
		uuid: payloadUuid(udid, "configuration"),
		displayName: "Configuration",
		expiration: new Date(Date.UTC(2027, 10, 24, 8, 30, 15, 250)),
		targetDeviceType: targetDeviceType("iPhone15,2"),
		outer: {},
	};
	const expected = {
		PayloadType: "Configuration",
		PayloadVersion: 1,
		PayloadIdentifier: outer.identifier,
		PayloadUUID: outer.uuid,
		PayloadDisplayName: "Configuration",
		PayloadOrganization: organization,
		PayloadExpirationDate: new Date(Date.UTC(2027, 10, 24, 8, 30, 15)),
		TargetDeviceType: 1,
		IsEncrypted: true,
		EncryptedPayloadContent: outer.envelopedData,
	};

	it("has these keys and no others, so that it tells nothing of the person, the device or the network", () => {
		const read = readPlist(encryptedProfile(outer));
		expect(tagged(read)).toEqual(tagged(expected));
		const { EncryptedPayloadContent, ...readable } = read;
		expect(EncryptedPayloadContent).toEqual(outer.envelopedData);
		for (const secret of ["alice", "Alice", udid, "F2LXK1ABCDEF", "SSID", "scep", "ota.example.com"]) {
			expect(JSON.stringify(readable)).not.toContain(secret);
		}
	});
	withPlistlib("reads back equal with plistlib", () => {
		expect(readWithPlistlib(encryptedProfile(outer))).toEqual(tagged(expected));
	});

	it("says what operators want around the payloads, and stays what it is", () => {
		const wanted = {
			...{ PayloadDisplayName: "Office", ConsentText: { default: "Yes" }, PayloadRemovalDisallowed: true },
			DurationUntilRemoval: 60,
		};
		const never = {
			...{ PayloadIdentifier: "i", PayloadUUID: "u", PayloadType: "t", PayloadVersion: 2, PayloadContent: ["s"] },
			...{ IsEncrypted: false, EncryptedPayloadContent: new Uint8Array(1) },
		};
		const read = readPlist(encryptedProfile({ ...outer, outer: { ...wanted, ...never } }));
		expect(tagged(read)).toEqual(tagged({ ...expected, ...wanted }));
	});

	it.each([
		[1, 5, 1],
		[1, 0, 1],
		[0, 5, 5],
	])("is for the device's kind %i, though %i is wished: %i", (targetDeviceType, wished, told) => {
		const read = readPlist(encryptedProfile({ ...outer, targetDeviceType, outer: { TargetDeviceType: wished } }));
		expect(read.TargetDeviceType).toBe(told);
	});

	it.each([
		["the identity's", undefined, outer.expiration],
		["the profiles', where it is earlier", new Date(0), new Date(0)],
		["the identity's, where that is earlier", new Date(Date.UTC(2040, 0)), outer.expiration],
	])("offers an update at the time that is %s", (_, wished, expiration) => {
		const own: PropertyListDict = wished ? { PayloadExpirationDate: wished } : {};
		const xml = text(encryptedProfile({ ...outer, outer: own }));
		expect(xml).toContain(`<date>${expiration.toISOString().slice(0, 19)}Z</date>`);
	});

	it("is refused when nothing was encrypted", () => {
		expect(() => encryptedProfile({ ...outer, envelopedData: new Uint8Array() })).toThrow(
			expect.objectContaining({ code: "internal" }),
		);
	});

	it.each([
		["iPhone15,2", 1],
		["iPad14,1", 1],
		["MacBookPro16,1", 5],
		["iMac21,1", 5],
		["Mac14,2", 5],
		["AppleTV11,1", 4],
		["RealityDevice14,1", 6],
		["Else1,1", 0],
		[null, 0],
	])("is for the kind of device that %s is: %i", (product, type) => expect(targetDeviceType(product)).toBe(type));
});

describe("propertyList", () => {
	const odd = {
		a: "\t\r\n é \u{1F600} ]]> &amp; <!-- -->",
		b: -0.5,
		c: 0,
		d: [[], {}, ""],
		e: new Date(0),
		"Key Type": false,
	};

	withPlistlib("keeps every value and every character", () => {
		expect(readWithPlistlib(propertyList(odd))).toEqual(tagged(odd));
	});

	it.each<[string, unknown]>([
		["a control character", "\u0007"],
		["NUL", "a\u0000b"],
		["a lone surrogate", "\ud800"],
		["a noncharacter", "\ufffe"],
		["infinity", Number.POSITIVE_INFINITY],
		["an inexact integer", 2 ** 60],
		["a date that is none", new Date(Number.NaN)],
		["null", null],
		["undefined", undefined],
		["a function", () => 1],
		["a class's object", new Map()],
		["an empty key", { "": 1 }],
		["a key that XML cannot carry", { "\u0001": 1 }],
		[
			"what refers to itself",
			(() => {
				const loop: unknown[] = [];
				loop.push(loop);
				return loop;
			})(),
		],
	])("refuses %s, naming the key path", (_, value) => {
		expect(() => propertyList({ a: [value] } as never)).toThrow(
			expect.objectContaining({ code: "config", message: expect.stringContaining("a[0]") }),
		);
	});
});
