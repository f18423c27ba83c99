/**
 * Lint of a configuration profile against the catalogue and Apple's rules: at save, and before delivery. Pure; takes
 * values that nobody has looked at, and never throws for them.
 */
import { OtaError } from "../errors.ts";
import { builtInCatalogue } from "./catalogue/built-in.ts";
import type { Catalogue, KeyDefinition, OperatingSystem } from "./catalogue/form.ts";
import type { Fault, Finding, Lint, LintedPayload, LintOptions } from "./lint-finding.ts";
import { mostPayloads, textAt } from "./lint-finding.ts";
import { type KeyFault, keyRules, walkKeys } from "./lint-keys.ts";
import { payloadRules } from "./lint-payloads.ts";
import { profileRules } from "./lint-profile.ts";
import { checkPropertyListValue, isPropertyListDict, type PropertyListDict } from "./property-list.ts";

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
	const indexes = new Map<readonly KeyDefinition[], Map<string, KeyDefinition>>();
	return {
		catalogue,
		target,
		privateTexts,
		profile,
		systems: target.os ? [target.os] : systemsOf(profile),
		isEncrypted: profile.EncryptedPayloadContent !== undefined,
		payloads: payloadsOf(profile, catalogue),
		isVariable: (value) => hasVariables && typeof value === "string" && /\$\{[^{}]*\}/.test(value),
		find(keys, key) {
			const index = indexes.get(keys) ?? new Map(keys.map((each) => [each.key, each]));
			indexes.set(keys, index);
			return index.get(key) ?? index.get("ANY");
		},
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

/** The profile's own keys; the payloads in it are looked at one by one, and are not missing where they are encrypted. */
function* outerKeys(lint: Lint): Generator<KeyFault> {
	const { keys, on } = lint.catalogue.profile;
	const outer = keys.map((each) => {
		if (each.key !== "PayloadContent") return each;
		const { of, isRequired, ...whole } = each;
		return lint.isEncrypted ? whole : { ...whole, isRequired: true };
	});
	for (const fault of walkKeys(lint, lint.profile, outer, on)) {
		const isBare = lint.isEncrypted && fault.rule === "unknown";
		yield isBare ? { ...fault, level: "error", remedy: "Take it out: it stays readable to anyone." } : fault;
	}
}

function* payloadKeys(lint: Lint, { dict, definition }: LintedPayload): Generator<KeyFault> {
	const { common, profile } = lint.catalogue;
	const isCommon = (key: string): boolean => common.keys.some((each) => each.key === key);
	const commonPart = Object.fromEntries(Object.entries(dict).filter(([key]) => isCommon(key)));
	yield* walkKeys(lint, commonPart, common.keys, profile.on);
	if (!definition) return;
	const ownPart = Object.fromEntries(Object.entries(dict).filter(([key]) => !isCommon(key)));
	yield* walkKeys(lint, ownPart, definition.keys, definition.on, "", isCommon);
}

function named({ index, type, dict }: LintedPayload): Finding["payload"] {
	return { index, type: type.slice(0, 200), identifier: textAt(dict, "PayloadIdentifier").slice(0, 200) };
}
