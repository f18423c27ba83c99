/** Payloads that refer to payloads which some devices do not get: the one would arrive without the other. */
import type { DocumentPayload, ProfileDocument, Rule } from "./document.ts";
import { type Fault, textAt } from "./lint-finding.ts";
import { textsOf } from "./texts.ts";
import { variableNames } from "./variables.ts";

/** A document's payloads, by what others call them. Made once for all of them. */
export interface PayloadNames {
	byName: ReadonlyMap<string, DocumentPayload>;
	/** By PayloadUUID in upper case: payloads for different people may have one. */
	byUuid: ReadonlyMap<string, readonly DocumentPayload[]>;
}

export function payloadNames({ payloads }: ProfileDocument): PayloadNames {
	const byUuid = new Map<string, DocumentPayload[]>();
	for (const each of payloads) {
		const uuid = textAt(each.payload, "PayloadUUID").toUpperCase();
		const same = byUuid.get(uuid);
		if (same) same.push(each);
		else if (uuid !== "") byUuid.set(uuid, [each]);
	}
	return { byName: new Map(payloads.map((each) => [each.name, each])), byUuid };
}

/** One for each place of `payload` that refers to a payload with rules which it lacks itself. */
export function* referenceFaults(names: PayloadNames, payload: DocumentPayload): Generator<Fault> {
	for (const { path, targets } of references(payload, names)) {
		const target = targets.find((other) => other !== payload && !reaches(other, payload));
		if (!target) continue;
		yield {
			level: "error",
			path,
			words: `refers to the payload ${target.name}, which some devices that get this one do not get`,
			remedy: `Give this payload the same rules (for, except) as ${target.name}, or take them from there.`,
		};
	}
}

interface Reference {
	path: string;
	targets: readonly DocumentPayload[];
}

/** By `${payload.NAME}`, or by another's PayloadUUID. */
function* references({ payload }: DocumentPayload, { byName, byUuid }: PayloadNames): Generator<Reference> {
	for (const { name, path } of variableNames(payload)) {
		const target = name?.startsWith(prefix) ? byName.get(name.slice(prefix.length)) : undefined;
		if (target) yield { path, targets: [target] };
	}
	if (byUuid.size === 0) return;
	const { PayloadUUID: _, ...keys } = payload;
	for (const [path, text] of textsOf(keys)) {
		const targets = byUuid.get(text.toUpperCase());
		if (targets) yield { path, targets };
	}
}
const prefix = "payload.";

/** Whether every device that gets `from` gets `target` as well, as far as the rules' words show it. */
function reaches(target: DocumentPayload, from: DocumentPayload): boolean {
	const wanted = target.for;
	const isWanted = wanted === undefined || from.for?.every((rule) => wanted.some((other) => implies(rule, other)));
	const excepted = from.except ?? [];
	return isWanted === true && (target.except ?? []).every((rule) => excepted.some((other) => implies(rule, other)));
}

/** Whether `other` holds wherever `rule` does: it asks for nothing more. */
function implies(rule: Rule, other: Rule): boolean {
	const { claim = {}, os, ...lists } = other;
	const claims = rule.claim ?? {};
	return (
		(os === undefined || os === rule.os) &&
		Object.entries(claim).every(([name, values]) =>
			isWithin(Object.hasOwn(claims, name) ? claims[name] : undefined, values),
		) &&
		Object.entries(lists).every(([key, values]) => isWithin(rule[key as keyof typeof lists], values))
	);
}

function isWithin(list: readonly unknown[] | undefined, other: readonly unknown[]): boolean {
	return list?.every((item) => other.includes(item)) === true;
}
