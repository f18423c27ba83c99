/**
 * Walks the keys of a profile or a payload beside their definitions. Each rule of the table looks at one known key and
 * its value; what is missing or not known at all is seen by the walk itself.
 */
import type { Availabilities, KeyDefinition, KeyType } from "./catalogue/form.ts";
import { keyIndex } from "./catalogue/key-index.ts";
import { titleOf } from "./catalogue/titles.ts";
import { standing, within } from "./lint-availability.ts";
import type { Fault, Lint, Standing } from "./lint-finding.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";
import { join } from "./texts.ts";
import { standInOf } from "./variable-kinds.ts";

export interface KeyVisit {
	definition: KeyDefinition;
	value: PropertyListValue;
	/** Whether the value is what a device does without the key. */
	isDefault: boolean;
	/** Of the key, and of what it is in: a rule tells only what is new. */
	here: Standing;
	around: Standing;
}

type Complaint = Pick<Fault, "level" | "words" | "remedy">;
type KeyRule = (visit: KeyVisit) => Complaint | undefined;

/** The walk's own two, and those of `keyRules`. */
type KeyRuleName = keyof typeof keyRules | "missing" | "unknown";
export type KeyFault = Fault & { rule: KeyRuleName };

const typeTests: Readonly<Record<KeyType, (value: PropertyListValue) => boolean>> = {
	string: (value) => typeof value === "string",
	boolean: (value) => typeof value === "boolean",
	integer: Number.isInteger,
	real: (value) => typeof value === "number",
	array: Array.isArray,
	dictionary: isPropertyListDict,
	data: (value) => value instanceof Uint8Array,
	date: (value) => value instanceof Date,
	any: () => true,
};

const isType: KeyRule = ({ definition: { type }, value }) =>
	typeTests[type](value)
		? undefined
		: { level: "error", words: `is ${typeName(value)} where ${type} is needed`, remedy: `Give it as ${type}.` };

const isInList: KeyRule = ({ definition: { oneOf }, value }) =>
	oneOf === undefined || oneOf.some((item) => item === value)
		? undefined
		: { level: "error", words: "has a value that is not in its list", remedy: `One of: ${oneOf.join(", ")}.` };

const isInRange: KeyRule = ({ definition: { range }, value }) => {
	if (range === undefined || typeof value !== "number") return undefined;
	const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = range;
	if (value >= min && value <= max) return undefined;
	return {
		level: "error",
		words: "is out of its range",
		remedy: `From ${range.min ?? "any"} to ${range.max ?? "any"}.`,
	};
};

const isCounted: KeyRule = ({ definition, value }) => {
	const count = definition.type === "array" ? definition.of?.[0]?.count : undefined;
	if (count === undefined || !Array.isArray(value)) return undefined;
	const { min = 0, max = Number.POSITIVE_INFINITY } = count;
	if (value.length >= min && value.length <= max) return undefined;
	const remedy = min === max ? `Exactly ${min}.` : `From ${min} to ${count.max ?? "any number"}.`;
	return { level: "error", words: `has ${value.length} elements`, remedy };
};

const forms: Readonly<Record<string, (text: string) => boolean>> = {
	"<url>": (text) => URL.canParse(text),
	"<hostname>": (text) => /^[\p{L}\p{N}._-]{1,253}$/u.test(text),
	"<email>": (text) => /^[^\s@]+@[^\s@]+$/.test(text),
};
/** No form needs longer texts, and a regular expression should not see them. */
const longestForm = 4_096;

const isFormed: KeyRule = ({ definition: { format }, value }) => {
	if (format === undefined || typeof value !== "string") return undefined;
	const test = forms[format] ?? ((text: string) => new RegExp(format).test(text));
	if (value.length <= longestForm && test(value)) return undefined;
	return { level: "error", words: "is not of its form", remedy: `The form is ${format}.` };
};

const isCurrent: KeyRule = ({ here, around }) =>
	here.deprecated.length <= around.deprecated.length
		? undefined
		: {
				level: "warning",
				words: `is deprecated on ${here.deprecated.join(" and ")}`,
				remedy: "Use what has taken its place, or leave it out.",
			};

/** A key that nobody reads does no harm; that it does no good either should be known. */
const isKnownThere: KeyRule = ({ here, around }) =>
	here.present.length > 0 || around.present.length === 0
		? undefined
		: {
				level: "warning",
				words: `is not known by ${here.absent.join(" or ")} of that version`,
				remedy: "The device ignores it: leave it out, or deliver it where it counts.",
			};

const isObeyed: KeyRule = ({ here, around, isDefault }) =>
	here.supervisedOnly.length <= around.supervisedOnly.length
		? undefined
		: {
				level: levelOf(here.supervisedOnly, here, isDefault),
				words: `is obeyed by supervised devices alone on ${here.supervisedOnly.join(" and ")}`,
				remedy: "Leave it out: it looks like protection and is none.",
			};

const isByHand: KeyRule = ({ here, around, isDefault }) =>
	here.mdmOnly.length <= around.mdmOnly.length
		? undefined
		: {
				level: levelOf(here.mdmOnly, here, isDefault),
				words: `counts only when an MDM server installs it on ${here.mdmOnly.join(" and ")}`,
				remedy: "Leave it out.",
			};

/** Nothing lost where the default is asked for, or where another system of the target obeys. */
function levelOf(idle: readonly string[], { present }: Standing, isDefault: boolean): Fault["level"] {
	return isDefault || idle.length < present.length ? "warning" : "error";
}

export const keyRules = {
	type: isType,
	value: isInList,
	range: isInRange,
	count: isCounted,
	format: isFormed,
	deprecated: isCurrent,
	system: isKnownThere,
	supervised: isObeyed,
	byHand: isByHand,
} as const satisfies Record<string, KeyRule>;

const table = Object.entries(keyRules) as [keyof typeof keyRules, KeyRule][];
/** They need no value that is known. */
const rulesOfVariables: ReadonlySet<string> = new Set(["deprecated", "system", "supervised", "byHand"]);

/** All faults of a dictionary's keys. @param isKnown keys that are none of these definitions' and still known */
export function* walkKeys(
	lint: Lint,
	dict: PropertyListDict,
	keys: readonly KeyDefinition[],
	on: Availabilities,
	path = "",
	isKnown: (key: string) => boolean = () => false,
): Generator<KeyFault> {
	const around = standing(lint, on);
	const { required, find } = keyIndex(keys);
	for (const definition of required) {
		if (Object.hasOwn(dict, definition.key)) continue;
		if (standing(lint, within(on, definition.on)).present.length === 0) continue;
		yield missing(definition, join(path, definition.key));
	}
	for (const [key, value] of Object.entries(dict)) {
		const definition = find(key);
		if (definition) yield* walkKey(lint, value, definition, around, within(on, definition.on), join(path, key));
		else if (!isKnown(key)) yield unknown(keys, key, join(path, key));
	}
}

function* walkKey(
	lint: Lint,
	value: PropertyListValue,
	definition: KeyDefinition,
	around: Standing,
	on: Availabilities,
	path: string,
): Generator<KeyFault> {
	const isDefault = definition.default !== undefined && definition.default === value;
	const visit = { definition, value, isDefault, here: standing(lint, on), around };
	const isVariable = lint.isVariable(value);
	const misfit = isVariable ? misfitOf(String(value), definition) : undefined;
	if (misfit) yield { rule: "type", path, title: titleOf(definition), ...misfit };
	for (const [rule, check] of table) {
		const complaint = isVariable && !rulesOfVariables.has(rule) ? undefined : check(visit);
		if (!complaint) continue;
		yield { rule, path, title: titleOf(definition), ...complaint };
		// What has another type has no list, range or form either.
		if (rule === "type") return;
	}
	const { of } = definition;
	if (of === undefined) return;
	if (definition.type === "dictionary" && isPropertyListDict(value)) {
		yield* walkKeys(lint, value as PropertyListDict, of, on, path);
	}
	const [element] = of;
	if (definition.type !== "array" || !Array.isArray(value) || !element) return;
	for (const [index, item] of value.entries()) {
		yield* walkKey(lint, item, element, visit.here, within(on, element.on), `${path}[${index}]`);
	}
}

/** A text that is one variable takes its type, and any other stays a text. */
function misfitOf(text: string, { type }: KeyDefinition): Complaint | undefined {
	const standIn = standInOf(text);
	if (standIn === undefined || typeTests[type](standIn)) return undefined;
	const words = `is a variable that stands for ${typeName(standIn)} where ${type} is needed`;
	return { level: "error", words, remedy: `Give it as ${type}; a variable inside of more text is a string.` };
}

function missing(definition: KeyDefinition, path: string): KeyFault {
	const remedy = `Add it: ${definition.type}${definition.oneOf ? `, one of ${definition.oneOf.join(", ")}` : ""}.`;
	return { rule: "missing", level: "error", path, title: titleOf(definition), words: "is missing", remedy };
}

function unknown(keys: readonly KeyDefinition[], key: string, path: string): KeyFault {
	const meant = keys.find((each) => each.key.toLowerCase() === key.toLowerCase());
	const remedy = meant ? `Case counts: ${meant.key}.` : "Check its spelling; devices pass over keys they do not know.";
	return { rule: "unknown", level: "warning", path, words: "is no key that is known here", remedy };
}

function typeName(value: PropertyListValue): string {
	if (typeof value === "number") return Number.isInteger(value) ? "integer" : "real";
	if (typeof value === "string" || typeof value === "boolean") return typeof value;
	if (value instanceof Uint8Array) return "data";
	if (value instanceof Date) return "date";
	return Array.isArray(value) ? "array" : "dictionary";
}
