// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/** People, devices and profiles that the tests of assignment and composition share. */
import type { User } from "../../lib/ports.ts";
import { type Assignment, assign, type Candidate } from "../../lib/profile/assign.ts";
import { composeFinal } from "../../lib/profile/compose.ts";
import type { DocumentPayload, ProfileDocument } from "../../lib/profile/document.ts";
import type { PropertyListDict } from "../../lib/profile/property-list.ts";
import type { ScepEnrollment } from "../../lib/profile/scep-payload.ts";
import { type Subject, subjectOf } from "../../lib/profile/subject.ts";
import { profileVariables } from "../../lib/profile/variables.ts";

export const now = new Date(Date.UTC(2026, 10, 26, 12));
export const udid = "00008110-000A1B2C3D4E801E";
export const identifier = "com.example.ota.profile";
export const rootCertificate = new Uint8Array(900).map((_, index) => index & 0xff);

export const ana: User = {
	id: "auth0|17",
	email: "Ana@Example.com",
	name: "Ana",
	groups: ["staff", "it"],
	claims: { department: "Research", costs: 42, isManager: true, sites: ["Berlin", "Lisbon"] },
};
export const iPhone = { UDID: udid, SERIAL: "F2LXK1ABCDEF", PRODUCT: "iPhone15,4", VERSION: "22B83" };

export function subjectWith(user: Partial<User> = {}, device: Readonly<Record<string, string>> = {}): Subject {
	return subjectOf({ ...ana, ...user }, { ...iPhone, ...device });
}

export function documentOf(
	name: string,
	payloads: Readonly<Record<string, PropertyListDict>> | readonly DocumentPayload[],
	rest: Partial<ProfileDocument> = {},
): ProfileDocument {
	return {
		name,
		priority: 0,
		for: "everyone",
		except: [],
		profile: {},
		updateAfterDays: null,
		payloads: Array.isArray(payloads)
			? payloads
			: Object.entries(payloads).map(([each, payload]) => ({ name: each, payload })),
		secrets: {},
		...rest,
	};
}

/** Versions count from 1 in the order given. */
export const candidates = (...documents: ProfileDocument[]): Candidate[] =>
	documents.map((document, index) => ({ document, version: index + 1 }));

export const clip = (label: string, keys: PropertyListDict = {}): PropertyListDict => ({
	PayloadType: "com.apple.webClip.managed",
	URL: "https://example.com/",
	Label: label,
	...keys,
});

const clientScep: ScepEnrollment = {
	scepUrl: "https://ota.example.com/scep",
	name: "Example CA",
	subject: [["CN", "Ana"]],
	challenge: "ef".repeat(32),
	caFingerprint: new Uint8Array(20),
};

export const variablesOf = (subject: Subject) =>
	profileVariables({
		subject,
		enrollment: { id: "e-1", createdAt: now },
		organization: "Example",
		baseUrl: "https://ota.example.com",
		rootCertificate,
	});

/** With the client identity's payload. */
export function composedWhole(
	assignment: Assignment,
	{ secrets = {}, scope = udid, subject = subjectWith() }: ComposeOptions = {},
): PropertyListDict[] {
	const variables = variablesOf(subject);
	const opened = new Map(Object.entries(secrets));
	return composeFinal({
		...{ assignment, variables, secrets: opened, clientScep },
		...{ organization: "Example", identifier, scope },
	});
}
/** The assigned payloads alone. */
export const composed = (...[assignment, options]: Parameters<typeof composedWhole>): PropertyListDict[] =>
	composedWhole(assignment, options).slice(1);
interface ComposeOptions {
	secrets?: Readonly<Record<string, string | Uint8Array>>;
	scope?: string;
	subject?: Subject;
}

export const assigned = (...documents: ProfileDocument[]): Assignment =>
	assign(candidates(...documents), subjectWith(), now);
