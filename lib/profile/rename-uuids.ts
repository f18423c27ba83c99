/**
 * PayloadUUIDs that a profile's file brought are names inside of it: the same file on two devices, or the same payload in
 * two profiles, must not share them. So they and all that refers to them become the device's own.
 */
import { OtaError } from "../errors.ts";
import type { ProfileDocument } from "./document.ts";
import { isUuid } from "./payload-uuid.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";
import { textsOf } from "./texts.ts";
import { variableNames } from "./variables.ts";

/**
 * A document's PayloadUUIDs in upper case -> the device's. `uuidOf`: the device's for a payload of that name, or for what
 * takes its place. Throws `config` for a PayloadUUID that is none, or that two payloads of this device have.
 */
export function ownUuids(
	document: ProfileDocument,
	uuidOf: (name: string) => string | undefined,
	isGiven: (name: string) => boolean,
): ReadonlyMap<string, string> {
	const uuids = new Map<string, string>();
	const given = new Set<string>();
	for (const { name, payload } of document.payloads) {
		const { PayloadUUID: own } = payload;
		const uuid = uuidOf(name);
		if (own === undefined || uuid === undefined) continue;
		const where = `Profile ${document.name}, payload ${name}: PayloadUUID`;
		if (typeof own !== "string" || !isUuid(own)) {
			throw new OtaError("config", `${where} is no UUID; leave it out to have one made`);
		}
		const text = own.toUpperCase();
		if (isGiven(name) && given.has(text)) throw new OtaError("config", `${where} is another payload's as well`);
		// Of two with one UUID, the one that this device gets is meant.
		if (isGiven(name) || !uuids.has(text)) uuids.set(text, uuid);
		if (isGiven(name)) given.add(text);
	}
	return uuids;
}

/** A payload with every text that is one of these UUIDs replaced, but for its own PayloadIdentifier. */
export function withUuids(payload: PropertyListDict, uuids: ReadonlyMap<string, string>): PropertyListDict {
	if (uuids.size === 0) return payload;
	const { PayloadIdentifier: identifier } = payload;
	return { ...renamedDict(payload, uuids), ...(identifier !== undefined && { PayloadIdentifier: identifier }) };
}

/** What a payload may call others by: its variables' names, and its UUIDs in upper case but for its own names. */
export function namesWithin(payload: PropertyListDict): string[] {
	const { PayloadUUID: _, PayloadIdentifier: __, ...keys } = payload;
	const names = variableNames(payload).flatMap(({ name }) => name ?? []);
	for (const [, text] of textsOf(keys)) if (isUuid(text)) names.push(text.toUpperCase());
	return names;
}

function renamedDict(dict: PropertyListDict, uuids: ReadonlyMap<string, string>): PropertyListDict {
	return Object.fromEntries(Object.entries(dict).map(([key, value]) => [key, renamed(value, uuids)]));
}

function renamed(value: PropertyListValue, uuids: ReadonlyMap<string, string>): PropertyListValue {
	if (typeof value === "string") return value.length === 36 ? (uuids.get(value.toUpperCase()) ?? value) : value;
	if (Array.isArray(value)) return value.map((item) => renamed(item, uuids));
	return isPropertyListDict(value) ? renamedDict(value as PropertyListDict, uuids) : value;
}
