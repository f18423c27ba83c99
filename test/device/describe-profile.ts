/** Tells an opened profile: as indented text for a person, as plain JSON for a program; its secrets are left out of both. */
import { X509Certificate } from "node:crypto";
import type { PlistValue } from "plist";
import type { Dictionary } from "./profile.ts";

/** Keys whose values prove or open something. */
const secretKeys = /^(challenge|password|.*password|psk|sharedsecret)$/i;

/** JSON values: data as base64, dates as ISO 8601, secrets as the number of their characters. */
export function plainValue(value: PlistValue, key = ""): unknown {
	if (value instanceof Uint8Array) {
		return secretKeys.test(key) ? hidden(value.length) : Buffer.from(value).toString("base64");
	}
	if (value instanceof Date) return value.toISOString();
	if (typeof value === "string" && secretKeys.test(key)) return hidden(value.length);
	if (Array.isArray(value)) return value.map((one) => plainValue(one, key));
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plainValue(one, name)]));
}

const hidden = (length: number): string => `(${length} characters, not shown)`;

/** The payloads one after another: type and display name, then every value on a line, indented by depth. */
export function describePayloads(payloads: readonly Dictionary[]): string {
	return payloads.map((payload, at) => describePayload(payload, at + 1)).join("\n");
}

function describePayload(payload: Dictionary, number: number): string {
	const { PayloadType: type, PayloadDisplayName: name, ...rest } = payload;
	const title = `${number}. ${String(type)}${name === undefined ? "" : `: ${String(name)}`}\n`;
	return title + describe(rest, 1);
}

function describe(dictionary: Dictionary, depth: number): string {
	const indent = "   ".repeat(depth);
	return Object.entries(dictionary)
		.map(([key, value]) => {
			const inner = innerDictionary(value);
			return inner ? `${indent}${key}\n${describe(inner, depth + 1)}` : `${indent}${key} = ${inline(value, key)}\n`;
		})
		.join("");
}

function innerDictionary(value: PlistValue): Dictionary | null {
	const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
	return isObject && !(value instanceof Date) && !(value instanceof Uint8Array) ? value : null;
}

function inline(value: PlistValue, key: string): string {
	if (value instanceof Uint8Array && !secretKeys.test(key)) return describeData(value);
	const plain = plainValue(value, key);
	return typeof plain === "string" ? plain : JSON.stringify(plain);
}

function describeData(data: Uint8Array): string {
	try {
		return `certificate ${new X509Certificate(data).subject.replaceAll("\n", ", ")}`;
	} catch {
		const hex = Buffer.from(data.subarray(0, 20)).toString("hex");
		return data.length > 20 ? `${data.length} bytes ${hex}...` : hex;
	}
}
