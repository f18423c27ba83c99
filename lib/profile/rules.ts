/**
 * Whether a rule holds for a person and a device, and why not. Rules are compiled at their first use, for a delivery asks
 * thousands of them: lists become sets, patterns their parts, when a condition is asked first.
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
}
/** The numbers of a version. */
type Version = readonly number[];
interface Condition {
	holds(facts: Facts): boolean;
	/** Why it does not hold. */
	words(): string;
}

const compiled = new WeakMap<Rule, readonly Condition[]>();
const known = new WeakMap<Subject, Facts>();

export function matches(rule: Rule, subject: Subject): boolean {
	const facts = factsOf(subject);
	for (const condition of conditionsOf(rule)) if (!condition.holds(facts)) return false;
	return true;
}

/** The conditions that do not hold, in words; none: the rule holds. */
export function misses(rule: Rule, subject: Subject): string[] {
	const facts = factsOf(subject);
	return conditionsOf(rule).flatMap((condition) => (condition.holds(facts) ? [] : [condition.words()]));
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
	};
	known.set(subject, facts);
	return facts;
}

function conditionsOf(rule: Rule): readonly Condition[] {
	const found = compiled.get(rule);
	if (found) return found;
	const conditions: Condition[] = [];
	for (const key of Object.keys(rule) as (keyof Rule)[]) {
		// What is not understood must not hold by being passed over.
		if (!Object.hasOwn(compilers, key)) {
			throw new OtaError("config", `Rule: ${JSON.stringify(key)} is nothing that a rule can ask for`);
		}
		conditions.push(...(compilers[key] as (wanted: unknown) => Condition[])(rule[key]));
	}
	compiled.set(rule, conditions);
	return conditions;
}

const compilers: { readonly [Key in keyof Rule]-?: (wanted: Required<Rule>[Key]) => Condition[] } = {
	group: (wanted) => {
		const words = () => `group: is in none of ${listed(wanted)}`;
		return [{ words, holds: ({ groups }) => wanted.some((group) => groups.has(group)) }];
	},
	user: (wanted) => {
		const [ids, emails] = [new Set(wanted), new Set(wanted.map((each) => each.toLowerCase()))];
		const words = () => `user: is none of ${listed(wanted)}`;
		return [{ words, holds: ({ subject, email }) => ids.has(subject.user.id) || emails.has(email) }];
	},
	claim: (wanted) => Object.entries(wanted).map(([name, values]) => claimCondition(name, values)),
	platform: (wanted) => {
		const words = () => `platform: is none of ${listed(wanted)}`;
		return [{ words, holds: ({ subject: { platform } }) => platform !== null && wanted.includes(platform) }];
	},
	model: (wanted) => {
		let patterns: string[][] | undefined;
		const words = () => `model: is none of ${listed(wanted)}`;
		const isLike = (product: string) => {
			patterns ??= wanted.map((pattern) => pattern.split("*"));
			return patterns.some((parts) => isPatterned(product, parts));
		};
		return [{ words, holds: ({ subject: { device } }) => device.PRODUCT !== undefined && isLike(device.PRODUCT) }];
	},
	os: (wanted) => {
		let conditions: ReturnType<typeof comparisons> | undefined;
		const words = () => `os: the version is not known, or not ${wanted}`;
		const isMet = (version: Version) => {
			conditions ??= comparisons(wanted);
			if (!conditions) throw new OtaError("config", "Rule: os is no condition; write it like `>=17.2 <19`");
			return conditions.every((compare) => compare(version));
		};
		return [{ words, holds: ({ version }) => version !== null && isMet(version) }];
	},
	device: (wanted) => {
		const devices = new Set(wanted.map((each) => each.toUpperCase()));
		devices.delete("");
		const words = () => `device: is none of ${listed(wanted)}`;
		return [{ words, holds: ({ udid, serial }) => devices.has(udid) || devices.has(serial) }];
	},
};

function claimCondition(name: string, values: readonly (string | number | boolean)[]): Condition {
	const wanted = new Set<unknown>(values);
	return {
		words: () => `claim ${name}: is none of ${listed(values)}`,
		holds: ({ subject: { user } }) => {
			const value = Object.hasOwn(user.claims, name) ? user.claims[name] : undefined;
			return Array.isArray(value) ? value.some((each) => wanted.has(each)) : wanted.has(value);
		},
	};
}

/** Whether `text` is the parts in order with anything between them. Linear: each part is taken where it is found first. */
function isPatterned(text: string, parts: readonly string[]): boolean {
	const [first = "", ...others] = parts;
	const last = others.pop();
	if (last === undefined) return text === first;
	if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
	let at = first.length;
	for (const part of others) {
		const found = text.indexOf(part, at);
		if (found === -1) return false;
		at = found + part.length;
	}
	return at <= text.length - last.length;
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
