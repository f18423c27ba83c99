/** Takes the secrets out of a document: names stand in for them, and the values go their own way, to be sealed. */
import { OtaError } from "../errors.ts";
import type { Catalogue } from "./catalogue/form.ts";
import type { PlainSecrets, ProfileDocument } from "./document.ts";
import { type KeyPath, mapSecrets } from "./document-secret-keys.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";
import { variableNames } from "./variables.ts";

const prefix = "secret.";
const longestName = 180;

/**
 * The document with `${secret.<payload>.<key path>}` in the place of each secret, and those secrets as they were (a `${`
 * in a password is no variable). Throws `malformed` for a secret that is no text and no data.
 */
export function sealable(
	document: ProfileDocument,
	catalogue: Catalogue,
): { document: ProfileDocument; secrets: PlainSecrets } {
	const secrets = new Map<string, string | Uint8Array>();
	// A name that stands elsewhere in the document means the value there.
	const taken = new Set(secretNames(document));
	const payloads = document.payloads.map((each) => ({
		...each,
		payload: mapSecrets(each.payload, catalogue, (value, path) => {
			const name = freeName([each.name, ...path], taken);
			secrets.set(name, carried(value, each.name, path));
			return `\${${prefix}${name}}`;
		}),
	}));
	return { document: { ...document, payloads }, secrets };
}

function carried(value: PropertyListValue, payload: string, path: KeyPath): string | Uint8Array {
	if (typeof value === "string" || value instanceof Uint8Array) return value;
	const place = `payload ${payload}, ${path.join(".")}`;
	throw new OtaError("malformed", `${place}: a secret is text or data; put it in quotes, or digits may be lost`);
}

/** Unlike paths may read alike once dots are between: then the later one gets a number. */
function freeName(path: KeyPath, taken: Set<string>): string {
	const base = path
		.map((part) => String(part).replace(/[^A-Za-z0-9._-]/g, "_"))
		.join(".")
		.slice(0, longestName);
	let name = base;
	for (let number = 2; taken.has(name); number += 1) name = `${base}-${number}`;
	taken.add(name);
	return name;
}

/** What follows `secret.` in the document's variables, each once, by name. */
export function secretNames(document: ProfileDocument): string[] {
	return [...new Set(document.payloads.flatMap(({ payload }) => secretsOf(payload)))].sort();
}

/** Names of the secrets in a value, wherever they stand. */
export function secretsOf(value: PropertyListValue): string[] {
	return variableNames(value).flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : []));
}

/** The document with values in the place of their names: to be judged, and for nobody's eyes. */
export function withSecrets(document: ProfileDocument, secrets: PlainSecrets): ProfileDocument {
	const inValue = (value: PropertyListValue): PropertyListValue => {
		if (typeof value === "string") return inText(value, secrets);
		if (Array.isArray(value)) return value.map(inValue);
		return isPropertyListDict(value) ? inDict(value as PropertyListDict) : value;
	};
	const inDict = (dict: PropertyListDict): PropertyListDict =>
		Object.fromEntries(Object.entries(dict).map(([key, value]) => [key, inValue(value)]));
	return { ...document, payloads: document.payloads.map((each) => ({ ...each, payload: inDict(each.payload) })) };
}

/** Data stands alone, or not at all. */
function inText(text: string, secrets: PlainSecrets): string | Uint8Array {
	const alone = /^\$\{secret\.([^{}]*)\}$/.exec(text)?.[1];
	const value = alone === undefined ? undefined : secrets.get(alone);
	if (value !== undefined) return value;
	return text.replace(/\$\{secret\.([^{}]*)\}/g, (found, name: string) => {
		const part = secrets.get(name);
		return typeof part === "string" ? part : found;
	});
}

/**
 * The document naming for each of its secrets the version whose sealed value counts: this one where it is brought now,
 * else that of before. Those without either are left out, and the lint tells them.
 */
export function withVersions(
	document: ProfileDocument,
	before: Readonly<Record<string, number>>,
	brought: ReadonlyMap<string, unknown>,
	version: number,
): ProfileDocument {
	const secrets: Record<string, number> = Object.create(null);
	for (const name of secretNames(document)) {
		const known = brought.has(name) ? version : Object.hasOwn(before, name) ? before[name] : undefined;
		if (known !== undefined) secrets[name] = known;
	}
	return { ...document, secrets };
}
