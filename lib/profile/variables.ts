/**
 * Variables of a payload: `${user.email}` and the like, replaced inside parsed values and never in text, so that no
 * value can add an element. A string that is exactly one variable takes the variable's type (data, for a certificate);
 * `$${` stands for a literal `${`; what was put in is not looked at again.
 */
import { OtaError } from "../errors.ts";
import type { Enrollment } from "../ports.ts";
import { isPropertyListDict, isXmlText, type PropertyListDict, type PropertyListValue } from "./property-list.ts";
import type { Subject } from "./subject.ts";
import { textsOf } from "./texts.ts";

export type VariableValue = string | number | boolean | Date | Uint8Array | readonly string[];
/** By name, without `${` and `}`. */
export type Variables = Readonly<Record<string, VariableValue>>;

export const claimPrefix = "user.claims.";

/** A literal `${`, a variable, or the beginning of one without its end. */
const marks = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;

export interface VariableSource {
	subject: Subject;
	enrollment: Pick<Enrollment, "id" | "createdAt">;
	organization: string;
	/** Address of the welcome page: origin and base path, no trailing slash. */
	baseUrl: string;
	/** DER of the root certificate. */
	rootCertificate: Uint8Array;
}

/**
 * The variables that every payload may use; `composeFinal` adds those that name payloads and secrets. What the device
 * left out is the empty text; a claim that the person lacks is no variable.
 */
export function profileVariables(source: VariableSource): Variables {
	const { user, device, osVersion } = source.subject;
	const claims = Object.entries(user.claims).map(([name, value]) => [`${claimPrefix}${name}`, value] as const);
	return {
		...Object.fromEntries(claims),
		"user.id": user.id,
		"user.email": user.email,
		"user.name": user.name ?? user.email,
		"user.login": user.email.split("@")[0] ?? "",
		"user.groups": user.groups,
		"device.udid": device.UDID ?? "",
		"device.serial": device.SERIAL ?? "",
		"device.product": device.PRODUCT ?? "",
		"device.version": device.VERSION ?? "",
		"device.osVersion": osVersion ?? "",
		"device.imei": device.IMEI ?? "",
		"device.meid": device.MEID ?? "",
		"device.name": device.DEVICE_NAME ?? "",
		"device.language": device.LANGUAGE ?? "",
		"enrollment.id": source.enrollment.id,
		"enrollment.date": source.enrollment.createdAt,
		organization: source.organization,
		baseUrl: source.baseUrl,
		"certificate.root": source.rootCertificate,
	};
}

/**
 * A payload with its variables replaced; `where` is how errors call it: `Profile office, payload wifi`. Throws `config`
 * with the key path and the known names, `policy` for a claim that the person lacks and for a value of the person or the
 * device with characters that a property list cannot carry. Never says a value.
 */
export function replaceVariables(
	payload: Readonly<Record<string, unknown>>,
	variables: Variables,
	where: string,
): PropertyListDict {
	return replaceInDict(payload, variables, `${where}: `);
}

function replaceInDict(dict: Readonly<Record<string, unknown>>, variables: Variables, path: string): PropertyListDict {
	const replaced: Record<string, PropertyListValue> = Object.create(null);
	for (const [key, value] of Object.entries(dict)) {
		replaced[key] = replaceInValue(value, variables, path.endsWith(": ") ? `${path}${key}` : `${path}.${key}`);
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
	if (!text.includes("${")) return text;
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
	if (value === undefined) throw unknownVariable(name, variables, path);
	const texts = Array.isArray(value) ? value : [value];
	if (texts.every((text) => typeof text !== "string" || isXmlText(text))) return value;
	const code = /^(?:user|device)\./.test(name) ? "policy" : "config";
	throw new OtaError(code, `${path}: variable ${name} has characters that XML does not carry`);
}

function unknownVariable(name: string, variables: Variables, path: string): OtaError {
	if (name.startsWith(claimPrefix)) {
		return new OtaError("policy", `${path}: the person has no claim ${JSON.stringify(name.slice(claimPrefix.length))}`);
	}
	const fault = `${path}: variable ${JSON.stringify(name)}`;
	if (name.startsWith("payload.")) {
		return new OtaError("config", `${fault} names no payload of its profile that this device gets`);
	}
	if (name.startsWith("secret.")) return new OtaError("config", `${fault} names a secret without a value`);
	const known = Object.keys(variables).filter((each) => !/^(?:user\.claims|payload|secret)\./.test(each));
	return new OtaError("config", `${fault} is not known; known are ${known.sort().join(", ")}`);
}

function asText(value: VariableValue, name: string, path: string): string {
	if (value instanceof Uint8Array) {
		throw new OtaError("config", `${path}: variable ${name} is not text and must stand alone`);
	}
	return value instanceof Date ? value.toISOString().slice(0, 10) : String(value);
}

export const plainNames: ReadonlySet<string> = new Set([
	...["user.id", "user.email", "user.name", "user.login", "user.groups"],
	...["device.udid", "device.serial", "device.product", "device.version", "device.osVersion"],
	...["device.imei", "device.meid", "device.name", "device.language", "enrollment.id", "enrollment.date"],
	...["organization", "baseUrl", "certificate.root", "identity.client"],
]);

/** Whether a variable of this name can have a value, given the names of the profile's payloads and secrets. */
export function isKnownVariable(
	name: string,
	{ payloads, secrets }: { payloads: ReadonlySet<string>; secrets: ReadonlySet<string> },
): boolean {
	if (name.startsWith("payload.")) return payloads.has(name.slice("payload.".length));
	if (name.startsWith("secret.")) return secrets.has(name.slice("secret.".length));
	return plainNames.has(name) || (name.startsWith(claimPrefix) && name.length > claimPrefix.length);
}

export interface VariableName {
	/** Null: a `${` that has no end. */
	name: string | null;
	/** Key path. */
	path: string;
	/** Whether the text is nothing else. */
	isAlone: boolean;
}

/** Every variable in the texts of a value. */
export function variableNames(value: PropertyListValue): VariableName[] {
	const names: VariableName[] = [];
	for (const [path, text] of textsOf(value)) {
		for (const [found, name = null] of text.matchAll(marks)) {
			if (found !== "$${") names.push({ name, path, isAlone: name !== null && found === text });
		}
	}
	return names;
}
