/**
 * Composes the content of the final profile: the client identity's SCEP payload, then what was assigned, variables
 * replaced, with the keys that every payload must have. The same input gives the same payloads.
 */
import { OtaError } from "../errors.ts";
import type { AssignedPayload, Assignment, Candidate } from "./assign.ts";
import type { Catalogue } from "./catalogue/form.ts";
import { secretsOf } from "./document-secrets.ts";
import { type FinalContent, finalFindings } from "./final-findings.ts";
import { identifierEnd } from "./payload-identifier.ts";
import { payloadUuid } from "./payload-uuid.ts";
import { checkPropertyListValue, type PropertyListDict } from "./property-list.ts";
import { ownUuids, withUuids } from "./rename-uuids.ts";
import { type ScepEnrollment, scepPayload } from "./scep-payload.ts";
import type { Subject } from "./subject.ts";
import { templatesProfile } from "./templates-document.ts";
import { replaceVariables, type Variables } from "./variables.ts";

export interface FinalProfile {
	assignment: Assignment;
	/** From `profileVariables`. */
	variables: Variables;
	/** Opened values by `profile/name`, of all that `secretsWanted` names. */
	secrets: ReadonlyMap<string, string | Uint8Array>;
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
 * PayloadCertificateUUID), `payload.<name>` (PayloadUUID of that payload of the same profile) and `secret.<name>`.
 * Throws `config` for a payload that is at fault, `policy` for a person whose values XML cannot carry or who lacks a claim.
 */
export function composeFinal(final: FinalProfile): PropertyListDict[] {
	const { assignment, identifier, organization } = final;
	const uuidOf = uuids(final);
	const clientUuid = uuidOf("identity.client");
	const given = new Set(assignment.payloads.map(({ profile, payload }) => `${profile}/${payload.name}`));
	const surroundings = new Map<string, Surroundings>();
	for (const [name, candidate] of assignment.documents) {
		surroundings.set(name, surroundingsOf(candidate, final, given, uuidOf));
	}
	const assigned = assignment.payloads.map((each) => {
		const around = surroundings.get(each.profile);
		if (!around) throw new OtaError("internal", `Profile ${each.profile}: assigned, and not among the documents`);
		return composePayload(each, around, final, uuidOf);
	});
	const client = scepPayload(final.clientScep, {
		identifier: `${identifier}.client-identity`,
		uuid: clientUuid,
		displayName: "Client identity",
		organization,
	});
	const payloads = [client, ...assigned];
	const labels = ["the client identity", ...assignment.payloads.map(label)];
	refuseTwins(payloads, labels, "PayloadUUID");
	refuseTwins(payloads, labels, "PayloadIdentifier");
	return payloads;
}

/** The keys around the payloads, `${organization}` and `${baseUrl}` in them replaced: all others would be readable. */
export function composeOuter({ outer }: Assignment, { organization, baseUrl }: Variables): PropertyListDict {
	return replaceVariables(outer, { organization: organization ?? "", baseUrl: baseUrl ?? "" }, "Keys of the profile");
}

export interface WantedSecret {
	profile: string;
	name: string;
	version: number;
}

/** The secrets that the assigned payloads ask for. Throws `config` for one that no version of its profile brought. */
export function secretsWanted(assignment: Assignment): WantedSecret[] {
	const wanted = new Map<string, WantedSecret>();
	for (const { profile, payload } of assignment.payloads) {
		const versions = assignment.documents.get(profile)?.document.secrets ?? {};
		for (const name of secretsOf(payload.payload)) {
			const version = Object.hasOwn(versions, name) ? versions[name] : undefined;
			if (version === undefined) {
				const remedy = `give it one: "ota profile secret ${profile} ${name}"`;
				throw new OtaError("config", `${label({ profile, payload })}: secret ${name} has no value; ${remedy}`);
			}
			wanted.set(`${profile}/${name}`, { profile, name, version });
		}
	}
	return [...wanted.values()];
}

/**
 * Throws `config` for what this device would refuse, by the rules of the lint. `assignment` brings the catalogue,
 * and lets the message name the payloads as their profiles do.
 */
export function judgeFinal(
	payloads: readonly PropertyListDict[],
	outer: PropertyListDict,
	subject: Subject,
	assignment?: Pick<Assignment, "payloads" | "catalogue">,
): void {
	const content: FinalContent = { payloads, outer };
	const findings = finalFindings(content, subject, assignment && { catalogue: assignment.catalogue });
	const errors = findings.filter(({ level }) => level === "error");
	if (errors.length === 0) return;
	const told = errors.slice(0, mostTold).map(({ payload, path, words, remedy }) => {
		// The first payload is the client identity's.
		const assigned = payload ? assignment?.payloads[payload.index - 1] : undefined;
		const where = assigned ? label(assigned) : (payload?.identifier ?? "Keys of the profile");
		return `${where}${path === "" ? "" : `, ${path}`}: ${words}. ${remedy}`;
	});
	const more = errors.length > mostTold ? ` (and ${errors.length - mostTold} more)` : "";
	throw new OtaError("config", `${told.join(" ")}${more}`);
}
const mostTold = 5;

/** What a payload's own profile gives it. */
interface Surroundings {
	variables: Variables;
	/** The profile's own UUIDs in upper case -> those of this device. */
	uuids: ReadonlyMap<string, string>;
}

/** The device's UUID of `profile/payload`: asked for where the payload stands, and wherever another one names it. */
function uuids({ scope, identifier }: FinalProfile): (name: string) => string {
	const made = new Map<string, string>();
	return (name) => {
		const uuid = made.get(name) ?? payloadUuid(scope, `${identifier}/${uuidName(name)}`);
		made.set(name, uuid);
		return uuid;
	};
}

/** Template files were there before profiles: devices keep what they have of them. */
function uuidName(name: string): string {
	const prefix = `${templatesProfile}/`;
	return name.startsWith(prefix) ? `payload.${name.slice(prefix.length)}` : name;
}

/** @param given every `profile/payload` that this device gets */
function surroundingsOf(
	{ document }: Candidate,
	{ assignment, secrets, variables: all }: FinalProfile,
	given: ReadonlySet<string>,
	uuidOf: (name: string) => string,
): Surroundings {
	const ownUuidOf = (name: string): string | undefined => {
		const own = `${document.name}/${name}`;
		const there = given.has(own) ? own : assignment.left.get(own);
		return there === undefined ? undefined : uuidOf(there);
	};
	const variables: Record<string, Variables[string]> = { ...all, "identity.client": uuidOf("identity.client") };
	for (const { name } of document.payloads) {
		const uuid = ownUuidOf(name);
		if (uuid !== undefined) variables[`payload.${name}`] = uuid;
	}
	const prefix = `${document.name}/`;
	for (const [name, value] of secrets) {
		if (name.startsWith(prefix)) variables[`secret.${name.slice(prefix.length)}`] = value;
	}
	return { variables, uuids: ownUuids(document, ownUuidOf, (name) => given.has(`${document.name}/${name}`)) };
}

function composePayload(
	assigned: AssignedPayload,
	{ variables, uuids }: Surroundings,
	{ assignment, identifier, organization }: FinalProfile,
	uuidOf: (name: string) => string,
): PropertyListDict {
	const { profile, payload } = assigned;
	const composed = {
		PayloadVersion: 1,
		PayloadIdentifier: `${identifier}.payload.${identifierEnd(profile, payload.name)}`,
		PayloadOrganization: organization,
		...displayName(payload.payload, assignment.catalogue),
		...replaceVariables(withUuids(payload.payload, uuids), variables, label(assigned)),
		PayloadUUID: uuidOf(`${profile}/${payload.name}`),
	};
	checkPayload(label(assigned), composed);
	return composed;
}

/** Settings lists payloads by it: the catalogue's title is better than nothing. */
function displayName(
	{ PayloadType: type }: PropertyListDict,
	{ payloads }: Catalogue,
): { PayloadDisplayName?: string } {
	const title = typeof type === "string" ? payloads.get(type)?.title : undefined;
	return title === undefined ? {} : { PayloadDisplayName: title };
}

/** How messages call a payload. */
function label({ profile, payload }: AssignedPayload): string {
	return profile === templatesProfile ? `Template ${payload.name}` : `Profile ${profile}, payload ${payload.name}`;
}

function checkPayload(where: string, payload: PropertyListDict): void {
	for (const key of ["PayloadType", "PayloadIdentifier"]) {
		const value = payload[key];
		if (typeof value !== "string" || value === "") throw new OtaError("config", `${where}: no ${key}`);
	}
	if (payload.PayloadVersion !== 1) throw new OtaError("config", `${where}: PayloadVersion is not 1`);
	checkPropertyListValue(payload, where);
}

/** Devices refuse a profile in which two payloads have the same UUID, and replace one of two with the same identifier. */
function refuseTwins(
	payloads: readonly PropertyListDict[],
	labels: readonly string[],
	key: "PayloadUUID" | "PayloadIdentifier",
): void {
	const seen = new Map<string, string | undefined>();
	for (const [index, payload] of payloads.entries()) {
		const value = String(payload[key]).toUpperCase();
		if (seen.has(value)) {
			throw new OtaError("config", `Final profile: ${seen.get(value)} and ${labels[index]} have the same ${key}`);
		}
		seen.set(value, labels[index]);
	}
}
