/** What a text with variables will be once they are replaced: a text, or what the one variable stands for that it is. */
import type { PropertyListValue } from "./property-list.ts";
import { claimPrefix, plainNames } from "./variables.ts";

/** All others are texts. */
const others: ReadonlyMap<string, PropertyListValue> = new Map<string, PropertyListValue>([
	["user.groups", []],
	["enrollment.date", new Date(0)],
	["certificate.root", new Uint8Array()],
]);

/** A value of the kind that `text` will be. Undefined: nobody knows before the value is there (a claim, a secret). */
export function standInOf(text: string): PropertyListValue | undefined {
	const alone = /^\$\{([^{}]*)\}$/.exec(text)?.[1];
	if (alone === undefined) return "";
	if (alone.startsWith(claimPrefix) || alone.startsWith("secret.")) return undefined;
	const isKnown = plainNames.has(alone) || alone.startsWith("payload.");
	return isKnown ? (others.get(alone) ?? "") : undefined;
}

/** Octets can be no part of a text. */
export const isDataVariable = (name: string): boolean => others.get(name) instanceof Uint8Array;
