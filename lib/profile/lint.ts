/**
 * Lint of a configuration profile against the catalogue and Apple's rules: at save, and before delivery. Pure; takes
 * values that nobody has looked at, and never throws for them.
 */
import { OtaError } from "../errors.ts";
import { builtInCatalogue } from "./catalogue/built-in.ts";
import type { Catalogue, KeyDefinition, OperatingSystem, PayloadDefinition } from "./catalogue/form.ts";
import { keyIndex } from "./catalogue/key-index.ts";
import type { Fault, Finding, Lint, LintedPayload, LintOptions } from "./lint-finding.ts";
import { mostPayloads, textAt } from "./lint-finding.ts";
import { type KeyFault, keyRules, walkKeys } from "./lint-keys.ts";
import { payloadRules } from "./lint-payloads.ts";
import { profileRules } from "./lint-profile.ts";
import {
	checkPropertyListValue,
	isPropertyListDict,
	type PropertyListDict,
	type PropertyListValue,
} from "./property-list.ts";

/** Every rule's name; `carry`, `missing` and `unknown` have no entry in a table. */
export const lintRules: readonly string[] = [
	"carry",
	"missing",
	"unknown",
	...Object.keys(keyRules),
	...Object.keys(payloadRules),
	...Object.keys(profileRules),
];

/** Findings in the order of the profile: what is around the payloads, then payload by payload. */
export function lintProfile(profile: unknown, options: LintOptions = {}): Finding[] {
	const carried = carryFault(profile);
	if (carried) return [{ rule: "carry", payload: null, ...carried }];
	const lint = beginLint(profile as PropertyListDict, options);
	const findings: Finding[] = [];
	const tell = (rule: string, payload: LintedPayload | undefined, fault: Fault): void => {
		findings.push({ rule, payload: payload ? named(payload) : null, ...fault });
	};
	for (const { rule, ...fault } of outerKeys(lint)) tell(rule, undefined, fault);
	for (const [rule, check] of Object.entries(profileRules)) {
		for (const { index, ...fault } of check(lint)) {
			tell(rule, index === null ? undefined : lint.payloads.find((each) => each.index === index), fault);
		}
	}
	for (const payload of lint.payloads) {
		for (const [rule, check] of Object.entries(payloadRules)) {
			for (const fault of check(payload, lint)) tell(rule, payload, fault);
		}
		for (const { rule, ...fault } of payloadKeys(lint, payload)) tell(rule, payload, fault);
	}
	return findings.sort((one, other) => (one.payload?.index ?? -1) - (other.payload?.index ?? -1));
}

/** Whether a profile with these findings may be delivered. */
export function isDeliverable(findings: readonly Finding[]): boolean {
	return findings.every(({ level }) => level !== "error");
}

/** What no property list carries: control characters, numbers that are none, values nested without end. */
function carryFault(profile: unknown): Fault | undefined {
	const remedy = "Correct the value: it cannot be written as a property list.";
	if (!isPropertyListDict(profile)) return { level: "error", path: "", words: "is no dictionary", remedy };
	try {
		checkPropertyListValue(profile, "");
		return undefined;
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		const [, path = "", words = error.message] = /^Property list, ([\s\S]*): ([^:]*)$/.exec(error.message) ?? [];
		return { level: "error", path: path.slice(0, 200), words, remedy };
	}
}

function beginLint(profile: PropertyListDict, options: LintOptions): Lint {
	const { catalogue = builtInCatalogue, target = {}, hasVariables = false, privateTexts = [] } = options;
	return {
		catalogue,
		target,
		privateTexts,
		profile,
		systems: target.os ? [target.os] : systemsOf(profile),
		isEncrypted: profile.EncryptedPayloadContent !== undefined,
		payloads: payloadsOf(profile, catalogue),
		isVariable: (value) => hasVariables && typeof value === "string" && /\$\{[^{}]*\}/.test(value),
		standings: new Map(),
	};
}

/** TargetDeviceType 1 is iPhone, iPad and iPod, 5 is the Mac; anything else may be both. */
function systemsOf({ TargetDeviceType: kind }: PropertyListDict): OperatingSystem[] {
	if (kind === 1) return ["iOS"];
	return kind === 5 ? ["macOS"] : ["iOS", "macOS"];
}

function payloadsOf({ PayloadContent: content }: PropertyListDict, catalogue: Catalogue): LintedPayload[] {
	if (!Array.isArray(content)) return [];
	return content.slice(0, mostPayloads).flatMap((dict, index) => {
		if (!isPropertyListDict(dict)) return [];
		const payload = dict as PropertyListDict;
		const type = textAt(payload, "PayloadType");
		const uuid = textAt(payload, "PayloadUUID").toUpperCase();
		return [{ index, type, uuid, dict: payload, definition: catalogue.payloads.get(type) }];
	});
}

const outerDefinitions = new WeakMap<PayloadDefinition, Record<"readable" | "encrypted", readonly KeyDefinition[]>>();

/** The payloads are looked at one by one, and are not missing where they are encrypted. Made once for a catalogue. */
function outerDefinitionsOf({ catalogue: { profile }, isEncrypted }: Lint): readonly KeyDefinition[] {
	const found = outerDefinitions.get(profile) ?? {
		readable: profile.keys.map((each) => withoutPayloads(each, true)),
		encrypted: profile.keys.map((each) => withoutPayloads(each, false)),
	};
	outerDefinitions.set(profile, found);
	return isEncrypted ? found.encrypted : found.readable;
}

function withoutPayloads(definition: KeyDefinition, isRequired: boolean): KeyDefinition {
	if (definition.key !== "PayloadContent") return definition;
	const { of: _, ...whole } = definition;
	return { ...whole, isRequired };
}

/** The profile's own keys. */
function* outerKeys(lint: Lint): Generator<KeyFault> {
	for (const fault of walkKeys(lint, lint.profile, outerDefinitionsOf(lint), lint.catalogue.profile.on)) {
		const isBare = lint.isEncrypted && fault.rule === "unknown";
		yield isBare ? { ...fault, level: "error", remedy: "Take it out: it stays readable to anyone." } : fault;
	}
}

function* payloadKeys(lint: Lint, { dict, definition }: LintedPayload): Generator<KeyFault> {
	const { common, profile } = lint.catalogue;
	const { has } = keyIndex(common.keys);
	const commonPart: Record<string, PropertyListValue> = Object.create(null);
	const ownPart: Record<string, PropertyListValue> = Object.create(null);
	for (const [key, value] of Object.entries(dict)) (has(key) ? commonPart : ownPart)[key] = value;
	yield* walkKeys(lint, commonPart, common.keys, profile.on);
	if (definition) yield* walkKeys(lint, ownPart, definition.keys, definition.on, "", has);
}

function named({ index, type, dict }: LintedPayload): Finding["payload"] {
	return { index, type: type.slice(0, 200), identifier: textAt(dict, "PayloadIdentifier").slice(0, 200) };
}
