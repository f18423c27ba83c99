// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/** The lint of documents: what it finds beyond a profile's, and what it leaves alone. */
import { describe, expect, it } from "@jest/globals";
import { composeOuter } from "../../lib/profile/compose.ts";
import type { DocumentPayload, ProfileDocument, Rule } from "../../lib/profile/document.ts";
import { lintDocument } from "../../lib/profile/document-lint.ts";
import type { PropertyListDict } from "../../lib/profile/property-list.ts";
import { assigned, subjectWith, variablesOf } from "../harness/profile-examples.ts";
import { documentWith, wifi } from "./document-samples.ts";
import { uuid } from "./lint-examples.ts";

const briefly = (document: ProfileDocument, ...rules: string[]) =>
	lintDocument(document)
		.filter(({ rule }) => rules.includes(rule))
		.map(({ rule, level, path, payload }) => `${rule} ${level} ${payload?.index ?? "-"} ${path}`);
const one = (keys: PropertyListDict, rest: Partial<ProfileDocument> = {}) =>
	documentWith([{ name: "w", payload: wifi(keys) }], rest);

describe("a good document", () => {
	it("has nothing to find", () => {
		const payloads = [
			{ name: "ca", payload: { PayloadType: "com.apple.security.root", PayloadContent: "${certificate.root}" } },
			{
				name: "w",
				for: [{ group: ["staff"], claim: { login: ["ana"] } }],
				payload: wifi({
					Password: "${secret.w.Password}",
					PayloadCertificateUUID: "${identity.client}",
					EAPClientConfiguration: {
						AcceptEAPTypes: [13],
						UserName: "${user.claims.login}-$${x}",
						PayloadCertificateAnchorUUID: ["${payload.ca}"],
					},
				}),
			},
		];
		const profile = { PayloadDisplayName: "Wi-Fi of ${organization}" };
		expect(lintDocument(documentWith(payloads, { profile, secrets: { "w.Password": 1 } }))).toEqual([]);
	});
});

describe("a variable", () => {
	it.each([
		["unknown", "${user.mail}", "error"],
		["of a payload that is not there", "a ${payload.x} b", "error"],
		["without its end", "a ${user.email", "error"],
		["of a claim without a name", "${user.claims.}", "error"],
	])("%s is an error", (_, text) => {
		expect(briefly(one({ SSID_STR: text }), "variable")).toEqual(["variable error 0 SSID_STR"]);
		expect(briefly(one({ EAPClientConfiguration: { TLSTrustedServerNames: [text] } }), "variable")).toEqual([
			"variable error 0 EAPClientConfiguration.TLSTrustedServerNames[0]",
		]);
	});

	it.each([
		"a",
		"user.name",
		"device.serial",
		"secret.x",
		"payload.w",
		"identity.client",
		"user.claims.x",
		"certificate.root",
	])("around the payloads is an error: %s", (name) => {
		const outer = { profile: { PayloadDescription: `Of \${${name}}` }, secrets: { x: 1 } };
		expect(briefly(one({}, outer), "variable")).toEqual(["variable error - PayloadDescription"]);
	});

	it("around the payloads may be what composing replaces there", () => {
		const PayloadDescription = "${organization} at ${baseUrl}";
		const text = one({}, { profile: { PayloadDescription } });
		expect(briefly(text, "variable")).toEqual([]);
		expect(composeOuter(assigned(text), variablesOf(subjectWith()))).toEqual({
			PayloadDescription: "Example at https://ota.example.com",
		});
	});

	it.each<[what: string, keys: PropertyListDict, found: string[]]>([
		["a list where a text is needed", { SSID_STR: "${user.groups}" }, ["type error 0 SSID_STR"]],
		["a date where a text is needed", { SSID_STR: "${enrollment.date}" }, ["type error 0 SSID_STR"]],
		["octets where a text is needed", { SSID_STR: "${certificate.root}" }, ["type error 0 SSID_STR"]],
		["a text where true or false is needed", { AutoJoin: "${user.email}" }, ["type error 0 AutoJoin"]],
		["a longer text where true or false is needed", { AutoJoin: "a${user.groups}" }, ["type error 0 AutoJoin"]],
		[
			"a list in a list",
			{ EAPClientConfiguration: { TLSTrustedServerNames: ["${user.groups}"] } },
			["type error 0 EAPClientConfiguration.TLSTrustedServerNames[0]"],
		],
		["octets inside of a text", { SSID_STR: "a${certificate.root}" }, ["variable error 0 SSID_STR"]],
		["a list inside of a text", { SSID_STR: "a ${user.groups} ${enrollment.date}" }, []],
		["a list where one is needed", { EAPClientConfiguration: { TLSTrustedServerNames: "${user.groups}" } }, []],
		["what nobody knows yet", { AutoJoin: "${user.claims.roams}", HIDDEN_NETWORK: "${secret.x}" }, []],
	])("that stands for %s: %#", (_, keys, found) => {
		const document = one(keys, { secrets: { x: 1 }, for: [{ claim: { roams: [true] } }] });
		expect(briefly(document, "type", "variable")).toEqual(found);
	});

	it("of a claim is a warning unless every rule asks for it", () => {
		const claim = (name: string): Rule => ({ claim: { [name]: ["a"] } });
		const found = (audience: ProfileDocument["for"], rules?: Rule[]) => {
			const payload = { name: "w", payload: wifi({ SSID_STR: "${user.claims.site}" }), ...(rules && { for: rules }) };
			return briefly(documentWith([payload], { for: audience }), "variable");
		};
		const warned = ["variable warning 0 SSID_STR"];
		expect(found("everyone")).toEqual(warned);
		expect(found("everyone", [{ group: ["staff"] }])).toEqual(warned);
		expect(found([claim("site"), claim("other")])).toEqual(warned);
		expect(found([claim("site"), { ...claim("site"), group: ["a"] }])).toEqual([]);
		expect(found("everyone", [claim("site")])).toEqual([]);
	});

	it("that is known, and a literal, are none", () => {
		expect(briefly(one({ SSID_STR: "${device.serial} $${x} ${payload.w} $ {" }), "variable")).toEqual([]);
	});
});

describe("a secret", () => {
	it("in plain text is an error, once, and no variable", () => {
		expect(briefly(one({ Password: "a${b" }), "secret", "variable")).toEqual(["secret error 0 Password"]);
	});
	it("by a name without a value is an error", () => {
		expect(briefly(one({ Password: "${secret.x}" }), "secret", "variable")).toEqual(["secret error 0 Password"]);
		expect(briefly(one({ Password: "${secret.x}" }, { secrets: { x: 1 } }), "secret", "variable")).toEqual([]);
	});
	it("of data may be a name", () => {
		const payload = { PayloadType: "com.apple.security.pkcs12", PayloadContent: "${secret.x}" };
		expect(lintDocument(documentWith([{ name: "p", payload }], { secrets: { x: 1 } }))).toEqual([]);
	});
	it("at a key that holds none is a warning, where the key is known", () => {
		const clip = { PayloadType: "com.apple.webClip.managed", Label: "a", URL: "https://a.example/?k=${secret.x}" };
		const unknown = { PayloadType: "com.example.x", Server: "${secret.x}" };
		const found = (payload: PropertyListDict) =>
			briefly(documentWith([{ name: "p", payload }], { secrets: { x: 1 } }), "secret");
		expect(found(clip)).toEqual(["secret warning 0 URL"]);
		expect(found(wifi({ SSID_STR: "${secret.x}", Password: "${secret.x}" }))).toEqual(["secret warning 0 SSID_STR"]);
		expect(found(unknown)).toEqual([]);
	});
	it.each([
		["https://ana:hunter2@a.example/", 1],
		["see ftp://ana:hunter2@a.example", 1],
		["https://${user.login}:hunter2@a.example/", 1],
		["https://ana:${secret.x}@a.example/", 0],
		["https://ana@a.example/", 0],
		["https://a.example:443/b@c", 0],
		["https://a.example/?b=https:c@d", 0],
	])("inside of an address is a warning: %s", (text, count) => {
		const payload = { PayloadType: "com.example.x", Servers: [{ Address: text }] };
		const found = briefly(documentWith([{ name: "p", payload }], { secrets: { x: 1 } }), "secret");
		expect(found).toEqual(Array.from({ length: count }, () => "secret warning 0 Servers[0].Address"));
	});
	it("of an unknown type is told by its key's name", () => {
		const payload = { PayloadType: "com.example.x", Servers: [{ ApiToken: "a" }] };
		expect(briefly(documentWith([{ name: "p", payload }]), "secret")).toEqual(["secret error 0 Servers[0].ApiToken"]);
	});
});

describe("settings of a vendor's own", () => {
	it("are known, whatever they are called, as is the server", () => {
		const payload = {
			...{ PayloadType: "com.apple.vpn.managed", VPNType: "VPN", VPNSubType: "com.example.vpn", UserDefinedName: "a" },
			...{ VPN: { RemoteAddress: "vpn.example.com", AuthenticationMethod: "Password" } },
			VendorConfig: { Group: "staff", ServerList: ["a"], depth: { of: 1 } },
		};
		expect(lintDocument(documentWith([{ name: "vpn", payload }]))).toEqual([]);
		const typed = { ...payload, VendorConfig: { Group: 1 } };
		expect(briefly(documentWith([{ name: "vpn", payload: typed }]), "type")).toEqual([
			"type error 0 VendorConfig.Group",
		]);
	});
});

describe("an audience", () => {
	it("of nobody is a warning", () => {
		expect(briefly(one({}, { for: [] }), "audience")).toEqual(["audience warning - for"]);
		expect(briefly(one({}, { for: [{ group: ["a"] }] }), "audience")).toEqual([]);
	});
});

describe("a rule that asks for nothing", () => {
	it.each<[string, Partial<ProfileDocument>, string]>([
		["in for", { for: [{ group: ["a"] }, {}] }, "audience error - for[1]"],
		["in except", { except: [{}] }, "audience error - except[0]"],
		["of no claim", { for: [{ claim: {} }] }, "audience error - for[0]"],
	])("is an error %s, and names the word", (_, rest, found) => {
		expect(briefly(one({}, rest), "audience")).toEqual([found]);
		expect(lintDocument(one({}, rest)).find(({ rule }) => rule === "audience")?.remedy).toContain("everyone");
	});

	it("is an error of a payload", () => {
		const payload = { name: "w", payload: wifi(), for: [{}], except: [{ group: ["a"] }, {}] };
		expect(briefly(documentWith([payload]), "audience")).toEqual([
			"audience error 0 for[0]",
			"audience error 0 except[1]",
		]);
	});
});

describe("a date that has passed", () => {
	const now = new Date(Date.UTC(2026, 10, 26));
	const found = (profile: PropertyListDict, at?: Date) =>
		lintDocument(one({}, { profile }), at && { now: at }).map(({ rule, level, path }) => `${rule} ${level} ${path}`);
	it.each(["RemovalDate", "PayloadExpirationDate"])("is a warning: %s", (key) => {
		expect(found({ [key]: now }, now)).toEqual([`audience warning ${key}`]);
		expect(found({ [key]: new Date(now.getTime() + 1) }, now)).toEqual([]);
		expect(found({ [key]: now })).toEqual([]);
	});
});

describe("a document as long as any", () => {
	it("is linted without a look from each payload at each other one", () => {
		const rules: Rule[] = [{ group: ["staff"] }, { platform: ["Mac"] }];
		let looks = 0;
		const payloads = Array.from({ length: 1_000 }, (_, at) => ({
			name: `w${at}`,
			get for() {
				looks += 1;
				return rules;
			},
			payload: wifi({ SSID_STR: `n${at}`, Extra: `\${payload.w${(at + 1) % 1_000}}`, PayloadUUID: uuid(`w${at}`) }),
		}));
		expect(briefly(documentWith(payloads), "reference", "variable", "audience")).toEqual([]);
		expect(looks).toBeLessThan(20_000);
	});
});

describe("a reference to a payload with rules", () => {
	const staff: Rule = { group: ["staff"] };
	const phones: Rule = { platform: ["iPhone"] };
	type Rules = Pick<DocumentPayload, "for" | "except">;
	const found = (target: Rules, from: Rules, by = "${payload.ca}") => {
		const root = {
			PayloadType: "com.apple.security.root",
			PayloadContent: new Uint8Array([1]),
			PayloadUUID: uuid("ca"),
		};
		const eap = wifi({ EAPClientConfiguration: { PayloadCertificateAnchorUUID: [by] } });
		const payloads = [
			{ name: "w", ...from, payload: eap },
			{ name: "ca", ...target, payload: root },
		];
		return briefly(documentWith(payloads), "reference").length;
	};
	it.each<[what: string, target: Rules, from: Rules, faults: number]>([
		["neither has any", {}, {}, 0],
		["only the referring one has some", {}, { for: [staff], except: [phones] }, 0],
		["only the other has some", { for: [staff] }, {}, 1],
		["both have the same", { for: [staff, phones], except: [phones] }, { for: [phones, staff], except: [phones] }, 0],
		["the referring one's are narrower", { for: [{ group: ["staff", "it"] }] }, { for: [{ ...staff, ...phones }] }, 0],
		["the referring one's are wider", { for: [{ ...staff, ...phones }] }, { for: [staff] }, 1],
		["one of the referring one's is another", { for: [staff] }, { for: [staff, phones] }, 1],
		["the other excepts more", { except: [staff] }, { except: [phones] }, 1],
		["the referring one excepts more", { except: [{ ...staff, ...phones }] }, { except: [staff] }, 0],
		["versions differ", { for: [{ os: ">=17" }] }, { for: [{ os: ">=16" }] }, 1],
		["claims are within", { for: [{ claim: { a: [1, 2] } }] }, { for: [{ claim: { a: [2], b: [3] } }] }, 0],
		["claims are not within", { for: [{ claim: { a: [1] } }] }, { for: [{ claim: { a: [2] } }] }, 1],
		["nobody gets the referring one", { for: [staff] }, { for: [] }, 0],
	])("when %s", (_, target, from, faults) => {
		expect(found(target, from)).toBe(faults);
		expect(found(target, from, uuid("ca"))).toBe(faults);
		expect(found(target, from, uuid("ca").toLowerCase())).toBe(faults);
	});
});

describe("a PayloadIdentifier", () => {
	it.each([
		"com.example.ota.next-ota.profile.client-identity",
		"localhost.NEXT-OTA.Profile.payload.office.wifi",
		"com.example.next-ota.profile",
	])("of this service's own is an error: %s", (PayloadIdentifier) => {
		expect(briefly(one({ PayloadIdentifier }), "name")).toEqual(["name error 0 PayloadIdentifier"]);
	});

	it.each(["com.example.wifi", "com.example.next-ota.profiles"])("of another's is none: %s", (PayloadIdentifier) => {
		expect(lintDocument(one({ PayloadIdentifier }))).toEqual([]);
	});
});

describe("what an operator may hand in to do harm", () => {
	const clip = (keys: PropertyListDict) => ({
		PayloadType: "com.apple.webClip.managed",
		URL: "https://a.example/",
		Label: "a",
		...keys,
	});
	const two = (keys: PropertyListDict) =>
		documentWith([
			{ name: "a", payload: clip(keys) },
			{ name: "b", payload: clip(keys) },
		]);
	it.each([
		["a PayloadIdentifier twice", two({ PayloadIdentifier: "com.example.a" }), "twins error 1 PayloadIdentifier"],
		["a PayloadUUID twice", two({ PayloadUUID: uuid("a") }), "twins error 1 PayloadUUID"],
		[
			"device management",
			documentWith([{ name: "a", payload: { PayloadType: "com.apple.mdm" } }]),
			"management error 0 PayloadType",
		],
		["a control character", one({ SSID_STR: "a\u0001" }), "carry error - PayloadContent[0].SSID_STR"],
	])("%s is an error", (_, document, finding) => {
		expect(briefly(document, "twins", "management", "carry")).toContain(finding);
	});
	it("marks of XML are not", () => expect(lintDocument(one({ SSID_STR: "]]> & <key>" }))).toEqual([]));
});

describe("a finding", () => {
	const canary = "canary-5f1c";
	const keys = { Password: canary, SSID_STR: `\${${canary}}`, DisplayedOperatorName: `\${${canary}`, AutoJoin: canary };
	const bad = documentWith([{ name: "w", payload: wifi(keys) }], {
		for: [],
		profile: { PayloadDescription: `\${${canary}}` },
	});

	it("says what is wrong and what to do, and no value", () => {
		const findings = lintDocument(bad);
		expect(new Set(findings.map(({ rule }) => rule))).toEqual(
			new Set(["audience", "variable", "secret", "type", "leak"]),
		);
		expect(JSON.stringify(findings)).not.toContain(canary);
		for (const { words, remedy } of findings) {
			expect(words).toMatch(/^\S[^\n]*[^.\s]$/);
			expect(remedy).toMatch(/^[A-Z][^\n]*\.$/);
		}
	});

	it("names its payload", () => {
		const payload = { index: 0, type: "com.apple.wifi.managed", identifier: "ota.profile.office.w" };
		expect(lintDocument(bad).find(({ rule }) => rule === "secret")?.payload).toEqual(payload);
	});
});
