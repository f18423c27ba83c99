// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/** Documents to payloads: references, secrets, the device's UUIDs, and the judgement before delivery. */
import { describe, expect, it } from "@jest/globals";
import { composeOuter, judgeFinal, secretsWanted } from "../../lib/profile/compose.ts";
import { documentFromProfile, profileFromDocument } from "../../lib/profile/document-file.ts";
import { lintDocument } from "../../lib/profile/document-lint.ts";
import { encryptedProfile } from "../../lib/profile/final-profile.ts";
import { lintProfile } from "../../lib/profile/lint.ts";
import { payloadUuid } from "../../lib/profile/payload-uuid.ts";
import { readProfileFile } from "../../lib/profile/profile-file.ts";
import { type PropertyListDict, propertyList } from "../../lib/profile/property-list.ts";
import { templatesDocument } from "../../lib/profile/templates-document.ts";
import {
	assigned,
	clip,
	composed,
	composedWhole,
	documentOf,
	identifier,
	now,
	rootCertificate,
	subjectWith,
	udid,
	variablesOf,
} from "../harness/profile-examples.ts";

const uuid = "4F1E0F0E-0000-4000-8000-00000000000A";
const root: PropertyListDict = { PayloadType: "com.apple.security.root", PayloadContent: "${certificate.root}" };
const guests = [{ group: ["guests"] }];
const faultOf = (act: () => unknown): unknown => {
	try {
		return act();
	} catch (error) {
		return error;
	}
};

describe("a payload of a document", () => {
	it("has its own identifier, else one of its profile and name, and this device's UUID", () => {
		const document = documentOf("p", { a: clip("1"), b: clip("2", { PayloadIdentifier: "own" }) });
		expect(composed(assigned(document))).toMatchObject([
			{ PayloadIdentifier: `${identifier}.payload.p.a`, PayloadUUID: payloadUuid(udid, `${identifier}/p/a`) },
			{ PayloadIdentifier: "own", PayloadUUID: payloadUuid(udid, `${identifier}/p/b`) },
		]);
	});

	it("has an identifier of its own, whatever full stops its names have", () => {
		const names = ["zoo", "zoo.x", "zoo-", "zoo-.x", "a.-b", "a-.b", "x", "x.y", "y"];
		const documents = names.map((profile) =>
			documentOf(profile, Object.fromEntries([...names, "wifi", "x.wifi"].map((name) => [name, clip(profile + name)]))),
		);
		const payloads = composed(assigned(...documents));
		const identifiers = new Set(payloads.map(({ PayloadIdentifier: each }) => String(each).toUpperCase()));
		expect([payloads.length, identifiers.size]).toEqual([99, 99]);
		for (const each of identifiers) expect(each).toMatch(/^[A-Z0-9.-]+$/);
	});

	it.each([
		["zoo", "x.wifi", "zoo.x-.wifi"],
		["zoo.x", "wifi", "zoo-.x.wifi"],
		["zoo-a", "x.wifi", "zoo--a.x-.wifi"],
		["zoo-a", "wifi_b", "zoo-a.wifi_b"],
	])("is called so: profile %s, payload %s", (profile, name, end) => {
		const [payload] = composed(assigned(documentOf(profile, { [name]: clip("a") })));
		expect(payload?.PayloadIdentifier).toBe(`${identifier}.payload.${end}`);
	});

	it("of a template file has the identifier and the UUID that devices know from before there were profiles", () => {
		const templates = templatesDocument([
			{ name: "10-wifi", payload: clip("1", { Ref: "${payload.vpn.office}" }) },
			{ name: "vpn.office", payload: clip("2") },
		]);
		const [first, second] = composed(assigned(templates));
		expect([first, second]).toMatchObject([
			{
				PayloadIdentifier: `${identifier}.payload.10-wifi`,
				PayloadUUID: payloadUuid(udid, `${identifier}/payload.10-wifi`),
			},
			{
				PayloadIdentifier: `${identifier}.payload.vpn.office`,
				PayloadUUID: payloadUuid(udid, `${identifier}/payload.vpn.office`),
			},
		]);
		expect(first?.Ref).toBe(second?.PayloadUUID);
	});

	it("is listed in Settings by its own name, else by its type's", () => {
		const wifi = { PayloadType: "com.apple.wifi.managed", SSID_STR: "1" };
		const named = { ...wifi, SSID_STR: "2", PayloadDisplayName: "Office" };
		const unknown = { PayloadType: "com.example.unknown" };
		const names = composed(assigned(documentOf("p", { wifi, named, unknown }))).map((each) => each.PayloadDisplayName);
		expect(names).toEqual(["Wi-Fi", "Office", undefined]);
	});

	it("refers by name to a payload of its own profile", () => {
		const wifi = (name: string) => ({
			PayloadType: "com.apple.wifi.managed",
			SSID_STR: name,
			Anchor: "${payload.root}",
		});
		const other = { ...root, PayloadContent: new Uint8Array([1]) };
		const [one, two, three, four] = composed(
			assigned(documentOf("a", { root, wifi: wifi("1") }), documentOf("b", { root: other, wifi: wifi("2") })),
		);
		expect([two?.Anchor, four?.Anchor]).toEqual([one?.PayloadUUID, three?.PayloadUUID]);
	});

	it("follows a reference to what a conflict put in the place of the one named", () => {
		const wifi = { PayloadType: "com.apple.wifi.managed", ByName: "${payload.root}", ByUuid: uuid.toLowerCase() };
		const low = documentOf("low", { root: { ...root, PayloadUUID: uuid }, wifi });
		const high = documentOf("high", { anchor: { ...root, PayloadUUID: "ignored" } }, { priority: 1 });
		expect(faultOf(() => composed(assigned(high, low)))).toMatchObject({ code: "config" });
		const [first, second] = composed(assigned(documentOf("high", { anchor: root }, { priority: 1 }), low));
		expect(first?.PayloadUUID).toBe(payloadUuid(udid, `${identifier}/high/anchor`));
		expect([second?.ByName, second?.ByUuid]).toEqual([first?.PayloadUUID, first?.PayloadUUID]);
	});

	it("is refused when it names a payload that this device does not get", () => {
		const document = documentOf("p", [
			{ name: "root", payload: root, for: guests },
			{ name: "wifi", payload: { PayloadType: "com.apple.wifi.managed", Anchor: ["${payload.root}"] } },
		]);
		expect(faultOf(() => composed(assigned(document)))).toMatchObject({
			code: "config",
			message:
				'Profile p, payload wifi: Anchor[0]: variable "payload.root" names no payload of its profile that this device gets',
		});
	});

	it("has the device's UUID wherever its file named one of the profile's", () => {
		const document = documentOf("p", {
			root: { ...root, PayloadUUID: uuid.toLowerCase() },
			wifi: {
				...{ PayloadType: "com.apple.wifi.managed", PayloadIdentifier: uuid, Text: `x ${uuid}` },
				Deep: [{ PayloadCertificateUUID: uuid, Other: uuid.replace("A", "B") }],
			},
		});
		const [first, second] = composed(assigned(document));
		const own = payloadUuid(udid, `${identifier}/p/root`);
		expect(first?.PayloadUUID).toBe(own);
		expect(second).toMatchObject({
			...{ PayloadIdentifier: uuid, Text: `x ${uuid}` },
			Deep: [{ PayloadCertificateUUID: own, Other: uuid.replace("A", "B") }],
		});
		expect(JSON.stringify(composed(assigned(document), { scope: "another" }))).not.toContain(own);
	});

	it("means, of two with one UUID for different people, the one that this device gets", () => {
		const document = documentOf("p", [
			{ name: "guests", payload: clip("1", { PayloadUUID: uuid }), for: guests },
			{ name: "staff", payload: clip("2", { PayloadUUID: uuid }) },
			{ name: "wifi", payload: { PayloadType: "x", Ref: uuid } },
		]);
		const [staff, wifi] = composed(assigned(document));
		expect(wifi?.Ref).toBe(staff?.PayloadUUID);
	});

	it("is the same for the same input", () => {
		const document = documentOf("p", { a: clip("${user.login}"), root });
		expect(composed(assigned(document))).toEqual(composed(assigned(document)));
	});
});

describe("a secret", () => {
	const canary = "${user.email}-hunter2";
	const wifi: PropertyListDict = { PayloadType: "com.apple.wifi.managed", SSID_STR: "n", Password: "${secret.psk}" };

	it("is asked for in its version, for assigned payloads alone, once", () => {
		const document = documentOf(
			"p",
			[
				{ name: "wifi", payload: { ...wifi, Again: ["${secret.psk}"] } },
				{ name: "guests", payload: clip("${secret.guests}"), for: guests },
			],
			{ secrets: { psk: 3, unused: 1 } },
		);
		expect(secretsWanted(assigned(document))).toEqual([{ profile: "p", name: "psk", version: 3 }]);
	});

	it.each(["psk", "toString"])("without a version is refused: %s", (name) => {
		const document = documentOf("p", { wifi: { ...wifi, Password: `\${secret.${name}}` } });
		expect(faultOf(() => secretsWanted(assigned(document)))).toMatchObject({
			code: "config",
			message: expect.stringContaining(`Profile p, payload wifi: secret ${name} has no value`),
		});
	});

	it("is put in as it is, of its own profile, data as data", () => {
		const p12 = new Uint8Array([1, 2]);
		const document = documentOf("p", {
			wifi,
			identity: { PayloadType: "com.apple.security.pkcs12", PayloadContent: "${secret.file}" },
		});
		const secrets = { "p/psk": canary, "p/file": p12, "q/psk": "another's" };
		expect(composed(assigned(document), { secrets })).toMatchObject([{ Password: canary }, { PayloadContent: p12 }]);
	});

	it.each<[string, string | Uint8Array, PropertyListDict]>([
		["that XML cannot carry", `${canary}\u0000`, wifi],
		["of data inside text", new TextEncoder().encode(canary), { ...wifi, Password: "x${secret.psk}" }],
		["in a payload that is at fault", canary, { ...wifi, PayloadVersion: "${secret.psk}" }],
		["beside an unknown variable", canary, { ...wifi, A: "${secret.psk}${user.mail}" }],
		["in a payload without a type", canary, { ...wifi, PayloadType: "" }],
	])("%s is never in what is told", (_, value, payload) => {
		const error = faultOf(() =>
			composed(assigned(documentOf("p", { wifi: payload })), { secrets: { "p/psk": value } }),
		);
		expect(error).toMatchObject({ name: "OtaError" });
		expect(String(error)).not.toContain("hunter2");
	});
});

describe("composeOuter", () => {
	const outerOf = (profile: PropertyListDict) =>
		composeOuter(assigned(documentOf("p", { a: clip("a") }, { profile })), variablesOf(subjectWith()));

	it("replaces what may be read by anyone", () => {
		const ConsentText = { default: "${organization}: ${baseUrl}/" };
		expect(outerOf({ ConsentText })).toEqual({ ConsentText: { default: "Example: https://ota.example.com/" } });
	});

	it("lets texts to agree to through, from a file to the device, those of several profiles in one", () => {
		const consent = (texts: PropertyListDict) => ({ ConsentText: texts });
		const documents = [
			documentOf("a", { a: clip("a") }, { profile: consent({ default: "Hi", de: "Hallo" }) }),
			documentOf("b", { b: clip("b") }, { profile: consent({ default: "Rules", fr: "Règles" }) }),
		];
		for (const document of documents) {
			const read = documentFromProfile(readProfileFile(propertyList(profileFromDocument(document))).profile, "again");
			expect(lintDocument({ ...read, for: "everyone" })).toEqual([]);
		}
		const assignment = assigned(...documents);
		const outer = composeOuter(assignment, variablesOf(subjectWith()));
		expect(faultOf(() => judgeFinal(composedWhole(assignment), outer, subjectWith(), assignment))).toBe(undefined);
		const file = encryptedProfile({
			...{ envelopedData: new Uint8Array([0x30]), organization: "Example", identifier, uuid, displayName: "Example" },
			...{ expiration: now, targetDeviceType: 1, outer },
		});
		const { profile } = readProfileFile(file);
		expect(profile.ConsentText).toEqual({ default: "Hi\n\nRules", de: "Hallo\n\nRules", fr: "Hi\n\nRègles" });
		expect(lintProfile(profile)).toEqual([]);
	});

	it.each(["${user.name}", "${device.serial}", "${secret.psk}", "${user.claims.department}"])("refuses %s", (text) => {
		expect(faultOf(() => outerOf({ PayloadDisplayName: text }))).toBeInstanceOf(Error);
	});
});

describe("judgeFinal", () => {
	const judged = (payloads: Record<string, PropertyListDict>, device: Readonly<Record<string, string>> = {}) => {
		const assignment = assigned(documentOf("office", payloads));
		const all = composedWhole(assignment, { secrets: { "office/psk": "hunter2" } });
		return faultOf(() => judgeFinal(all, assignment.outer, subjectWith({}, device), assignment));
	};
	const restrictions = { PayloadType: "com.apple.applicationaccess", allowSafari: false, allowAirDrop: false };

	it.each(["iPhone15,4", "iPad14,1", "Mac14,2"])(
		"lets pass on an %s what it passes over unless it is supervised",
		(PRODUCT) => {
			expect(judged({ restrictions }, { PRODUCT })).toBe(undefined);
		},
	);

	it("lets pass what the device takes, and keys that it passes over", () => {
		expect(
			judged({ root, wifi: { PayloadType: "com.apple.wifi.managed", SSID_STR: "n", SetupModes: ["System"] } }),
		).toBe(undefined);
	});

	it.each<[string, Record<string, PropertyListDict>, Readonly<Record<string, string>>, string]>([
		[
			"a payload newer than the system",
			{ relay: { PayloadType: "com.apple.relay.managed", Relays: [{ HTTP3RelayURL: "https://e/" }] } },
			{ VERSION: "20H19" },
			"payload relay, PayloadType: ",
		],
		[
			"a payload of another system",
			{ mail: { PayloadType: "com.apple.eas.account", Host: "mail.example.com" } },
			{ PRODUCT: "Mac14,2" },
			"payload mail, PayloadType: ",
		],
		[
			"a variable of another type than its key's",
			{ wifi: { PayloadType: "com.apple.wifi.managed", SSID_STR: "n", AutoJoin: "${secret.psk}" } },
			{},
			"payload wifi, AutoJoin: ",
		],
		["device management", { mdm: { PayloadType: "com.apple.mdm" } }, {}, "payload mdm, "],
	])("refuses %s, naming it", (_, payloads, device, place) => {
		const error = judged(payloads, device);
		expect(error).toMatchObject({ code: "config", message: expect.stringContaining(`Profile office, ${place}`) });
		expect(String(error)).not.toContain("hunter2");
	});
});

it("the root certificate of the examples is data", () => {
	expect(composed(assigned(documentOf("p", { root })))[0]?.PayloadContent).toEqual(rootCertificate);
});
