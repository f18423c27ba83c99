/**
 * Finds the values of a payload that are secrets: where the catalogue says so, and where it says nothing, at keys whose
 * name does.
 */
import type { Catalogue, KeyDefinition } from "./catalogue/form.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";
import { isTelling, isTellingOfNumbers } from "./telling-names.ts";

/** A key's place: names of keys, and indexes in arrays. */
export type KeyPath = readonly (string | number)[];

/** What stands at a key that holds a secret. @returns what is to stand there */
type SecretVisit = (value: PropertyListValue, path: KeyPath) => PropertyListValue;

const wholeVariable = /^\$\{[^{}]*\}$/;

/** Exactly one variable: something else brings the secret. */
function isWholeVariable(value: PropertyListValue): boolean {
	return typeof value === "string" && wholeVariable.test(value);
}

/** The payload with every secret as `visit` gives it. Empty values and variables are no secrets. */
export function mapSecrets(payload: PropertyListDict, catalogue: Catalogue, visit: SecretVisit): PropertyListDict {
	const type = typeof payload.PayloadType === "string" ? payload.PayloadType : "";
	const own = catalogue.payloads.get(type)?.keys ?? [];
	return mapDict(payload, [...catalogue.common.keys, ...own], [], visit);
}

function mapDict(
	dict: PropertyListDict,
	keys: readonly KeyDefinition[],
	path: KeyPath,
	visit: SecretVisit,
): PropertyListDict {
	const mapped: Record<string, PropertyListValue> = Object.create(null);
	for (const [key, value] of Object.entries(dict)) {
		const definition = keys.find((each) => each.key === key) ?? anyKey(keys, value);
		mapped[key] = definition
			? mapKnown(value, definition, [...path, key], visit)
			: mapUnknown(value, key, [...path, key], visit);
	}
	return mapped;
}

/** A definition for any key says something of what is below it; of a text, the key's name says more. */
function anyKey(keys: readonly KeyDefinition[], value: PropertyListValue): KeyDefinition | undefined {
	const any = keys.find(({ key }) => key === "ANY");
	return any?.isSecret || Array.isArray(value) || isPropertyListDict(value) ? any : undefined;
}

function mapKnown(
	value: PropertyListValue,
	{ type, of = [], isSecret = false }: KeyDefinition,
	path: KeyPath,
	visit: SecretVisit,
): PropertyListValue {
	// A type of the wrong kind is a finding of the lint, and no less a secret.
	if (isSecret) return mapWhole(value, path, visit);
	if (isPropertyListDict(value)) return mapDict(value as PropertyListDict, of, path, visit);
	if (!Array.isArray(value)) return value;
	const [element] = type === "array" ? of : [];
	return value.map((item: PropertyListValue, index) =>
		element ? mapKnown(item, element, [...path, index], visit) : mapUnknown(item, "", [...path, index], visit),
	);
}

/** @param name the key's, or the array's */
function mapUnknown(value: PropertyListValue, name: string, path: KeyPath, visit: SecretVisit): PropertyListValue {
	if (isPropertyListDict(value)) return mapDict(value as PropertyListDict, [], path, visit);
	if (Array.isArray(value)) {
		return value.map((item: PropertyListValue, index) => mapUnknown(item, name, [...path, index], visit));
	}
	const isCarrier = typeof value === "string" || value instanceof Uint8Array;
	const isSecret = isCarrier ? isTelling(name) : typeof value === "number" && isTellingOfNumbers(name);
	return isSecret ? mapWhole(value, path, visit) : value;
}

function mapWhole(value: PropertyListValue, path: KeyPath, visit: SecretVisit): PropertyListValue {
	if (Array.isArray(value)) {
		return value.map((item: PropertyListValue, index) => mapWhole(item, [...path, index], visit));
	}
	if (isPropertyListDict(value)) {
		const entries = Object.entries(value as PropertyListDict);
		return Object.fromEntries(entries.map(([key, item]) => [key, mapWhole(item, [...path, key], visit)]));
	}
	const isEmpty = (typeof value === "string" || value instanceof Uint8Array) && value.length === 0;
	return isEmpty || isWholeVariable(value) ? value : visit(value, path);
}
