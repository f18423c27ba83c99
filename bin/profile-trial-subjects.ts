/** People and devices that do not exist, as near as can be to those that a profile's rules ask for. */
import type { User } from "../lib/ports.ts";
import type { ProfileDocument, Rule } from "../lib/profile/document.ts";
import { matches } from "../lib/profile/rules.ts";
import { deviceKind, type Subject, subjectOf } from "../lib/profile/subject.ts";
import { claimPrefix, variableNames } from "../lib/profile/variables.ts";

/** Of each kind that enrolls here one of today. */
const devices: readonly { PRODUCT: string; OS_VERSION: string }[] = [
	{ PRODUCT: "iPhone17,3", OS_VERSION: "27.0" },
	{ PRODUCT: "iPad16,3", OS_VERSION: "27.0" },
	{ PRODUCT: "Mac16,1", OS_VERSION: "27.0" },
];
/** Rules that are tried one by one; the others together alone. */
const mostRules = 50;

/**
 * For each kind of device: somebody for whom all rules of `document` hold together, as far as they can, and somebody for each
 * rule. They have every claim that `others` or the document name.
 */
export function trialSubjects(document: ProfileDocument, others: readonly ProfileDocument[]): Subject[] {
	const profileRules = document.for === "everyone" ? [] : document.for;
	const payloadRules = document.payloads.flatMap((payload) => payload.for ?? []);
	const first = profileRules.slice(0, 1);
	const wishes = [
		[...profileRules, ...payloadRules],
		...profileRules.map((rule) => [rule]),
		...payloadRules.map((rule) => [...first, rule]),
	];
	const excepted = [document, ...document.payloads].flatMap(({ except = [] }) =>
		except.flatMap(({ group = [] }) => group),
	);
	const claims = Object.fromEntries([document, ...others].flatMap(claimsOf).map((name) => [name, unknownClaim(name)]));
	const unwanted = new Set(excepted);
	// Many payloads have the same rules.
	const unlike = new Map(wishes.map((rules) => [JSON.stringify(rules), rules]));
	return [...unlike.values()].slice(0, mostRules + 1).flatMap((rules) => {
		const user = personFor(rules, claims, unwanted);
		return devices.map((device) => subjectFor(user, device, rules));
	});
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
	const id = rules.flatMap(({ user = [] }) => user)[0] ?? "trial@example.com";
	const email = id.includes("@") ? id : "trial@example.com";
	return { id, email, name: "Trial", groups: [...groups], claims: Object.fromEntries(claims) };
}

function subjectFor(user: User, device: { PRODUCT: string; OS_VERSION: string }, rules: readonly Rule[]): Subject {
	const { platform } = deviceKind(device.PRODUCT);
	const models = rules.flatMap(({ model = [] }) => model).map((pattern) => pattern.replaceAll("*", "1"));
	const PRODUCT = models.find((model) => deviceKind(model).platform === platform) ?? device.PRODUCT;
	const named = rules.flatMap(({ device: names = [] }) => names)[0];
	const attributes = {
		...{ UDID: named ?? "00008140-000000000000001E", SERIAL: named ?? "TRIAL0000001", PRODUCT },
		...{ DEVICE_NAME: "Trial", LANGUAGE: "en", VERSION: "24A1" },
		...(platform === "Mac" ? {} : { IMEI: "490154203237518", MEID: "49015420323751" }),
	};
	const conditions = rules.flatMap(({ os }) => os ?? []);
	const subjects = [device.OS_VERSION, ...conditions.flatMap(versionsNear)].map((version) =>
		subjectOf(user, { ...attributes, OS_VERSION: version }),
	);
	const fitting = subjects.find((each) => conditions.every((os) => matches({ os }, each)));
	return fitting ?? subjectOf(user, { ...attributes, OS_VERSION: device.OS_VERSION });
}

/** The versions that a condition names, and the one before each. */
function versionsNear(condition: string): string[] {
	const named = condition.match(/\d+(?:\.\d+)*/g) ?? [];
	return named.flatMap((version) => [version, `${Number.parseInt(version, 10) - 1}.0`]);
}
