/**
 * The final profile, in its two parts: the content that is encrypted to the device, and the outer profile that carries
 * it and stays readable to anyone.
 */
import { OtaError } from "../errors.ts";
import { type PropertyListDict, propertyList } from "./property-list.ts";
import { deviceKind } from "./subject.ts";

/** XML property list whose root is the array of payloads: the plaintext of EncryptedPayloadContent. */
export function finalContent(payloads: readonly PropertyListDict[]): Uint8Array {
	return propertyList(payloads);
}

export interface EncryptedProfile {
	/** DER of the EnvelopedData around `finalContent`. */
	envelopedData: Uint8Array;
	organization: string;
	/** Decides whether the device replaces a profile or adds one: keep it stable. */
	identifier: string;
	uuid: string;
	/** Shown before anything is decrypted: no names, users or hosts. */
	displayName: string;
	/** PayloadExpirationDate, if `outer` has no earlier one: from then on the device offers an update. */
	expiration: Date;
	/** Apple's number of the kind of device; see `targetDeviceType`. */
	targetDeviceType: number;
	/** What operators want around the payloads (`composeOuter`): goes before all of the above that is not the profile's name. */
	outer: PropertyListDict;
}

/** XML property list of the outer profile, to be signed. */
export function encryptedProfile(profile: EncryptedProfile): Uint8Array {
	if (profile.envelopedData.length === 0) throw new OtaError("internal", "Final profile: nothing was encrypted");
	// A document may not bring payloads that stay readable.
	const { PayloadContent: _, PayloadExpirationDate: wished, ...outer } = profile.outer;
	const { expiration } = profile;
	return propertyList({
		PayloadDisplayName: profile.displayName,
		PayloadOrganization: profile.organization,
		TargetDeviceType: 0,
		...outer,
		// The device's own kind is known better than wished.
		...(profile.targetDeviceType !== 0 && { TargetDeviceType: profile.targetDeviceType }),
		PayloadType: "Configuration",
		PayloadVersion: 1,
		PayloadIdentifier: profile.identifier,
		PayloadUUID: profile.uuid,
		PayloadExpirationDate: wished instanceof Date && wished < expiration ? wished : expiration,
		IsEncrypted: true,
		EncryptedPayloadContent: profile.envelopedData,
	});
}

/** The kind of device from its PRODUCT ("iPhone15,2"), so that the person is not asked which device is meant. */
export function targetDeviceType(product: string | null): number {
	return deviceKind(product).targetDeviceType;
}
