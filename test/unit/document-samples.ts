// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/** Profiles with every key of a payload type, and documents that the tests of documents share. */
import { builtInCatalogue } from "../../lib/profile/catalogue/built-in.ts";
import type { KeyDefinition } from "../../lib/profile/catalogue/form.ts";
import type { DocumentPayload, ProfileDocument } from "../../lib/profile/document.ts";
import type { PropertyListDict, PropertyListValue } from "../../lib/profile/property-list.ts";
import { payload, profile } from "./lint-examples.ts";

/** Bytes that are no text, the edges of text in XML and YAML, and texts that look like other things. */
const awkward = [
	"2027-01-01",
	"yes",
	"1.0",
	"~",
	"]]> & <b>",
	"a: b # c",
	" é\u{1F600}\n\tb\n",
	"*a",
	"!x",
	"${user.email}",
];

function sampleOf({ key, type, of = [] }: KeyDefinition, at: number): PropertyListValue {
	const values: Readonly<Record<KeyDefinition["type"], () => PropertyListValue>> = {
		string: () => awkward[at % awkward.length] ?? "",
		any: () => `${key} "any"`,
		boolean: () => at % 2 === 0,
		integer: () => at - 3,
		real: () => at + 0.5,
		data: () => new Uint8Array(at * 30).map((_, index) => (index * 7) & 0xff),
		date: () => new Date(Date.UTC(1850 + at * 40, 1, 28, 23, 59, 59)),
		array: () => (of[0] ? [sampleOf(of[0], at), sampleOf(of[0], at + 1)] : []),
		dictionary: () => Object.fromEntries(of.map((each, index) => [each.key, sampleOf(each, index + 1)])),
	};
	return values[type]();
}

/** One profile for each type that may be imported. */
export const wholeProfiles = [...builtInCatalogue.payloads]
	.filter(([type]) => type !== "com.apple.mdm")
	.map(([type, { keys }]) => {
		const values = Object.fromEntries(keys.map((each, index) => [each.key, sampleOf(each, index + 1)]));
		const outer = { ConsentText: { default: "Yes?\n", de: "Ja?" }, RemovalDate: new Date(Date.UTC(2027, 0, 1)) };
		return [type, profile([payload(type, values), payload(type, {}, "second")], outer) as PropertyListDict] as const;
	});

export function documentWith(
	payloads: readonly DocumentPayload[],
	rest: Partial<ProfileDocument> = {},
): ProfileDocument {
	return {
		...{ name: "office", priority: 0, for: "everyone" as const, except: [], profile: {}, updateAfterDays: null },
		...{ secrets: {}, payloads },
		...rest,
	};
}

export const wifi = (keys: PropertyListDict = {}): PropertyListDict => ({
	...{ PayloadType: "com.apple.wifi.managed", SSID_STR: "Office", HIDDEN_NETWORK: false, AutoJoin: true },
	...{ EncryptionType: "WPA2" },
	...keys,
});
