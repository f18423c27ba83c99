/** Reads the server's three profiles as iOS does: profile service, identity profile, final profile (facts: the exchange). */
import type { PlistValue } from "plist";
import type { Name, SubjectAltNames } from "./ber.ts";
import { DeviceError, ensure } from "./errors.ts";
import { carefulReading, type Reading } from "./reading.ts";

/** A property list's dictionary. */
export type Dictionary = { [key: string]: PlistValue };

/** The profile service: what to tell about the device, and where. */
export interface ProfileService {
	url: string;
	deviceAttributes: string[];
	/** Text or data; absent when the server sent none. */
	challenge: string | Uint8Array | undefined;
	dictionary: Dictionary;
}

/** A com.apple.security.scep payload. */
export interface ScepPayload {
	url: string;
	/** The CA-IDENT that goes into `message=`; may be empty. */
	name: string;
	subject: Name;
	subjectAltName: SubjectAltNames | undefined;
	challenge: string | undefined;
	/** Bits. */
	keySize: number;
	/** 1 sign, 4 encrypt. */
	keyUsage: number;
	/** SHA-1 of the CA's top certificate. */
	caFingerprint: Uint8Array | undefined;
	payloadUUID: string;
	dictionary: Dictionary;
}

/** The property list (XML) in a profile. */
export function readPlist(content: Uint8Array, step: string, reading: Reading): PlistValue {
	const text = new TextDecoder().decode(content);
	ensure(/^\s*<(\?xml|!DOCTYPE|plist)/.test(text), step, "The profile is not an XML property list.");
	try {
		return reading.propertyList(text);
	} catch (cause) {
		throw new DeviceError(step, "Invalid profile: the property list does not parse.", { cause });
	}
}

/** A dictionary, or a DeviceError that names it. */
export function dictionaryOf(value: PlistValue | undefined, what: string, step: string): Dictionary {
	const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
	const plain = isObject && !(value instanceof Date) && !(value instanceof Uint8Array);
	ensure(plain, step, `Invalid profile: ${what} must be a dictionary.`);
	return value as Dictionary;
}

function stringOf(dictionary: Dictionary, key: string, step: string): string {
	const value = dictionary[key];
	ensure(typeof value === "string" && value !== "", step, `Invalid profile: ${key} must be a string.`);
	return value;
}

/** The keys that every payload and profile must have. */
export function checkPayloadKeys(dictionary: Dictionary, step: string): void {
	for (const key of ["PayloadType", "PayloadIdentifier", "PayloadUUID"]) stringOf(dictionary, key, step);
	ensure(dictionary.PayloadVersion === 1, step, "Invalid profile: PayloadVersion must be the integer 1.");
}

/** The profile service: one bare dictionary, not an array of payloads. */
export function readProfileService(content: Uint8Array, reading: Reading = carefulReading): ProfileService {
	const step = "profile service";
	const root = dictionaryOf(readPlist(content, step, reading), "the profile", step);
	checkPayloadKeys(root, step);
	ensure(root.PayloadType === "Profile Service", step, "Invalid profile: PayloadType must be Profile Service.");
	const payload = dictionaryOf(root.PayloadContent, "PayloadContent", step);
	const attributes = payload.DeviceAttributes;
	ensure(Array.isArray(attributes), step, "Invalid profile: DeviceAttributes must be an array.");
	ensure(
		attributes.every((one) => typeof one === "string"),
		step,
		"Invalid profile: DeviceAttributes must be strings.",
	);
	const challenge = payload.Challenge;
	const isChallenge = challenge === undefined || typeof challenge === "string" || challenge instanceof Uint8Array;
	ensure(isChallenge, step, "Invalid profile: Challenge must be a string or data.");
	return {
		url: stringOf(payload, "URL", step),
		deviceAttributes: attributes as string[],
		challenge,
		dictionary: root,
	};
}

function subjectOf(value: PlistValue | undefined, step: string): Name {
	const fault = "Invalid profile: Subject must be an array of arrays of [type, value] pairs.";
	ensure(Array.isArray(value) && value.length > 0, step, fault);
	return value.flatMap((rdn) => {
		ensure(Array.isArray(rdn) && rdn.length > 0, step, fault);
		return rdn.map((pair) => {
			ensure(Array.isArray(pair) && pair.length === 2, step, fault);
			const [type, text] = pair;
			ensure(typeof type === "string" && typeof text === "string", step, fault);
			return [type, text] as const;
		});
	});
}

function alternativeNames(value: PlistValue | undefined, step: string): SubjectAltNames | undefined {
	if (value === undefined) return undefined;
	const given = dictionaryOf(value, "SubjectAltName", step);
	const names: SubjectAltNames = {};
	for (const key of ["rfc822Name", "dNSName", "uniformResourceIdentifier", "ntPrincipalName"] as const) {
		const one = given[key];
		if (typeof one === "string") names[key] = one;
	}
	return names;
}

/** A SCEP payload with the checks that iOS makes. */
export function readScepPayload(value: PlistValue | undefined, step: string): ScepPayload {
	const dictionary = dictionaryOf(value, "the payload", step);
	checkPayloadKeys(dictionary, step);
	ensure(dictionary.PayloadType === "com.apple.security.scep", step, "The payload must be com.apple.security.scep.");
	const content = dictionaryOf(dictionary.PayloadContent, "PayloadContent", step);
	const { Name: name = "", Challenge: challenge, Keysize: keySize = 1024, CAFingerprint: caFingerprint } = content;
	ensure(content["Key Type"] === "RSA", step, "Invalid profile: Key Type must be RSA.");
	ensure([1024, 2048, 4096].includes(keySize as number), step, "Invalid profile: Keysize must be 1024, 2048 or 4096.");
	const keyUsage = content["Key Usage"] ?? 0;
	ensure(typeof keyUsage === "number" && keyUsage >= 0 && keyUsage <= 5, step, "Invalid profile: Key Usage.");
	ensure(typeof name === "string", step, "Invalid profile: Name must be a string.");
	ensure(typeof challenge === "string", step, "Without a Challenge the device would ask the person to type one.");
	ensure(caFingerprint === undefined || caFingerprint instanceof Uint8Array, step, "CAFingerprint must be data.");
	return {
		url: stringOf(content, "URL", step),
		name,
		subject: subjectOf(content.Subject, step),
		subjectAltName: alternativeNames(content.SubjectAltName, step),
		challenge,
		keySize: keySize as number,
		keyUsage,
		caFingerprint,
		payloadUUID: stringOf(dictionary, "PayloadUUID", step),
		dictionary,
	};
}

/** The identity profile: a Configuration of exactly one payload, an identity. */
export function readIdentityProfile(content: Uint8Array, reading: Reading = carefulReading): ScepPayload {
	const step = "identity profile";
	const root = dictionaryOf(readPlist(content, step, reading), "the profile", step);
	checkPayloadKeys(root, step);
	ensure(root.PayloadType === "Configuration", step, "Invalid profile: PayloadType must be Configuration.");
	const payloads = root.PayloadContent;
	ensure(Array.isArray(payloads) && payloads.length === 1, step, "The identity profile must hold exactly one payload.");
	return readScepPayload(payloads[0], step);
}
