/**
 * Composes the content of the final profile: the client identity's SCEP payload, then the operator's templates by name,
 * variables replaced, and the keys that every payload must have filled in. The same input gives the same payloads.
 */
import { OtaError } from "../errors.ts";
import type { Template } from "../options.ts";
import { isUuid, payloadUuid } from "./payload-uuid.ts";
import { checkPropertyListValue, type PropertyListDict } from "./property-list.ts";
import { type ScepEnrollment, scepPayload } from "./scep-payload.ts";
import { isTemplateName } from "./templates.ts";
import { replaceVariables, type Variables } from "./variables.ts";

export interface FinalProfile {
	templates: readonly Template[];
	/** From `profileVariables`. */
	variables: Variables;
	/** The second SCEP enrollment (purpose client), with a challenge of its own. */
	clientScep: ScepEnrollment;
	organization: string;
	/** PayloadIdentifier of the profile: the payloads' identifiers begin with it. */
	identifier: string;
	/** Who has UUIDs of its own: the device's UDID, say. The same scope gives the same UUIDs with every delivery. */
	scope: string;
}

/**
 * The payloads in order. Adds the variables `identity.client` (PayloadUUID of the client identity, for
 * PayloadCertificateUUID) and `payload.<template>` (PayloadUUID of that template's payload).
 * Throws `config` for a template that is at fault, `policy` for a subject that XML cannot carry.
 */
export function composeFinal(profile: FinalProfile): PropertyListDict[] {
	const { identifier, organization, scope } = profile;
	const templates = [...profile.templates].sort((one, other) => (one.name < other.name ? -1 : 1));
	const clientUuid = payloadUuid(scope, `${identifier}/identity.client`);
	const uuids = templates.map((template) => uuidOf(template, scope, identifier));
	const variables: Record<string, Variables[string]> = { ...profile.variables, "identity.client": clientUuid };
	for (const [index, uuid] of uuids.entries()) variables[`payload.${templates[index]?.name}`] = uuid;

	const payloads = [
		scepPayload(profile.clientScep, {
			identifier: `${identifier}.client-identity`,
			uuid: clientUuid,
			displayName: "Client identity",
			organization,
		}),
		...templates.map((template, index) => ({
			PayloadVersion: 1,
			PayloadIdentifier: `${identifier}.payload.${template.name}`,
			PayloadOrganization: organization,
			...replaceVariables(template.payload, variables, template.name),
			PayloadUUID: uuids[index] ?? "",
		})),
	];
	for (const [index, template] of templates.entries()) checkPayload(template, payloads[index + 1] ?? {});
	refuseTwins(payloads, "PayloadUUID");
	refuseTwins(payloads, "PayloadIdentifier");
	return payloads;
}

/** The template's own PayloadUUID, or one made from its name. */
function uuidOf({ name, payload }: Template, scope: string, identifier: string): string {
	if (!isTemplateName(name)) throw new OtaError("config", `Template ${JSON.stringify(name)}: no name for a template`);
	const own = payload.PayloadUUID;
	if (own === undefined) return payloadUuid(scope, `${identifier}/payload.${name}`);
	if (typeof own === "string" && isUuid(own)) return own;
	throw new OtaError("config", `Template ${name}: PayloadUUID is no UUID; leave it out to have one made`);
}

function checkPayload({ name }: Template, payload: PropertyListDict): void {
	for (const key of ["PayloadType", "PayloadIdentifier"]) {
		const value = payload[key];
		if (typeof value !== "string" || value === "") throw new OtaError("config", `Template ${name}: no ${key}`);
	}
	if (payload.PayloadVersion !== 1) throw new OtaError("config", `Template ${name}: PayloadVersion is not 1`);
	checkPropertyListValue(payload, `Template ${name}`);
}

/** Devices refuse a profile in which two payloads have the same UUID, and replace one of two with the same identifier. */
function refuseTwins(payloads: readonly PropertyListDict[], key: "PayloadUUID" | "PayloadIdentifier"): void {
	const seen = new Set<string>();
	for (const payload of payloads) {
		const value = String(payload[key]).toUpperCase();
		if (seen.has(value)) throw new OtaError("config", `Final profile: two payloads have the ${key} ${payload[key]}`);
		seen.add(value);
	}
}
