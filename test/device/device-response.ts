/** The device's own two messages to /profile: device response and profile request (facts: the exchange, steps 2 and 5). */
import { randomBytes, randomUUID } from "node:crypto";
import { build, type PlistValue } from "plist";
import type { Identity } from "./certificate.ts";
import type { Digest } from "./oids.ts";
import { buildSignedData, type SignedDataOptions, type SignerOptions } from "./signed-data.ts";

/** What kind of device is played. */
export type Model = "iphone" | "mac";

/** A device response or profile request and its knobs. */
export interface DeviceResponseOptions {
	/** Who signs; its chain goes along unless `certificates` says otherwise. */
	identity: Identity;
	/** Attributes by name. */
	attributes: Readonly<Record<string, PlistValue>>;
	/** The CHALLENGE key: text, bytes, or whatever a hostile device sends. Absent: no such key. */
	challenge?: PlistValue;
	/** sha1 (Apple's default) unless told. */
	digest?: Digest;
	/** Signed instead of the property list. */
	content?: Uint8Array;
	/** DER certificates of the bag, instead of the signer's and its chain. */
	certificates?: readonly Uint8Array[];
	/** Added to the bag. */
	extraCertificates?: readonly Uint8Array[];
	/** Further knobs of the SignerInfo (omit, duplicate, omitSignedAttrs, messageDigest, corruptSignature ...). */
	signerInfo?: Partial<SignerOptions>;
	/** Further knobs of the SignedData (contentAfterSigning, detached, eContentType, trailing, signers ...). */
	signedData?: Partial<SignedDataOptions>;
}

/** The signed message, BER. */
export function buildDeviceResponse(options: DeviceResponseOptions): Uint8Array {
	const { identity } = options;
	const dictionary = {
		...options.attributes,
		...(options.challenge === undefined ? {} : { CHALLENGE: options.challenge }),
	};
	const content = options.content ?? new Uint8Array(Buffer.from(build(dictionary), "utf8"));
	return buildSignedData({
		content,
		signers: [
			{
				certificate: identity.certificate,
				key: identity.privateKey,
				digest: options.digest ?? "sha1",
				...options.signerInfo,
			},
		],
		certificates: [
			...(options.certificates ?? [identity.certificate, ...identity.chain]),
			...(options.extraCertificates ?? []),
		],
		...options.signedData,
	});
}

const upperHex = (bytes: number): string => randomBytes(bytes).toString("hex").toUpperCase();

/** A random UDID: chip and ECID for an iPhone (8-16 hex digits), a UUID for a Mac. */
export function randomUdid(model: Model): string {
	return model === "mac" ? randomUUID().toUpperCase() : `00008110-${upperHex(8)}`;
}

/** A random serial number in the twelve-character form. */
export function randomSerialNumber(): string {
	const letters = "CDFGHJKLMNPQRTVWXY0123456789";
	return Array.from(randomBytes(12), (byte) => letters[byte % letters.length]).join("");
}

/** Everything that a device of this model would answer when asked; what recent systems no longer tell is absent. */
export function knownAttributes(model: Model, udid: string, serialNumber: string): Record<string, PlistValue> {
	if (model === "mac") {
		return {
			UDID: udid,
			SERIAL: serialNumber,
			PRODUCT: "Mac15,3",
			VERSION: "25B78",
			OS_VERSION: "26.1",
			DEVICE_NAME: "Emulated Mac",
			LANGUAGE: "en-US",
			IMEI: "",
			MEID: "",
		};
	}
	return {
		UDID: udid,
		SERIAL: serialNumber,
		PRODUCT: "iPhone16,1",
		VERSION: "23B85",
		OS_VERSION: "26.1",
		DEVICE_NAME: "Emulated iPhone",
		IMEI: imei(),
		LANGUAGE: "en-US",
		SUPPLEMENTAL_BUILD_VERSION: "23B85",
		SOFTWARE_UPDATE_DEVICE_ID: "iPhone16,1",
	};
}

function imei(): string {
	return `35${Array.from(randomBytes(13), (byte) => byte % 10).join("")}`;
}

/** Keys that macOS adds although nobody asked. */
export function macExtras(): Record<string, PlistValue> {
	return {
		NotOnConsole: false,
		UserID: randomUUID().toUpperCase(),
		UserLongName: "Emulated User",
		UserShortName: "emulated",
	};
}
