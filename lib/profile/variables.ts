/**
 * Variables of a template: `${user.email}` and the like, replaced inside parsed values and never in text, so that no
 * value can add an element. A string that is exactly one variable takes the variable's type (data, for a certificate);
 * `$${` stands for a literal `${`; what was put in is not looked at again.
 */
import { OtaError } from "../errors.ts";
import type { User } from "../ports.ts";
import { isPropertyListDict, isXmlText, type PropertyListDict, type PropertyListValue } from "./property-list.ts";

export type VariableValue = string | number | boolean | Date | Uint8Array;
/** By name, without `${` and `}`. */
export type Variables = Readonly<Record<string, VariableValue>>;

/** A literal `${`, a variable, or the beginning of one without its end. */
const marks = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;

export interface VariableSource {
	user: Pick<User, "id" | "email" | "name">;
	/** Attributes under Apple's names; UDID is required, others that are missing become the empty text. */
	device: Readonly<Record<string, string>>;
	organization: string;
	/** Address of the welcome page: origin and base path, no trailing slash. */
	baseUrl: string;
	/** DER of the root certificate. */
	rootCertificate: Uint8Array;
}

/**
 * The variables that every template may use; `composeFinal` adds those that name other payloads.
 * Throws `policy` when a value of the person or the device has characters that a property list cannot carry.
 */
export function profileVariables(source: VariableSource): Variables {
	const { user, device } = source;
	const texts = {
		"user.id": user.id,
		"user.email": user.email,
		"user.name": user.name ?? user.email,
		"device.udid": device.UDID ?? "",
		"device.serial": device.SERIAL ?? "",
		"device.product": device.PRODUCT ?? "",
		"device.version": device.VERSION ?? "",
	};
	for (const [name, text] of Object.entries(texts)) {
		if (!isXmlText(text)) throw new OtaError("policy", `Variable ${name} has characters that XML does not carry`);
	}
	return {
		...texts,
		organization: source.organization,
		baseUrl: source.baseUrl,
		"certificate.root": source.rootCertificate,
	};
}

/** A payload with its variables replaced. Throws `config` naming the template, the key path and the known names. */
export function replaceVariables(
	payload: Readonly<Record<string, unknown>>,
	variables: Variables,
	template: string,
): PropertyListDict {
	return replaceInDict(payload, variables, `Template ${template}: `);
}

function replaceInDict(dict: Readonly<Record<string, unknown>>, variables: Variables, path: string): PropertyListDict {
	const replaced: Record<string, PropertyListValue> = Object.create(null);
	for (const [key, value] of Object.entries(dict)) {
		replaced[key] = replaceInValue(value, variables, /: $/.test(path) ? `${path}${key}` : `${path}.${key}`);
	}
	return replaced;
}

function replaceInValue(value: unknown, variables: Variables, path: string): PropertyListValue {
	if (typeof value === "string") return replaceInText(value, variables, path);
	if (Array.isArray(value)) return value.map((item, index) => replaceInValue(item, variables, `${path}[${index}]`));
	if (isPropertyListDict(value)) return replaceInDict(value, variables, path);
	// Whatever else it is, the property list's writer judges it.
	return value as PropertyListValue;
}

function replaceInText(text: string, variables: Variables, path: string): PropertyListValue {
	const alone = /^\$\{([^{}]*)\}$/.exec(text);
	if (alone) return lookUp(alone[1] ?? "", variables, path);
	return text.replace(marks, (found, name: string | undefined) => {
		if (found === "$${") return "${";
		if (name === undefined) throw new OtaError("config", `${path}: "\${" without its "}"; a literal one is "$\${"`);
		return asText(lookUp(name, variables, path), name, path);
	});
}

function lookUp(name: string, variables: Variables, path: string): VariableValue {
	const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
	if (value !== undefined) return value;
	const known = Object.keys(variables).sort().join(", ");
	throw new OtaError("config", `${path}: variable ${JSON.stringify(name)} is not known; known are ${known}`);
}

function asText(value: VariableValue, name: string, path: string): string {
	if (value instanceof Uint8Array || value instanceof Date) {
		throw new OtaError("config", `${path}: variable ${name} is not text and must stand alone`);
	}
	return String(value);
}

const plainNames: ReadonlySet<string> = new Set([
	...["user.id", "user.email", "user.name", "user.login", "user.groups"],
	...["device.udid", "device.serial", "device.product", "device.version", "device.osVersion"],
	...["device.imei", "device.meid", "device.name", "device.language", "enrollment.id", "enrollment.date"],
	...["organization", "baseUrl", "certificate.root", "identity.client"],
]);
const claimPrefix = "user.claims.";

/** Whether a variable of this name can have a value, given the names of the profile's payloads and secrets. */
export function isKnownVariable(
	name: string,
	{ payloads, secrets }: { payloads: readonly string[]; secrets: readonly string[] },
): boolean {
	if (name.startsWith("payload.")) return payloads.includes(name.slice("payload.".length));
	if (name.startsWith("secret.")) return secrets.includes(name.slice("secret.".length));
	return plainNames.has(name) || (name.startsWith(claimPrefix) && name.length > claimPrefix.length);
}

/** Every variable in the texts of a value, with its key path; null for a `${` that has no end. */
export function variableNames(value: PropertyListValue, path = ""): { name: string | null; path: string }[] {
	if (typeof value === "string") {
		return [...value.matchAll(marks)].flatMap(([found, name = null]) => (found === "$${" ? [] : [{ name, path }]));
	}
	if (Array.isArray(value)) return value.flatMap((item, index) => variableNames(item, `${path}[${index}]`));
	if (!isPropertyListDict(value)) return [];
	return Object.entries(value).flatMap(([key, item]) =>
		variableNames(item as PropertyListValue, path === "" ? key : `${path}.${key}`),
	);
}
