/** The lint of whom a document is for: nobody, nobody any more, or everybody by a rule that asks for nothing. */
import type { DocumentPayload, ProfileDocument, Rule } from "./document.ts";
import type { Fault } from "./lint-finding.ts";

/** @param now absent: dates are not looked at */
export function* audienceFaults(document: ProfileDocument, now: Date | undefined): Generator<Fault> {
	const { for: audience, except, profile } = document;
	if (audience !== "everyone" && audience.length === 0) {
		const remedy = 'Say whom it is for: "for: everyone", or a list of rules.';
		yield { level: "warning", path: "for", words: "names nobody, so that no device gets it", remedy };
	}
	if (audience !== "everyone") yield* emptyRules("for", audience);
	yield* emptyRules("except", except);
	for (const path of ["RemovalDate", "PayloadExpirationDate"]) {
		const date = profile[path];
		if (!(date instanceof Date) || now === undefined || date > now) continue;
		const words = "has passed, so that no device gets it";
		yield { level: "warning", path, words, remedy: "Give it a date to come, or leave it out." };
	}
}

export function* payloadAudienceFaults({ for: rules = [], except = [] }: DocumentPayload): Generator<Fault> {
	yield* emptyRules("for", rules);
	yield* emptyRules("except", except);
}

function* emptyRules(path: string, rules: readonly Rule[]): Generator<Fault> {
	const remedy =
		'Say what must hold: {group: staff}. For everybody a profile has "for: everyone", and a payload no "for".';
	for (const [index, rule] of rules.entries()) {
		if (asksForSomething(rule)) continue;
		const words = "is a rule that asks for nothing, so that it holds for everybody";
		yield { level: "error", path: `${path}[${index}]`, words, remedy };
	}
}

function asksForSomething({ claim = {}, ...others }: Rule): boolean {
	return Object.keys(claim).length > 0 || Object.keys(others).length > 0;
}
