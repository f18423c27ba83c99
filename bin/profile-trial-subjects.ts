/** People and devices that do not exist, as near as can be to those that a profile's rules ask for. */
import type { User } from "../lib/ports.ts";
import { builtInCatalogue } from "../lib/profile/catalogue/built-in.ts";
import type { Catalogue } from "../lib/profile/catalogue/form.ts";
import type { ProfileDocument, Rule } from "../lib/profile/document.ts";
import { matches } from "../lib/profile/rules.ts";
import { deviceKind, type Subject, subjectOf, systemOf } from "../lib/profile/subject.ts";
import { claimPrefix, variableNames } from "../lib/profile/variables.ts";
import { turningVersions, versionsNear } from "./profile-trial-versions.ts";

/** Of each kind that enrolls here one of today. */
const devices: readonly { PRODUCT: string; OS_VERSION: string }[] = [
	{ PRODUCT: "iPhone17,3", OS_VERSION: "27.0" },
	{ PRODUCT: "iPad16,3", OS_VERSION: "27.0" },
	{ PRODUCT: "Mac16,1", OS_VERSION: "27.0" },
];
/** People; those that are nearest to the rules first. */
const mostPeople = 41;
/** Of them, those for rules of other profiles that contradict these. */
const mostForOthers = 10;

/** What somebody shall fit: `rules` first, and `others` as far as they do not contradict those. */
interface Wish {
	rules: readonly Rule[];
	others: readonly Rule[];
}

/**
 * For each kind of device: somebody for whom all rules of `document` and of `others` hold together, as far as they can, in
 * today's version and wherever a type of payload came or went; the same for `document` alone; somebody for each of its rules;
 * and those for whom the others' rules hold that contradicted. All have every claim that the documents name.
 */
export function trialSubjects(
	document: ProfileDocument,
	others: readonly ProfileDocument[],
	catalogue: Catalogue = builtInCatalogue,
): Subject[] {
	const documents = [document, ...others];
	const claims = Object.fromEntries(documents.flatMap(claimsOf).map((name) => [name, unknownClaim(name)]));
	// Whom a payload excepts gets the others; and an exception of two things is for few.
	const excepted = document.except.filter((rule) => Object.keys(rule).length === 1);
	const unwanted = new Set(excepted.flatMap(({ group = [] }) => group));
	const subjectsFor = ({ rules, others: more }: Wish): Subject[] => {
		const user = personFor([...rules, ...more], claims, unwanted);
		return devices.map((device) => subjectFor(user, device, rules, more));
	};
	const more = others.flatMap(rulesOf).filter((rule) => !excepted.some((except) => isNamedIn(except, rule)));
	const [together, ...wishes] = wishesOf(document, more);
	const first = subjectsFor(together);
	const contrary = forOthers(document, together.others, first, subjectsFor);
	const places = mostPeople - 1 - contrary.length / devices.length;
	return [
		...[...first, ...wishes.slice(0, places).flatMap(subjectsFor), ...contrary],
		...first.flatMap((subject) => inVersions(subject, documents, catalogue)),
	];
}

/** Whether somebody for whom the rule holds could be whom the exception names. */
function isNamedIn({ user = [], device = [], claim = {} }: Rule, rule: Rule): boolean {
	return (
		(rule.user ?? []).some((each) => user.includes(each)) ||
		(rule.device ?? []).some((each) => device.includes(each)) ||
		Object.entries(rule.claim ?? {}).some(([name, values]) => claim[name]?.some((each) => values.includes(each)))
	);
}

function wishesOf(document: ProfileDocument, others: readonly Rule[]): [Wish, ...Wish[]] {
	const profileRules = document.for === "everyone" ? [] : document.for;
	const payloadRules = document.payloads.flatMap((payload) => payload.for ?? []);
	const first = profileRules.slice(0, 1);
	const all = [...profileRules, ...payloadRules];
	const each = unlike([...profileRules.map((rule) => [rule]), ...payloadRules.map((rule) => [...first, rule])]);
	const [, ...parts] = unlike([all, ...each.slice(0, mostPeople)]);
	const together = { rules: all, others: unlike(others) };
	const alone = [all, ...parts].map((rules) => ({ rules, others: [] }));
	if (together.others.length === 0) return [together, ...alone.slice(1)];
	return [together, ...alone, ...parts.map((rules) => ({ ...together, rules }))];
}

/** Many payloads, and many profiles, have the same rules. */
function unlike<Each>(all: readonly Each[]): Each[] {
	return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
}

/** Until each rule of the others has held for somebody who gets `document`, or cannot. */
function forOthers(
	document: ProfileDocument,
	others: readonly Rule[],
	known: readonly Subject[],
	subjectsFor: (wish: Wish) => Subject[],
): Subject[] {
	const rules = document.for === "everyone" ? [] : document.for.slice(0, 1);
	const found: Subject[] = [];
	const isMissed = (by: readonly Subject[]) => (rule: Rule) => !by.some((subject) => matches(rule, subject));
	let missed = others.filter(isMissed(known));
	for (let count = 0; count < mostForOthers && missed.length > 0; count += 1) {
		const subjects = subjectsFor({ rules, others: missed });
		found.push(...subjects);
		missed = missed.slice(1).filter(isMissed(subjects));
	}
	return found;
}

function inVersions(subject: Subject, documents: readonly ProfileDocument[], catalogue: Catalogue): Subject[] {
	const system = systemOf(subject.platform);
	const versions = system ? turningVersions(documents, system, catalogue) : [];
	return versions.map((version) => subjectOf(subject.user, { ...subject.device, OS_VERSION: version }));
}

function rulesOf({ for: audience, payloads }: ProfileDocument): Rule[] {
	const payloadRules = payloads.flatMap((payload) => payload.for ?? []);
	return [...(audience === "everyone" ? [] : audience), ...payloadRules];
}

function claimsOf({ payloads }: ProfileDocument): string[] {
	const names = payloads.flatMap(({ payload }) => variableNames(payload).map(({ name }) => name ?? ""));
	return names.filter((name) => name.startsWith(claimPrefix)).map((name) => name.slice(claimPrefix.length));
}

/** What it will be nobody knows: the lint takes a variable for right. */
const unknownClaim = (name: string): string => `\${${claimPrefix}${name}}`;

function personFor(rules: readonly Rule[], known: User["claims"], unwanted: ReadonlySet<string>): User {
	const groups = new Set(rules.flatMap(({ group = [] }) => group).filter((group) => !unwanted.has(group)));
	const claims = new Map<string, User["claims"][string]>(Object.entries(known));
	// Of two rules that ask for one claim the first counts: a list of both would be of another kind.
	for (const [name, [value]] of rules.flatMap(({ claim = {} }) => Object.entries(claim)).reverse()) {
		if (value !== undefined) claims.set(name, value);
	}
	const id = rules.flatMap(({ user = [] }) => user)[0] ?? "trial|0";
	const email = id.includes("@") ? id : "trial@example.com";
	return { id, email, name: "Trial", groups: [...groups], claims: Object.fromEntries(claims) };
}

function subjectFor(
	user: User,
	device: { PRODUCT: string; OS_VERSION: string },
	wished: readonly Rule[],
	others: readonly Rule[],
): Subject {
	const rules = [...wished, ...others];
	const { platform } = deviceKind(device.PRODUCT);
	const models = rules.flatMap(({ model = [] }) => model).map((pattern) => pattern.replaceAll("*", "1"));
	const PRODUCT = models.find((model) => deviceKind(model).platform === platform) ?? device.PRODUCT;
	const named = rules.flatMap(({ device: names = [] }) => names)[0];
	const attributes = {
		...{ UDID: named ?? "00008140-000000000000001E", SERIAL: named ?? "TRIAL0000001", PRODUCT },
		...{ DEVICE_NAME: "Trial", LANGUAGE: "en", VERSION: "24A1" },
		// Of today's alone an iPhone tells it for certain.
		...(platform === "iPhone" ? { IMEI: "490154203237518" } : {}),
	};
	const versions = new Set([device.OS_VERSION, ...conditionsOf(rules).flatMap(versionsNear)]);
	const subjects = [...versions].map((version) => subjectOf(user, { ...attributes, OS_VERSION: version }));
	const fitting = [rules, wished].flatMap((each) => {
		const conditions = conditionsOf(each);
		return subjects.find((subject) => conditions.every((os) => matches({ os }, subject))) ?? [];
	});
	return fitting[0] ?? subjectOf(user, { ...attributes, OS_VERSION: device.OS_VERSION });
}

const conditionsOf = (rules: readonly Rule[]): string[] => [...new Set(rules.flatMap(({ os }) => os ?? []))];
