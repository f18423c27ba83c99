/** The payload catalogue: held against the facts of Apple's schema, where they are at hand, and against itself. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { builtInCatalogue } from "../../lib/profile/catalogue/built-in.ts";
import {
	type Availabilities,
	compareVersions,
	type KeyDefinition,
	type PayloadDefinition,
} from "../../lib/profile/catalogue/form.ts";
import { beyondSchema, meaningOf } from "../../lib/profile/catalogue/meaning.ts";
import { payload, string } from "../../lib/profile/catalogue/notation.ts";
import { titleOf } from "../../lib/profile/catalogue/titles.ts";

interface Fact {
	key: string;
	type: string;
	required?: boolean;
	enum?: unknown[];
	range?: object;
	default?: unknown;
	format?: string;
	repetition?: object;
	os?: FactsBySystem;
	of?: string;
}
type FactsBySystem = Record<string, Record<string, unknown>>;
interface Facts {
	payloads: Record<string, { os: FactsBySystem; keys: string }[]>;
	definitions: Record<string, Fact[]>;
}

const factsFile = join(process.env.OTA_TEST_VECTORS ?? "", "../apple-schema/payloads.json");
const hasFacts = process.env.OTA_TEST_VECTORS !== undefined && existsSync(factsFile);
if (!hasFacts) console.info("skipped: no facts of Apple's schema beside OTA_TEST_VECTORS");

/** All of the catalogue, each under its name in the facts. */
const definitions: [string, PayloadDefinition][] = [
	["TopLevel", builtInCatalogue.profile],
	["CommonPayloadKeys", builtInCatalogue.common],
	...builtInCatalogue.payloads,
];

/** Of the operating systems that we tell of, what holds once the surroundings are counted in. */
type Resolved = Record<string, Record<string, unknown>>;
const systems = ["iOS", "macOS"];

function resolveFacts(around: Resolved, os: FactsBySystem = {}): Resolved {
	const resolved = systems.map((system) => {
		const { introduced, deprecated, removed, supervised, allowmanualinstall } = os[system] ?? {};
		const own = { introduced, deprecated, removed, supervised, byHand: allowmanualinstall };
		return [system, merge(around[system], own)];
	});
	return Object.fromEntries(resolved);
}

function resolveOurs(around: Resolved, on: Availabilities = {}): Resolved {
	const resolved = systems.map((system) => {
		const ours = on[system as "iOS" | "macOS"] ?? {};
		const { introduced, deprecated, removed, isSupervisedOnly: supervised, isInstallableByHand: byHand } = ours;
		const own = { introduced: introduced === null ? "n/a" : introduced, deprecated, removed, supervised, byHand };
		return [system, merge(around[system], own)];
	});
	return Object.fromEntries(resolved);
}

function merge(around: Record<string, unknown> = { supervised: false, byHand: true }, own: Record<string, unknown>) {
	const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
	const merged = { ...around, ...given };
	// Where there is none, nothing else counts.
	return merged.introduced === "n/a" ? { supervised: false, byHand: true, introduced: "n/a" } : merged;
}

/** Of ConsentText the schema names an item, which no profile has: what is in it stands in the dictionary itself. */
function withoutItem(facts: Facts, { key, type, of = "" }: Fact): string {
	const [only] = facts.definitions[of] ?? [];
	return type === "dictionary" && only?.key === `${key}Item` && only.of ? only.of : of;
}

/** Each key's path with everything that is known of it. */
function* factsOf(facts: Facts, keys: string, around: Resolved, path: string): Generator<[string, unknown]> {
	for (const fact of facts.definitions[keys] ?? []) {
		const at = `${path}/${fact.key}`;
		const on = resolveFacts(around, fact.os);
		const { type, enum: oneOf, range, default: preset, format, repetition: count } = fact;
		const isElement = path.endsWith("[]");
		const isRequired = fact.required === true && !isElement && fact.key !== "ANY";
		yield [at, { type, oneOf, range, preset, format, count, isRequired, on }];
		if (fact.of) yield* factsOf(facts, withoutItem(facts, fact), on, type === "array" ? `${at}[]` : at);
	}
}

/** Keys that the schema leaves out. */
function isBeyond(path: string): boolean {
	const [, dictionary = "", key] = /([^/]+)\/([^/]+)$/.exec(path) ?? [];
	return beyondSchema(dictionary, "com.apple.vpn.managed").some((each) => each.key === key);
}

function* ours(keys: readonly KeyDefinition[], around: Resolved, path: string): Generator<[string, unknown]> {
	for (const definition of keys) {
		const at = `${path}/${definition.key}`;
		const on = resolveOurs(around, definition.on);
		const { type, oneOf, range, default: preset, format, count, isRequired = false } = definition;
		yield [at, { type, oneOf, range, preset, format, count, isRequired, on }];
		if (definition.of) yield* ours(definition.of, on, type === "array" ? `${at}[]` : at);
	}
}

(hasFacts ? describe : describe.skip)("the catalogue and the facts of Apple's schema", () => {
	const facts: Facts = hasFacts ? JSON.parse(readFileSync(factsFile, "utf8")) : { payloads: {}, definitions: {} };

	it("know the same payload types", () => {
		expect(definitions.map(([type]) => type).sort()).toEqual(Object.keys(facts.payloads).sort());
	});

	it.each(definitions)("agree on the versions and the number of %s", (type, definition) => {
		const [fact] = facts.payloads[type] ?? [];
		expect(resolveOurs({}, definition.on)).toEqual(resolveFacts({}, fact?.os));
		for (const [system, there] of Object.entries(definition.on)) {
			if (there.introduced === null) continue;
			expect(there.isRepeatable ?? true).toBe(fact?.os[system]?.multiple ?? true);
		}
	});

	it.each(definitions)("agree on every key of %s", (type, definition) => {
		const [fact] = facts.payloads[type] ?? [];
		const around = resolveFacts({}, fact?.os);
		const expected = new Map(factsOf(facts, fact?.keys ?? "", around, ""));
		const found = [...ours(definition.keys, around, "")].filter(([path]) => expected.has(path) || !isBeyond(path));
		expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
	});
});

function* everyKey(keys: readonly KeyDefinition[]): Generator<KeyDefinition> {
	for (const definition of keys) {
		yield definition;
		yield* everyKey(definition.of ?? []);
	}
}

describe("the catalogue", () => {
	it("has 33 payload types", () => {
		expect(builtInCatalogue.payloads.size).toBe(33);
	});

	it.each(definitions)("tells secrets and references of %s as its keys' names do", (type, definition) => {
		for (const each of everyKey(definition.keys)) {
			const { isSecret, refersTo } = each;
			const told = { ...(isSecret && { isSecret }), ...(refersTo && { refersTo }) };
			expect([each.key, told]).toEqual([each.key, meaningOf(each.key, each.type, type)]);
		}
	});

	it.each(definitions)("names no key of %s twice", (_, definition) => {
		const lists = [definition.keys, ...[...everyKey(definition.keys)].map(({ of }) => of ?? [])];
		for (const list of lists) expect(new Set(list.map(({ key }) => key)).size).toBe(list.length);
	});

	it.each([
		["Wi-Fi's password", "com.apple.wifi.managed", ["Password"]],
		["a VPN's shared secret", "com.apple.vpn.managed", ["IKEv2", "SharedSecret"]],
		["a mail account's password", "com.apple.mail.managed", ["IncomingPassword"]],
		["a private key in a file", "com.apple.security.pkcs12", ["PayloadContent"]],
		["a SCEP challenge", "com.apple.security.scep", ["PayloadContent", "Challenge"]],
	])("knows %s as a secret", (_, type, path) => {
		let keys = builtInCatalogue.payloads.get(type)?.keys ?? [];
		let found: KeyDefinition | undefined;
		for (const key of path) {
			found = keys.find((each) => each.key === key);
			keys = found?.of ?? [];
		}
		expect(found?.isSecret).toBe(true);
	});
});

describe("a key's title", () => {
	it.each([
		["allowAirDrop", "Allow AirDrop"],
		["allowESIMModification", "Allow eSIM modification"],
		["allowiPhoneMirroring", "Allow iPhone mirroring"],
		["allowGameCenter", "Allow Game Center"],
		["forceWiFiPowerOn", "Force Wi-Fi power on"],
		["allowVPNCreation", "Allow VPN creation"],
		["safariAllowPopups", "Safari allow popups"],
		["ANY", "ANY"],
	])("of %s is %s", (key, title) => {
		expect(titleOf({ key })).toBe(title);
	});

	it("is the definition's own where there is one", () => {
		expect(titleOf({ key: "SSID_STR", title: "Name of the network (SSID)" })).toBe("Name of the network (SSID)");
	});
});

describe("the order of versions", () => {
	it.each([
		["10.9", "10.10", -1],
		["10.10", "10.1", 9],
		["18", "18.0", 0],
		["9.3.2", "9.3", 2],
		["17.4", "18.0", -1],
	])("%s against %s", (one, other, sign) => {
		expect(Math.sign(compareVersions(one, other))).toBe(Math.sign(sign));
		expect(Math.sign(compareVersions(other, one))).toBe(-Math.sign(sign) || 0);
	});
});

describe("the notation", () => {
	it("reads every word", () => {
		const definition = payload("com.example", "Example", "iOS 7.0 deprecated 17.0 removed 18.0 once; macOS none", [
			string("A", { on: "iOS supervised mdm" }),
		]);
		expect(definition.on).toEqual({
			iOS: { introduced: "7.0", deprecated: "17.0", removed: "18.0", isRepeatable: false },
			macOS: { introduced: null },
		});
		expect(definition.keys[0]?.on).toEqual({ iOS: { isSupervisedOnly: true, isInstallableByHand: false } });
	});

	it.each(["Windows 11", "iOS seven", "iOS deprecated", "iOS 7.0;macOS 10.7", "iOS 7.0 Supervised", ""])(
		"takes no %j",
		(on) => {
			expect(() => payload("com.example", "Example", on, [])).toThrow(TypeError);
		},
	);
});
