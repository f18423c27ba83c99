/**
 * What a device says of itself in its response: the attributes that the profile service asked for and the
 * challenge, each of its type and form. Only UDID is required: recent systems leave several of the others out.
 */
import { OtaError } from "../errors.ts";
import type { PlistDict } from "./plist-reader.ts";

/** The attributes that the profile service asks for. */
export const requestedAttributes = [
	"UDID",
	"SERIAL",
	"PRODUCT",
	"VERSION",
	"IMEI",
	"ICCID",
	"MAC_ADDRESS_EN0",
	"OS_VERSION",
	"DEVICE_NAME",
	"LANGUAGE",
] as const;

export interface DeviceAttributes {
	/** In Apple's own spelling, however it was sent. */
	udid: string;
	serialNumber: string | null;
	/** The model: iPhone15,2. */
	product: string | null;
	/** The system's build: 22A3354. */
	version: string | null;
	/** The text of the challenge; null when there is none (a profile request). */
	challenge: string | null;
	/** All known attributes under Apple's names, UDID included, empty ones left out. Never the challenge. */
	attributes: Record<string, string>;
}

/** 40 hexadecimal digits, 8-16 of them since the A12, or a UUID (Macs with an Intel processor). */
const udidForm =
	/^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{16}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$/;

/** MEID is not asked for, and Macs send it all the same. */
const forms: Readonly<Record<string, RegExp>> = {
	UDID: udidForm,
	SERIAL: /^[A-Z0-9]{1,20}$/,
	PRODUCT: /^[A-Za-z0-9][A-Za-z0-9.,_ ()-]{0,31}$/,
	VERSION: /^[A-Za-z0-9][A-Za-z0-9.,_ ()-]{0,15}$/,
	IMEI: /^[0-9 ]{1,24}$/,
	MEID: /^[0-9A-Fa-f ]{1,24}$/,
	ICCID: /^[0-9A-Fa-f ]{1,32}$/,
	MAC_ADDRESS_EN0: /^[0-9A-Fa-f]{2}(?:[:-]?[0-9A-Fa-f]{2}){5}$/,
	OS_VERSION: /^[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}$/,
	/** Whatever its owner calls it, as far as XML carries it (the property list's reader has seen to that). */
	DEVICE_NAME: /^.{1,64}$/u,
	LANGUAGE: /^[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}$/,
};
/** What only decorates a profile: one of another form is left out, and the device is not sent away for it. */
const optional: ReadonlySet<string> = new Set(["OS_VERSION", "DEVICE_NAME", "LANGUAGE"]);

const challengeLength = 128;

/**
 * The device's attributes from its dictionary. Keys that nobody asked for (NotOnConsole, UserID, ...) are ignored.
 * Throws `malformed` for a missing UDID, a wrong type or a wrong form.
 */
export function readDeviceAttributes(dict: PlistDict): DeviceAttributes {
	const attributes: Record<string, string> = {};
	for (const [name, form] of Object.entries(forms)) {
		const value = readAttribute(dict, name, form);
		if (value !== null) attributes[name] = value;
	}
	const { UDID: sent, SERIAL, PRODUCT, VERSION } = attributes;
	if (sent === undefined) throw new OtaError("malformed", "Device attributes: no UDID");
	const udid = spelledUdid(sent);
	attributes.UDID = udid;
	return {
		udid,
		serialNumber: SERIAL ?? null,
		product: PRODUCT ?? null,
		version: VERSION ?? null,
		challenge: readChallenge(dict),
		attributes,
	};
}

/** Apple writes 40 digits small and all others in capitals; one device is one row. */
const spelledUdid = (udid: string): string => (udid.length === 40 ? udid.toLowerCase() : udid.toUpperCase());

/** Whether two UDIDs name the same device: the case of their digits is no difference. */
export function sameUdid(one: string, other: string): boolean {
	return one.toUpperCase() === other.toUpperCase();
}

function readAttribute(dict: PlistDict, name: string, form: RegExp): string | null {
	const value = dict[name];
	if (value === undefined) return null;
	if (optional.has(name)) return typeof value === "string" && form.test(value) && !/\p{C}/u.test(value) ? value : null;
	if (typeof value !== "string") throw new OtaError("malformed", `Device attributes: ${name} is not a string`);
	if (value.trim() === "") return null;
	if (!form.test(value)) throw new OtaError("malformed", `Device attributes: ${name} has another form`);
	return value;
}

function readChallenge(dict: PlistDict): string | null {
	const value = dict.CHALLENGE;
	if (value === undefined) return null;
	const text = value instanceof Uint8Array ? decodeUtf8(value) : value;
	if (typeof text !== "string" || text.length > challengeLength) {
		throw new OtaError("malformed", "Device attributes: CHALLENGE has another form");
	}
	return text;
}

function decodeUtf8(bytes: Uint8Array): string | null {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		return null;
	}
}
