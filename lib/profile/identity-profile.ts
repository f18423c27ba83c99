/**
 * The identity profile: the answer to a device response. Exactly one payload, the SCEP enrollment of the key that the
 * final profile will be encrypted to; a device refuses anything else here.
 */
import { payloadUuid } from "./payload-uuid.ts";
import { propertyList } from "./property-list.ts";
import { type ScepEnrollment, scepPayload } from "./scep-payload.ts";

export interface IdentityProfile extends ScepEnrollment {
	organization: string;
	/** PayloadIdentifier of the profile; the payload's is this with `.identity` after it. */
	identifier: string;
	/** PayloadUUID of the profile; the payload's is made from it. */
	uuid: string;
}

/** XML property list of the identity profile, to be signed. Throws `policy` for a subject that XML cannot carry. */
export function identityProfile(profile: IdentityProfile): Uint8Array {
	const { organization, identifier, uuid } = profile;
	const identity = scepPayload(profile, {
		identifier: `${identifier}.identity`,
		uuid: payloadUuid(uuid, "identity"),
		displayName: "Device identity",
		organization,
	});
	return propertyList({
		PayloadType: "Configuration",
		PayloadVersion: 1,
		PayloadIdentifier: identifier,
		PayloadUUID: uuid,
		PayloadDisplayName: "Device identity",
		PayloadOrganization: organization,
		PayloadDescription: "Gives this device the key that its configuration will be encrypted to.",
		PayloadContent: [identity],
	});
}
