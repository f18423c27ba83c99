/**
 * The keys around the payloads, of several profiles at once: texts of consent are joined, the earliest end counts, and of
 * everything else what the highest profile says.
 */
import type { Candidate, TraceLine } from "./audience.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";

/** Ours alone: they make the profile what it is. */
const ours: ReadonlySet<string> = new Set([
	...["PayloadIdentifier", "PayloadUUID", "PayloadType", "PayloadVersion"],
	...["PayloadContent", "IsEncrypted", "EncryptedPayloadContent"],
]);

/** What of two values counts, the higher profile's first. */
type Merge = (one: PropertyListValue, other: PropertyListValue) => PropertyListValue;
const lower: Merge = (one, other) => {
	if (other < one) return other;
	return one;
};
const merges: Readonly<Record<string, Merge>> = {
	RemovalDate: lower,
	PayloadExpirationDate: lower,
	DurationUntilRemoval: lower,
	PayloadRemovalDisallowed: (one, other) => one === true || other === true,
};

/** `candidates` in the order of precedence. */
export function mergeOuter(candidates: readonly Candidate[]): { outer: PropertyListDict; trace: TraceLine[] } {
	const outer = new Map<string, PropertyListValue>();
	const origin = new Map<string, string>();
	const trace: TraceLine[] = [];
	for (const { document, version } of candidates) {
		for (const [key, value] of Object.entries(document.profile)) {
			if (ours.has(key) || key === "ConsentText") continue;
			const before = outer.get(key);
			const merge = Object.hasOwn(merges, key) ? merges[key] : undefined;
			if (before === undefined) {
				outer.set(key, value);
				origin.set(key, document.name);
			} else if (merge) outer.set(key, merge(before, value));
			else if (!isSame(before, value)) {
				const words = `${key}: what ${origin.get(key)} says counts`;
				trace.push({ profile: document.name, version, payload: null, counts: false, words });
			}
		}
	}
	if (candidates.length > 1) trace.push(...removals(candidates));
	const consent = mergeConsent(candidates.map(({ document }) => document.profile.ConsentText));
	return { outer: Object.fromEntries([...outer, ...(consent ? [["ConsentText", consent] as const] : [])]), trace };
}

/** What ends one of several profiles ends them all: they are one on the device. */
function removals(candidates: readonly Candidate[]): TraceLine[] {
	return candidates.flatMap(({ document, version }) => {
		const key = ["RemovalDate", "DurationUntilRemoval"].find((each) => document.profile[each] !== undefined);
		if (key === undefined) return [];
		const words = `${key}: removes what the other profiles give as well`;
		return [{ profile: document.name, version, payload: null, counts: true, words }];
	});
}

/** In each language that one of them has: all texts, those that lack it in the language that stands for others. */
function mergeConsent(values: readonly (PropertyListValue | undefined)[]): PropertyListDict | null {
	const consents = values.flatMap((each) =>
		isPropertyListDict(each) ? [new Map<string, unknown>(Object.entries(each))] : [],
	);
	const languages = new Set(consents.flatMap((each) => [...each.keys()]));
	if (languages.size === 0) return null;
	const textIn = (consent: ReadonlyMap<string, unknown>, language: string): unknown =>
		consent.get(language) ?? consent.get("default") ?? consent.get("en") ?? [...consent.values()][0];
	return Object.fromEntries(
		[...languages].map((language) => {
			const texts = consents.map((each) => textIn(each, language));
			return [language, texts.filter((text) => typeof text === "string" && text !== "").join("\n\n")];
		}),
	);
}

function isSame(one: PropertyListValue, other: PropertyListValue): boolean {
	return JSON.stringify(one) === JSON.stringify(other);
}
