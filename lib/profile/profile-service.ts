/**
 * The profile service: what a signed-in person's device gets first. It tells the device where to send its attributes.
 * One bare payload dictionary, not an array of payloads.
 */
import { propertyList } from "./property-list.ts";

export interface ProfileService {
	/** Absolute URL of /profile. */
	url: string;
	organization: string;
	/** Text of the single-use enroll challenge. */
	challenge: string;
	/** PayloadIdentifier, reverse-DNS style. */
	identifier: string;
	uuid: string;
	/** Names of the attributes that the device is asked for. */
	attributes: readonly string[];
}

/** XML property list of the profile service, to be signed. */
export function profileService(service: ProfileService): Uint8Array {
	return propertyList({
		PayloadType: "Profile Service",
		PayloadVersion: 1,
		PayloadIdentifier: service.identifier,
		PayloadUUID: service.uuid,
		PayloadDisplayName: "Device enrollment",
		PayloadOrganization: service.organization,
		PayloadDescription: `Identifies this device and enrolls it with ${service.organization}.`,
		PayloadContent: {
			URL: service.url,
			DeviceAttributes: service.attributes,
			Challenge: service.challenge,
		},
	});
}
