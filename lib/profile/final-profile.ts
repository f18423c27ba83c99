/**
 * The final profile, in its two parts: the content that is encrypted to the device, and the outer profile that carries
 * it and stays readable to anyone.
 */
import { OtaError } from "../errors.ts";
import { type PropertyListDict, propertyList } from "./property-list.ts";

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
	/** PayloadExpirationDate: from then on the device offers an update. */
	expiration: Date;
	/** Apple's number of the kind of device; see `targetDeviceType`. */
	targetDeviceType: number;
}

/** XML property list of the outer profile, to be signed. */
export function encryptedProfile(profile: EncryptedProfile): Uint8Array {
	if (profile.envelopedData.length === 0) throw new OtaError("internal", "Final profile: nothing was encrypted");
	return propertyList({
		PayloadType: "Configuration",
		PayloadVersion: 1,
		PayloadIdentifier: profile.identifier,
		PayloadUUID: profile.uuid,
		PayloadDisplayName: profile.displayName,
		PayloadOrganization: profile.organization,
		PayloadExpirationDate: profile.expiration,
		TargetDeviceType: profile.targetDeviceType,
		IsEncrypted: true,
		EncryptedPayloadContent: profile.envelopedData,
	});
}

/** TargetDeviceType: 1 iPhone, iPad, iPod; 2 Watch; 3 HomePod; 4 TV; 5 Mac; 6 Vision; 0 any. */
const kinds: readonly (readonly [product: RegExp, type: number])[] = [
	[/^(?:iPhone|iPad|iPod)/, 1],
	[/^Watch/, 2],
	[/^AudioAccessory/, 3],
	[/^AppleTV/, 4],
	[/^(?:i?Mac|VirtualMac)/, 5],
	[/^RealityDevice/, 6],
];

/** The kind of device from its PRODUCT ("iPhone15,2"), so that the person is not asked which device is meant. */
export function targetDeviceType(product: string | null): number {
	return kinds.find(([form]) => form.test(product ?? ""))?.[1] ?? 0;
}
