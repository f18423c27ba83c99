/** The lint of a document's variables: those that nobody knows, that cannot stand where they do, or that a person may lack. */
import type { DocumentPayload, ProfileDocument, Rule } from "./document.ts";
import type { Finding } from "./lint-finding.ts";
import type { PropertyListDict } from "./property-list.ts";
import { isDataVariable } from "./variable-kinds.ts";
import { claimPrefix, isKnownVariable, plainNames, type VariableName, variableNames } from "./variables.ts";

type Told = Pick<Finding, "rule" | "level" | "words" | "remedy">;
type TellVariable = (variable: VariableName) => Told | undefined;
type VariableFault = Told & { path: string };

/** What a document has names for; made once for all its payloads. */
export interface KnownNames {
	payloads: ReadonlySet<string>;
	secrets: ReadonlySet<string>;
}

export function knownNames({ payloads, secrets }: ProfileDocument): KnownNames {
	return { payloads: new Set(payloads.map(({ name }) => name)), secrets: new Set(Object.keys(secrets)) };
}

/** Around the payloads, where all others would be readable to anyone; `composeOuter` replaces no more. */
const outerNames: ReadonlySet<string> = new Set(["organization", "baseUrl"]);

export function outerVariableFaults(profile: PropertyListDict, known: KnownNames): VariableFault[] {
	return faults(profile, ({ name }) => {
		if (name === null || !isKnownVariable(name, known)) return unknownFault(name, known);
		if (outerNames.has(name)) return undefined;
		const words = "has a variable that would stay readable outside of what is encrypted";
		return error(words, `Here are ${listed([...outerNames])} alone; say the rest inside a payload.`);
	});
}

/** @param isSecret paths where a secret stands in plain text: what looks like a variable there may be a piece of it */
export function payloadVariableFaults(
	{ payload, for: rules }: DocumentPayload,
	{ for: audience }: ProfileDocument,
	known: KnownNames,
	isSecret: (path: string) => boolean,
): VariableFault[] {
	const isAsked = (claim: string) => asksFor(rules, claim) || (audience !== "everyone" && asksFor(audience, claim));
	return faults(payload, ({ name, path, isAlone }) => {
		if (isSecret(path)) return undefined;
		if (name === null || !isKnownVariable(name, known)) return unknownFault(name, known);
		if (isDataVariable(name) && !isAlone) {
			return error("has a variable of data inside of a text", "Let it stand alone, at a key that takes data.");
		}
		if (!name.startsWith(claimPrefix) || isAsked(name.slice(claimPrefix.length))) return undefined;
		const words = "has a claim that no rule asks for: people who lack it cannot enroll";
		return { rule: "variable", level: "warning", words, remedy: "Give it to those who have the claim: for, claim." };
	});
}

function faults(value: PropertyListDict, tell: TellVariable): VariableFault[] {
	return variableNames(value).flatMap((variable) => {
		const told = tell(variable);
		return told ? [{ path: variable.path, ...told }] : [];
	});
}

/** Whether nobody comes here without the claim. */
function asksFor(rules: readonly Rule[] | undefined, claim: string): boolean {
	return rules?.every((rule) => rule.claim !== undefined && Object.hasOwn(rule.claim, claim)) === true;
}

const error = (words: string, remedy: string, rule = "variable"): Told => ({ rule, level: "error", words, remedy });

/** A variable's name may be a piece of a password, so that it is not told. */
function unknownFault(name: string | null, { payloads, secrets }: KnownNames): Told {
	if (name === null)
		return error('has a "${" without its end', 'Close it with "}", or write $${ for a "${" that is text.');
	if (name.startsWith("secret.")) {
		const remedy = `Give it one (ota profile secret PROFILE NAME), or name one that has: ${listed([...secrets])}.`;
		return error("names a secret that has no value", remedy, "secret");
	}
	if (name.startsWith("payload.")) {
		return error("names a payload that is not in the profile", `Name one of its payloads: ${listed([...payloads])}.`);
	}
	const remedy = `Known are ${[...plainNames].join(", ")} and user.claims.NAME; write $\${ for a "\${" that is text.`;
	return error("has a variable that is not known", remedy);
}

function listed(names: readonly string[]): string {
	return names.length > 0 ? names.slice(0, 20).join(", ") : "none";
}
