/** Reads who gets a profile or a payload: rules, in the form that `document.ts` says. */
import { type Audience, type Platform, platforms, type Rule } from "./document.ts";
import { type FieldReader, isTreeDict, oneOrMore, readFields, readList, readText, refuse } from "./document-fields.ts";
import { isOsCondition } from "./rules.ts";

const most = 1_000;

const readPlatform: FieldReader<Platform> = (value, path, faults) => {
	const platform = platforms.find((each) => each === value);
	return platform ?? refuse(faults, path, `is no platform; known are ${platforms.join(", ")}`);
};

const readOs: FieldReader<string> = (value, path, faults) => {
	const text = readText(value, path, faults);
	if (text === undefined || isOsCondition(text)) return text;
	return refuse(faults, path, 'is no condition on a version; write it like ">=17.2 <19", with >=, >, <=, < or =');
};

type ClaimValue = string | number | boolean;
const readClaimValue: FieldReader<ClaimValue> = (value, path, faults) => {
	if (typeof value === "string" || typeof value === "boolean") return value;
	if (typeof value === "number" && Number.isFinite(value)) return value;
	return refuse(faults, path, "needs a text, a number, true or false");
};

const readClaim: FieldReader<NonNullable<Rule["claim"]>> = (value, path, faults) => {
	if (!isTreeDict(value)) return refuse(faults, path, "needs names of claims with their values: {department: sales}");
	const claims: Record<string, readonly ClaimValue[]> = Object.create(null);
	for (const [name, values] of Object.entries(value)) {
		claims[name] = oneOrMore(readClaimValue)(values, `${path}.${name}`, faults) ?? [];
	}
	return claims;
};

const readRule: FieldReader<Rule> = (value, path, faults) => {
	if (!isTreeDict(value)) return refuse(faults, path, "is no rule; write what must hold: {group: staff}");
	return readFields<Rule>(value, path, faults, {
		group: oneOrMore(readText),
		user: oneOrMore(readText),
		claim: readClaim,
		platform: oneOrMore(readPlatform),
		model: oneOrMore(readText),
		os: readOs,
		device: oneOrMore(readText),
	});
};

export const readRules: FieldReader<readonly Rule[]> = (value, path, faults) => {
	if (!Array.isArray(value)) return refuse(faults, path, "needs a list of rules: [{group: staff}]");
	if (value.length > most) return refuse(faults, path, `has more than ${most} rules; name a group instead`);
	return readList(value, path, faults, readRule);
};

export const readAudience: FieldReader<Audience> = (value, path, faults) => {
	if (value === "everyone") return "everyone";
	if (Array.isArray(value)) return readRules(value, path, faults);
	return refuse(faults, path, "needs everyone, or a list of rules: [{group: staff}]; leave it out for nobody");
};
