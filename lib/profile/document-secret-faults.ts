/** The lint of a document's secrets: those in plain text, those where no secret belongs, passwords inside of addresses, what is too long. */
import type { Catalogue } from "./catalogue/form.ts";
import type { PlainSecrets } from "./document.ts";
import { type KeyPath, mapSecrets } from "./document-secret-keys.ts";
import type { Fault } from "./lint-finding.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";
import { textsOf } from "./texts.ts";
import { variableNames } from "./variables.ts";

/** Octets of a value that the HSM agent seals, whatever the names of profile and secret: 64 KiB but for the octet that says its kind. */
export const longestSecret = 64 * 1024 - 1;

/** Paths of the secrets that stand in plain text. */
export function plainSecrets(payload: PropertyListDict, catalogue: Catalogue): Set<string> {
	const paths = new Set<string>();
	mapSecrets(payload, catalogue, (value, path) => {
		paths.add(pathText(path));
		return value;
	});
	return paths;
}

/** @param plain from `plainSecrets` */
export function* secretFaults(
	payload: PropertyListDict,
	catalogue: Catalogue,
	plain: ReadonlySet<string>,
): Generator<Fault> {
	for (const path of plain) {
		const remedy = `Saving the profile seals it; or name a secret: \${secret.NAME}.`;
		yield { level: "error", path, words: "holds a secret in plain text", remedy };
	}
	for (const path of openSecrets(payload, catalogue)) {
		const words = "has a secret at a key that is none, so that the device may show it";
		yield { level: "warning", path, words, remedy: "Put it where a password or the like belongs." };
	}
	for (const [path, text] of textsOf(payload)) {
		if (plain.has(path) || !hasPassword(text)) continue;
		const words = "has a password in an address, which is not sealed";
		yield { level: "warning", path, words, remedy: "Give it at a key for passwords, and the address without it." };
	}
}

/** Of values that are to be sealed for these keys. */
export function* longSecretFaults(payload: PropertyListDict, secrets: PlainSecrets): Generator<Fault> {
	for (const { name, path } of variableNames(payload)) {
		const value = secrets.get(name?.startsWith("secret.") ? name.slice("secret.".length) : "");
		if (value === undefined || Buffer.byteLength(value) <= longestSecret) continue;
		const words = "has a secret that is longer than the 64 KiB that can be sealed";
		const remedy = "Leave out what the device can do without, such as the certificates of a chain.";
		yield { level: "error", path, words, remedy };
	}
}

/** Named where the definitions know the payload and say that its key holds no secret. */
function openSecrets(payload: PropertyListDict, catalogue: Catalogue): Set<string> {
	const named = variableNames(payload).filter(({ name }) => name?.startsWith("secret."));
	const isKnown = typeof payload.PayloadType === "string" && catalogue.payloads.has(payload.PayloadType);
	if (named.length === 0 || !isKnown) return new Set();
	const places = plainSecrets(asPlain(payload) as PropertyListDict, catalogue);
	return new Set(named.flatMap(({ path }) => (places.has(path) ? [] : [path])));
}

/** As if all texts were plain: variables are no secrets. */
function asPlain(value: PropertyListValue): PropertyListValue {
	if (typeof value === "string") return value.replaceAll("$", "-");
	if (Array.isArray(value)) return value.map(asPlain);
	if (!isPropertyListDict(value)) return value;
	return Object.fromEntries(Object.entries(value as PropertyListDict).map(([key, item]) => [key, asPlain(item)]));
}

/** `https://user:password@host`; a variable there is another's affair. */
function hasPassword(text: string): boolean {
	return /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/?#@:]*:(?!\$\{)[^\s/?#@]+@/i.test(text.slice(0, 2_000));
}

function pathText(path: KeyPath): string {
	const text = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
	return text.replace(/^\./, "");
}
