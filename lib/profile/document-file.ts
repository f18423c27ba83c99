/** A document from a `.mobileconfig`'s profile, and back: what Apple's tools wrote and what they read, key by key. */
import { OtaError } from "../errors.ts";
import type { DocumentPayload, ProfileDocument } from "./document.ts";
import { mostPayloads, textAt } from "./lint-finding.ts";
import { payloadUuid } from "./payload-uuid.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";

/**
 * The profile's keys as they are, its payloads named by their types, and nobody who gets it. Throws `malformed` for what
 * has no payloads that can be read, and for device management.
 */
export function documentFromProfile(profile: PropertyListDict, name: string): ProfileDocument {
	const { PayloadContent: content, ...outer } = profile;
	if (outer.IsEncrypted === true || outer.EncryptedPayloadContent !== undefined) {
		throw refused("is encrypted to one device; import the file that it was made from");
	}
	if (!Array.isArray(content)) throw refused("has no list of payloads (PayloadContent); export it as a profile again");
	if (content.length > mostPayloads) throw refused(`has more than ${mostPayloads} payloads; make several of it`);
	const taken = new Set<string>();
	const payloads = content.map((payload: PropertyListValue, index) => {
		if (!isPropertyListDict(payload)) throw refused(`has an element that is no payload (PayloadContent[${index}])`);
		const dict = payload as PropertyListDict;
		return { name: freeName(dict, taken), payload: dict };
	});
	return { name, priority: 0, for: [], except: [], profile: outer, updateAfterDays: null, payloads, secrets: {} };
}

function refused(what: string): OtaError {
	return new OtaError("malformed", `The profile ${what}`);
}

/** `wifi` of com.apple.wifi.managed; the second of a type is `wifi-2`. */
export function freeName(payload: PropertyListDict, taken: Set<string>): string {
	const type = textAt(payload, "PayloadType");
	if (type === "com.apple.mdm") {
		throw refused(
			"enrolls devices with an MDM server (com.apple.mdm); take that payload out, it is never delivered from here",
		);
	}
	const telling = type.split(".").filter((part) => !/^(?:managed|account|security|)$/.test(part));
	const base =
		(telling.at(-1) ?? "")
			.replace(/[^A-Za-z0-9_-]+/g, "-")
			.replace(/^[^A-Za-z0-9]+/, "")
			.slice(0, 58) || "payload";
	let name = base;
	for (let number = 2; taken.has(name); number += 1) name = `${base}-${number}`;
	taken.add(name);
	return name;
}

/**
 * The whole profile, nobody left out. What the document has is kept; PayloadType, PayloadVersion, PayloadIdentifier and
 * PayloadUUID are filled in where it has none, the same with every export.
 */
export function profileFromDocument(document: ProfileDocument): PropertyListDict {
	const { name, profile } = document;
	const identifier = textAt(profile, "PayloadIdentifier") || `ota.profile.${name}`;
	return {
		PayloadType: "Configuration",
		PayloadVersion: 1,
		PayloadIdentifier: identifier,
		PayloadUUID: payloadUuid(identifier, "profile"),
		PayloadDisplayName: name,
		...profile,
		PayloadContent: document.payloads.map((payload) => wholePayload(payload, identifier)),
	};
}

function wholePayload({ name, payload }: DocumentPayload, identifier: string): PropertyListDict {
	return {
		PayloadVersion: 1,
		PayloadIdentifier: `${identifier}.${name}`,
		PayloadUUID: payloadUuid(identifier, `payload.${name}`),
		...payload,
	};
}
