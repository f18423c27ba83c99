/**
 * The notation of the built-in definitions: one call a key, so that a family of payloads reads as a table.
 *
 * Availability is text, one part per operating system: `iOS 7.0 supervised; macOS none`. After the name: the first
 * version or `none`; then `deprecated 17.0`, `removed 18.0`, `supervised` (obeyed by supervised devices alone), `mdm`
 * (not installable by hand), `once` (one payload of the type on a device). A key says only what differs from its payload.
 */
import {
	type Availabilities,
	type Availability,
	isVersion,
	type KeyDefinition,
	type KeyType,
	operatingSystems,
	type PayloadDefinition,
} from "./form.ts";

/** The form of a PayloadUUID in Apple's schema, which leaves open whether the characters are hexadecimal. */
export const uuid = "^[0-9A-Za-z]{8}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}-[0-9A-Za-z]{12}$";

type Facts = Partial<Omit<KeyDefinition, "key" | "type" | "on" | "of" | "isRequired" | "isSecret">> & {
	on?: string;
	required?: true;
	secret?: true;
};

export function payload(type: string, title: string, on: string, keys: readonly KeyDefinition[]): PayloadDefinition {
	return { type, title, on: availabilities(on), keys };
}

const scalar =
	(type: KeyType) =>
	(key: string, facts: Facts = {}): KeyDefinition =>
		define(key, type, facts);

export const string = scalar("string");
export const boolean = scalar("boolean");
export const integer = scalar("integer");
export const real = scalar("real");
export const data = scalar("data");
export const date = scalar("date");
export const any = scalar("any");

export function dictionary(key: string, keys: readonly KeyDefinition[], facts: Facts = {}): KeyDefinition {
	return { ...define(key, "dictionary", facts), of: keys };
}

/** @param element its key is only a label */
export function array(key: string, element: KeyDefinition, facts: Facts = {}): KeyDefinition {
	return { ...define(key, "array", facts), of: [element] };
}

/** A 0 or a 1 where a boolean would do. */
export function flag(key: string, facts: Facts = {}): KeyDefinition {
	return define(key, "integer", { oneOf: [0, 1], ...facts });
}

function define(key: string, type: KeyType, { on, required, secret, ...facts }: Facts): KeyDefinition {
	return {
		key,
		type,
		...facts,
		...(on !== undefined && { on: availabilities(on) }),
		...(required && { isRequired: true }),
		...(secret && { isSecret: true }),
	};
}

function availabilities(text: string): Availabilities {
	return Object.fromEntries(
		text.split("; ").map((part) => {
			const [name = "", ...words] = part.split(" ");
			const system = operatingSystems.find((candidate) => candidate === name);
			if (!system) throw new TypeError(`No operating system: ${JSON.stringify(part)}`);
			return [system, availability(words)];
		}),
	);
}

function availability(words: readonly string[]): Availability {
	const found: Availability = {};
	for (let at = 0; at < words.length; at += 1) {
		const word = words[at] ?? "";
		if (word === "supervised") found.isSupervisedOnly = true;
		else if (word === "mdm") found.isInstallableByHand = false;
		else if (word === "once") found.isRepeatable = false;
		else if (word === "none") found.introduced = null;
		else if (word === "deprecated" || word === "removed") found[word] = version(words[++at]);
		else found.introduced = version(word);
	}
	return found;
}

function version(word = ""): string {
	if (!isVersion(word)) throw new TypeError(`No version: ${JSON.stringify(word)}`);
	return word;
}
