/**
 * Whether a rule holds for a person and a device, and why not. A delivery asks thousands of rules, most of them once, so
 * that nothing is prepared for a rule but what saves more than it costs: long lists become sets, and a condition on the
 * version is read once for a subject.
 */
import { OtaError } from "../errors.ts";
import { isVersion } from "./catalogue/form.ts";
import type { Rule } from "./document.ts";
import type { Subject } from "./subject.ts";

/** What rules ask of a subject, in the form in which they compare it. */
interface Facts {
	subject: Subject;
	groups: ReadonlySet<string>;
	email: string;
	udid: string;
	serial: string;
	version: Version | null;
	/** What was found of the version, by the condition's text. */
	met: Map<string, boolean>;
}
/** The numbers of a version. */
type Version = readonly number[];
interface Condition<Wanted> {
	holds(wanted: Wanted, facts: Facts): boolean;
	/** Why it does not hold. */
	words(wanted: Wanted, facts: Facts): string[];
}

const known = new WeakMap<Subject, Facts>();

export function matches(rule: Rule, subject: Subject): boolean {
	const facts = factsOf(subject);
	let all = true;
	for (const key of Object.keys(rule) as (keyof Rule)[]) {
		const { holds } = conditionOf(key);
		all = all && holds(rule[key], facts);
	}
	return all;
}

/** The conditions that do not hold, in words; none: the rule holds. */
export function misses(rule: Rule, subject: Subject): string[] {
	const facts = factsOf(subject);
	return (Object.keys(rule) as (keyof Rule)[]).flatMap((key) => {
		const { holds, words } = conditionOf(key);
		return holds(rule[key], facts) ? [] : words(rule[key], facts);
	});
}

/** Null: the rule holds. Else words such as `group: is in none of staff, it`. */
export function whyNot(rule: Rule, subject: Subject): string | null {
	const missed = misses(rule, subject);
	return missed.length === 0 ? null : missed.join("; ");
}

/** Whether a text is a condition on the system's version: `>=17.2 <19`. */
export function isOsCondition(text: string): boolean {
	return comparisons(text) !== null;
}

function factsOf(subject: Subject): Facts {
	const found = known.get(subject);
	if (found) return found;
	const { user, device, osVersion } = subject;
	const facts: Facts = {
		subject,
		groups: new Set(user.groups),
		email: user.email.toLowerCase(),
		udid: (device.UDID ?? "").toUpperCase(),
		serial: (device.SERIAL ?? "").toUpperCase(),
		version: osVersion === null ? null : numbersOf(osVersion),
		met: new Map(),
	};
	known.set(subject, facts);
	return facts;
}

const conditions: { readonly [Key in keyof Rule]-?: Condition<Required<Rule>[Key]> } = {
	group: {
		holds: (wanted, { groups }) => wanted.some((group) => groups.has(group)),
		words: (wanted) => [`group: is in none of ${listed(wanted)}`],
	},
	user: {
		holds: (wanted, { subject, email }) => isListed(wanted, subject.user.id) || isListedLower(wanted, email),
		words: (wanted) => [`user: is none of ${listed(wanted)}`],
	},
	claim: {
		holds: (wanted, facts) => Object.entries(wanted).every((each) => isClaimed(each, facts)),
		words: (wanted, facts) =>
			Object.entries(wanted).flatMap((each) =>
				isClaimed(each, facts) ? [] : [`claim ${each[0]}: is none of ${listed(each[1])}`],
			),
	},
	platform: {
		holds: (wanted, { subject: { platform } }) => platform !== null && wanted.includes(platform),
		words: (wanted) => [`platform: is none of ${listed(wanted)}`],
	},
	model: {
		holds(wanted, { subject: { device } }) {
			const { PRODUCT: product } = device;
			return product !== undefined && wanted.some((pattern) => isPatterned(product, pattern));
		},
		words: (wanted) => [`model: is none of ${listed(wanted)}`],
	},
	os: {
		holds(wanted, { version, met }) {
			const holds = version !== null && (met.get(wanted) ?? isMet(wanted, version));
			met.set(wanted, holds);
			return holds;
		},
		words: (wanted) => [`os: the version is not known, or not ${wanted}`],
	},
	device: {
		holds: (wanted, { udid, serial }) =>
			(udid !== "" && isListedUpper(wanted, udid)) || (serial !== "" && isListedUpper(wanted, serial)),
		words: (wanted) => [`device: is none of ${listed(wanted)}`],
	},
};

const byKey: ReadonlyMap<string, Condition<unknown>> = new Map(
	Object.entries(conditions as Readonly<Record<string, Condition<unknown>>>),
);

function conditionOf(key: string): Condition<unknown> {
	const condition = byKey.get(key);
	// What is not understood must not hold by being passed over.
	if (!condition) throw new OtaError("config", `Rule: ${JSON.stringify(key)} is nothing that a rule can ask for`);
	return condition;
}

type Listed = string | number | boolean;

function isClaimed([name, wanted]: [name: string, wanted: readonly Listed[]], { subject: { user } }: Facts): boolean {
	const value = Object.hasOwn(user.claims, name) ? user.claims[name] : undefined;
	return Array.isArray(value) ? value.some((each) => isListed(wanted, each)) : isListed(wanted, value);
}

const isListed = lists((each) => each);
const isListedLower = lists((each) => String(each).toLowerCase());
const isListedUpper = lists((each) => String(each).toUpperCase());

/** Lists longer than this are looked through once, and are sets from then on. */
const longestWithoutSet = 16;

/** Whether a value is in a list whose items are compared in a form. */
function lists(form: (each: Listed) => Listed): (wanted: readonly Listed[], value: unknown) => boolean {
	const sets = new WeakMap<readonly Listed[], ReadonlySet<unknown>>();
	return (wanted, value) => {
		if (wanted.length <= longestWithoutSet) return wanted.some((each) => form(each) === value);
		const set = sets.get(wanted) ?? new Set(wanted.map(form));
		sets.set(wanted, set);
		return set.has(value);
	};
}

/** Whether `text` is the pattern with anything for each `*`. Linear: each part is taken where it is found first. */
function isPatterned(text: string, pattern: string): boolean {
	const first = pattern.indexOf("*");
	if (first === -1) return text === pattern;
	const last = pattern.lastIndexOf("*");
	const end = text.length - (pattern.length - last - 1);
	if (end < first || !text.startsWith(pattern.slice(0, first)) || !text.endsWith(pattern.slice(last + 1))) return false;
	if (first === last) return true;
	let at = first;
	for (const part of pattern.slice(first + 1, last).split("*")) {
		const found = text.indexOf(part, at);
		if (found === -1) return false;
		at = found + part.length;
	}
	return at <= end;
}

function isMet(condition: string, version: Version): boolean {
	const all = comparisons(condition);
	if (!all) throw new OtaError("config", "Rule: os is no condition; write it like `>=17.2 <19`");
	return all.every((compare) => compare(version));
}

const operators: Readonly<Record<string, (difference: number) => boolean>> = {
	">=": (difference) => difference >= 0,
	">": (difference) => difference > 0,
	"<=": (difference) => difference <= 0,
	"<": (difference) => difference < 0,
	"=": (difference) => difference === 0,
};
const longestCondition = 200;

/**
 * The comparisons of a condition, or null. A version counts as far as the condition's goes: 17.4.1 is `=17.4`, `<=17` and
 * not `>17`, for people mean it so, and a build does not tell the third number.
 */
function comparisons(text: string): ((version: Version) => boolean)[] | null {
	if (text.length > longestCondition) return null;
	const found: ((version: Version) => boolean)[] = [];
	for (const part of text.trim().split(/\s+/)) {
		const length = /^(?:[<>]=?|=)/.exec(part)?.[0].length ?? 0;
		const holds = operators[part.slice(0, length)];
		if (!holds || !isVersion(part.slice(length))) return null;
		const wanted = numbersOf(part.slice(length));
		found.push((version) => holds(difference(version, wanted)));
	}
	return found;
}

const numbersOf = (version: string): Version => version.split(".").map(Number);

/** Below zero when `version` is the older, as far as `wanted` goes. */
function difference(version: Version, wanted: Version): number {
	for (const [part, number] of wanted.entries()) {
		const found = (version[part] ?? 0) - number;
		if (found !== 0) return found;
	}
	return 0;
}

const mostListed = 5;

function listed(values: readonly (string | number | boolean)[]): string {
	const more = values.length > mostListed ? ` and ${values.length - mostListed} more` : "";
	return values.length === 0 ? "nothing" : `${values.slice(0, mostListed).join(", ")}${more}`;
}
