// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of templates look like that.
/** The lint of profiles: every rule finds its example and leaves the good one alone. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { builtInCatalogue } from "../../lib/profile/catalogue/built-in.ts";
import type { KeyDefinition } from "../../lib/profile/catalogue/form.ts";
import { catalogueWith } from "../../lib/profile/catalogue/schema-file.ts";
import { defaultTemplates } from "../../lib/profile/default-templates.ts";
import { isDeliverable, lintProfile, lintRules } from "../../lib/profile/lint.ts";
import type { Finding } from "../../lib/profile/lint-finding.ts";
import { type PropertyListValue, propertyList } from "../../lib/profile/property-list.ts";
import { readPropertyList } from "../../lib/profile/property-list-reader.ts";
import { importSchema } from "../../lib/profile/schema-import.ts";
import { parseTemplate } from "../../lib/profile/templates.ts";
import { templatesDocument } from "../../lib/profile/templates-document.ts";
import { assigned, composedWhole } from "../harness/profile-examples.ts";
import { examples, payload, profile, uuid, webClip } from "./lint-examples.ts";
import { hasPlistlib, readWithPlistlib, tagged } from "./profile-plistlib.ts";

const withPlistlib = hasPlistlib ? it : it.skip;
const briefly = ({ rule, level, path }: Finding) => ({ rule, level, path });

describe("each rule", () => {
	it("has examples", () => {
		expect([...new Set(examples.map(({ rule }) => rule))].sort()).toEqual([...lintRules].sort());
	});

	it("is in the README's table", () => {
		const readme = readFileSync(join(import.meta.dirname, "../../lib/profile/README.md"), "utf8");
		const rows = readme.split("\n").filter((line) => /\| (?:error|warning) \|$/.test(line));
		const named = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, rule]) => rule));
		expect(named.sort()).toEqual([...lintRules].sort());
	});

	it.each(examples.map((example) => [example.rule, example.what, example] as const))(
		"%s finds %s, and nothing in the good example",
		(_, __, { rule, level, path, failing, passing, options }) => {
			const found = lintProfile(failing, options);
			expect(found.map(briefly)).toContainEqual({ rule, level, path });
			expect(isDeliverable(found)).toBe(found.every((finding) => finding.level === "warning"));
			expect(lintProfile(passing, options).filter((finding) => finding.rule === rule)).toEqual([]);
		},
	);

	it.each(examples.map((example) => [example.rule, example.what, example] as const))(
		"%s says of %s what to do",
		(_, __, { failing, options }) => {
			for (const { words, remedy } of lintProfile(failing, options)) {
				expect(words).toMatch(/^\S[^\n]*[^.\s]$/);
				expect(remedy).toMatch(/^[A-Z][^\n]*\.$/);
			}
		},
	);
});

describe("a finding", () => {
	it("names the payload and the key, and the key's title", () => {
		const [finding] = lintProfile(profile([webClip(), webClip({ URL: 1 }, "second")]));
		expect(finding).toEqual({
			rule: "type",
			level: "error",
			payload: { index: 1, type: "com.apple.webClip.managed", identifier: "com.example.second" },
			path: "URL",
			title: "Address",
			words: "is integer where string is needed",
			remedy: "Give it as string.",
		});
	});

	it("never has a key's value in it", () => {
		const canary = "canary-5f3a";
		const wifi = payload("com.apple.wifi.managed", {
			SSID_STR: canary,
			Password: { [`${"x"}`]: canary },
			EncryptionType: canary,
			PayloadCertificateUUID: canary,
			Unknown: canary,
		});
		const findings = lintProfile(profile([wifi], { PayloadDescription: `${canary}@example.com` }));
		expect(findings.length).toBeGreaterThan(4);
		expect(JSON.stringify(findings)).not.toContain(canary);
	});

	it("is not told again for what is inside", () => {
		const airPlay = payload("com.apple.airplay", { AllowList: [{ DeviceName: "a" }, { DeviceName: "b" }] });
		const findings = lintProfile(profile([airPlay]), { target: { os: "iOS" } });
		expect(findings.map(briefly)).toEqual([{ rule: "supervised", level: "error", path: "AllowList" }]);
	});
});

describe("a target", () => {
	const safari = profile([payload("com.apple.applicationaccess", { allowSafari: false })]);
	const exchange = profile([payload("com.apple.eas.account", { Host: "mail.example.com" })]);

	it("that is supervised obeys more", () => {
		expect(lintProfile(safari, { target: { isSupervised: true } })).toEqual([]);
	});

	it("is what TargetDeviceType says, unless it is given", () => {
		const forMacs = { ...exchange, TargetDeviceType: 5 };
		expect(lintProfile(forMacs).map(({ rule }) => rule)).toEqual(["installable"]);
		expect(lintProfile(forMacs, { target: { os: "iOS" } })).toEqual([]);
		expect(lintProfile(exchange)).toEqual([]);
	});

	it.each([
		["10.9", ["installable"]],
		["10.10", []],
		["10.11", []],
	])("of macOS %s is compared by number", (version, rules) => {
		const airPrint = profile([payload("com.apple.airprint", { AirPrint: [{ IPAddress: "a", ResourcePath: "b" }] })]);
		const target = { os: "macOS", version } as const;
		expect(lintProfile(airPrint, { target }).map(({ rule }) => rule)).toEqual(rules);
	});
});

describe("variables", () => {
	const templated = profile([
		payload("com.apple.wifi.managed", {
			SSID_STR: "${organization}",
			EncryptionType: "${user.security}",
			AutoJoin: "${user.joins}",
			PayloadCertificateUUID: "${identity.client}",
		}),
	]);

	it("stand for whatever is right, when the profile has them", () => {
		expect(lintProfile(templated, { hasVariables: true })).toEqual([]);
	});

	it("are texts otherwise", () => {
		const rules = lintProfile(templated).map(({ rule }) => rule);
		expect(rules.sort()).toEqual(["format", "reference", "type", "value"]);
	});
});

describe("what is no profile", () => {
	const loop: Record<string, unknown> = {};
	loop.self = loop;
	it.each([
		["nothing", undefined],
		["text", "profile"],
		["an array", []],
		["a date", new Date(0)],
		["what contains itself", loop],
		["a function inside", { PayloadContent: [() => 1] }],
		["nested 1,000 deep", { a: JSON.parse("[".repeat(1_000) + "]".repeat(1_000)) }],
		["an infinite number", profile([webClip({ Label: Number.POSITIVE_INFINITY })])],
	])("is one error: %s", (_, value) => {
		expect(lintProfile(value).map(({ rule, level }) => [rule, level])).toEqual([["carry", "error"]]);
	});

	it("has its keys' names taken for names alone", () => {
		const odd = JSON.parse('{"__proto__": {"PayloadType": "x"}, "constructor": 1, "toString": []}');
		expect(lintProfile(odd).filter(({ rule }) => rule === "unknown")).toHaveLength(3);
	});
});

describe("an imported schema", () => {
	const { payloads } = importSchema([
		{
			name: "layout.yaml",
			text: `payload: { payloadtype: com.example.layout, supportedOS: { iOS: { introduced: 4.0 }, macOS: { introduced: 10.7 } } }
payloadkeys:
- &entry
  key: Entry
  type: <dictionary>
  subkeys:
  - { key: Rank, type: <integer>, range: { max: 3 } }
  - { key: Entries, type: <array>, subkeys: [*entry] }
`,
		},
	]);

	it("is followed as deep as the value goes", () => {
		const layout = payload("com.example.layout", { Entry: { Entries: [{ Entries: [{ Rank: 4 }, { Rank: 3 }] }] } });
		const findings = lintProfile(profile([layout]), { catalogue: catalogueWith(payloads) });
		expect(findings.map(briefly)).toEqual([
			{ rule: "range", level: "error", path: "Entry.Entries[0].Entries[0].Rank" },
		]);
	});
});

/** A value that the definition allows. */
function sample(definition: KeyDefinition, type: string): PropertyListValue {
	const { key, oneOf, range, refersTo, of = [], default: preset } = definition;
	if (refersTo === "identity") return uuid("identity");
	if (refersTo === "certificate") return uuid("anchor");
	if (refersTo === "perAppVpn" || key === "VPNUUID") return "vpn";
	if (oneOf?.[0] !== undefined) return oneOf[0];
	if (/^\^https/.test(definition.format ?? "")) return "https://example.com/";
	if (/2\}:\)/.test(definition.format ?? "")) return "00:11:22:33:44:55";
	if (definition.format) return "262001";
	if (preset !== undefined && preset !== "") return preset;
	switch (definition.type) {
		case "array":
			return Array.from({ length: of[0]?.count?.min ?? 1 }, () => (of[0] ? sample(of[0], type) : "any"));
		case "dictionary":
			return Object.fromEntries(of.map((each) => [each.key, sample(each, type)]));
		case "boolean":
			return true;
		case "integer":
			return range?.max ?? 7;
		case "real":
			return (range?.max ?? 8) - 0.5;
		case "data":
			return new Uint8Array([0, 1, 254, 255]);
		case "date":
			return new Date(Date.UTC(2026, 10, 26));
		default:
			return `${key} ]]> & <"é\u{1F600}'>`;
	}
}

describe("every payload of the catalogue", () => {
	const helpers = [
		payload("com.apple.security.pkcs12", { PayloadContent: new Uint8Array([1]) }, "identity"),
		payload("com.apple.security.root", { PayloadContent: new Uint8Array([2]) }, "anchor"),
		payload("com.apple.vpn.managed.applayer", { VPNUUID: "vpn" }, "vpn"),
	];
	const types = [...builtInCatalogue.payloads].map(([type, definition]) => {
		const keys = Object.fromEntries(definition.keys.map((each) => [each.key, sample(each, type)]));
		return [type, profile([...helpers, payload(type, keys, "whole")])] as const;
	});

	it.each(types)("%s with all of its keys has the right types, values and references", (_, whole) => {
		const shape = ["carry", "missing", "unknown", "type", "value", "range", "count", "format", "reference"];
		expect(lintProfile(whole).filter(({ rule }) => shape.includes(rule))).toEqual([]);
	});

	withPlistlib.each(types)("%s is read back equal, by plistlib and by our reader", (_, whole) => {
		const xml = propertyList(whole as PropertyListValue);
		expect(readWithPlistlib(xml)).toEqual(tagged(whole));
		expect(tagged(readPropertyList(xml))).toEqual(tagged(whole));
	});
});

describe("the profile that a new data directory gives", () => {
	it("has nothing to find", () => {
		const templates = templatesDocument(defaultTemplates.map(({ file, text }) => parseTemplate(file, text)));
		const payloads = composedWhole(assigned(templates));
		expect(lintProfile(profile(payloads))).toEqual([]);
	});
});
