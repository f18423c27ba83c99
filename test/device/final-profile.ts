/** Reads the final profile: the outer keys anyone may see, and the payloads that only this device can open (facts: the exchange, step 6). */
import type { PlistValue } from "plist";
import type { Identity } from "./certificate.ts";
import { openEnvelopedData } from "./enveloped-data.ts";
import { ensure } from "./errors.ts";
import { checkPayloadKeys, type Dictionary, dictionaryOf, readPlist } from "./profile.ts";
import { carefulReading, type Reading } from "./reading.ts";

const step = "final profile";

const outerKeys = new Set([
	"PayloadType",
	"PayloadVersion",
	"PayloadUUID",
	"PayloadIdentifier",
	"PayloadDisplayName",
	"PayloadDescription",
	"PayloadOrganization",
	"PayloadExpirationDate",
	"PayloadRemovalDisallowed",
	"PayloadScope",
	"RemovalDate",
	"DurationUntilRemoval",
	"ConsentText",
	"TargetDeviceType",
	"IsEncrypted",
	"EncryptedPayloadContent",
]);

/** A profile that was opened. */
export interface FinalProfile {
	/** The outer dictionary, without its encrypted content. */
	outer: Dictionary;
	payloads: Dictionary[];
}

/** Checks the outer dictionary; `secrets` are texts that must not be readable in it. */
function readOuterProfile(content: Uint8Array, secrets: readonly string[], reading: Reading): Dictionary {
	const outer = dictionaryOf(readPlist(content, step, reading), "the profile", step);
	checkPayloadKeys(outer, step);
	ensure(outer.PayloadType === "Configuration", step, "Invalid profile: PayloadType must be Configuration.");
	ensure(outer.IsEncrypted === true, step, "The final profile must say IsEncrypted.");
	ensure(outer.PayloadContent === undefined, step, "The final profile must not carry PayloadContent in the clear.");
	ensure(outer.EncryptedPayloadContent instanceof Uint8Array, step, "EncryptedPayloadContent must be data.");
	const stray = Object.keys(outer).find((key) => !outerKeys.has(key));
	ensure(stray === undefined, step, `The outer profile carries the key ${stray}, which anyone can read.`);
	const readable = JSON.stringify({ ...outer, EncryptedPayloadContent: null }).toLowerCase();
	const leaked = secrets.some((secret) => secret !== "" && readable.includes(secret.toLowerCase()));
	ensure(!leaked, step, "The outer profile names the person or the device, which anyone can read.");
	return outer;
}

/** Opens the final profile's content (the SignedData's eContent) with the device's identity. */
export function openFinalProfile(
	content: Uint8Array,
	identity: Identity,
	secrets: readonly string[] = [],
	reading: Reading = carefulReading,
): FinalProfile {
	const { EncryptedPayloadContent: encrypted, ...outer } = readOuterProfile(content, secrets, reading);
	const opened = openEnvelopedData(encrypted as Uint8Array, identity, step, reading);
	const root = readPlist(opened.content, step, reading);
	ensure(Array.isArray(root), step, "The encrypted property list's root must be an array.");
	const payloads = root.map((one: PlistValue) => dictionaryOf(one, "each payload", step));
	checkPayloads(payloads, outer, reading);
	return { outer, payloads };
}

const certificatePayloads = new Set([
	"com.apple.security.scep",
	"com.apple.security.acme",
	"com.apple.security.pkcs12",
	"com.apple.security.root",
	"com.apple.security.pkcs1",
	"com.apple.security.pem",
]);

function checkPayloads(payloads: readonly Dictionary[], outer: Dictionary, reading: Reading): void {
	for (const payload of payloads) checkPayloadKeys(payload, step);
	const all = [outer, ...payloads];
	const distinct = (key: string): boolean => new Set(all.map((one) => one[key])).size === all.length;
	ensure(distinct("PayloadUUID"), step, "Two payloads have the same PayloadUUID.");
	ensure(distinct("PayloadIdentifier"), step, "Two payloads have the same PayloadIdentifier.");
	const certificates = new Set(
		payloads.filter((one) => certificatePayloads.has(String(one.PayloadType))).map((one) => one.PayloadUUID),
	);
	for (const { PayloadType: type, PayloadContent: content, ...keys } of payloads) {
		const reference = keys.PayloadCertificateUUID;
		const refers = reference === undefined || certificates.has(reference);
		ensure(refers, step, `${String(type)} refers to a certificate payload that this profile does not hold.`);
		if (type === "com.apple.security.root") checkRoot(content, reading);
	}
}

function checkRoot(content: PlistValue | undefined, reading: Reading): void {
	ensure(content instanceof Uint8Array, step, "The root payload's content must be data.");
	let parses = true;
	try {
		reading.certificate(content);
	} catch {
		parses = false;
	}
	ensure(parses, step, "The root payload's content must be a DER certificate.");
}
