/** What a device would get, and why, for people's eyes: nothing is sealed, signed or opened for it. */
import { createHash } from "node:crypto";
import { type Assignment, assign, type Candidate, type TraceLine } from "./assign.ts";
import type { Catalogue } from "./catalogue/form.ts";
import { composeFinal, composeOuter } from "./compose.ts";
import type { DocumentPayload } from "./document.ts";
import { sealable, secretsOf } from "./document-secrets.ts";
import { finalFindings } from "./final-findings.ts";
import type { Finding } from "./lint-finding.ts";
import type { PropertyListDict } from "./property-list.ts";
import type { Subject } from "./subject.ts";
import { profileVariables } from "./variables.ts";

/** What stands for a secret, and for a challenge. */
const hidden = "•••";

export interface RenderInput {
	candidates: readonly Candidate[];
	subject: Subject;
	now: Date;
	organization: string;
	/** PayloadIdentifier of the profile. */
	identifier: string;
	/** Address of the welcome page: origin and base path, no trailing slash. */
	baseUrl: string;
	/** DER. */
	rootCertificate: Uint8Array;
	catalogue: Catalogue;
}

export interface Rendered {
	payloads: PropertyListDict[];
	outer: PropertyListDict;
	trace: readonly TraceLine[];
	findings: Finding[];
}

/**
 * Of an enrollment that begins now. Secrets are `•••`, data too; one without a value is a finding. Throws as `assign` and
 * `composeFinal` do for what no device could get.
 */
export function renderFinal(input: RenderInput): Rendered {
	const { candidates, subject, now } = input;
	const assignment = assign(candidates, subject, now, input.catalogue);
	const shown = withoutPlainSecrets(assignment);
	const variables = variablesOf(input);
	const outer = composeOuter(assignment, variables);
	const compose = (stand: (name: string) => string): PropertyListDict[] =>
		composeFinal({
			assignment: shown,
			variables,
			secrets: secretsAs(shown, stand),
			clientScep: clientScep(input),
			organization: input.organization,
			identifier: input.identifier,
			scope: subject.device.UDID ?? "",
		});
	// The lint takes a variable for right, whatever its type would be.
	const judged = compose((name) => `\${secret.${name}}`);
	const findings = finalFindings({ payloads: judged, outer }, subject, {
		hasVariables: true,
		catalogue: assignment.catalogue,
	});
	return {
		payloads: compose(() => hidden),
		outer,
		trace: assignment.trace,
		findings: [...findings, ...missingSecrets(assignment)],
	};
}

/** Files of templates, and drafts, may have passwords in plain text. */
function withoutPlainSecrets(assignment: Assignment): Assignment {
	const hide = (payload: DocumentPayload, { document }: Candidate): DocumentPayload => {
		const { payloads } = sealable({ ...document, payloads: [payload] }, assignment.catalogue).document;
		return payloads[0] ?? payload;
	};
	const payloads = assignment.payloads.map(({ profile, payload }) => {
		const candidate = assignment.documents.get(profile);
		return { profile, payload: candidate ? hide(payload, candidate) : payload };
	});
	return { ...assignment, payloads };
}

function variablesOf({ subject, now, organization, baseUrl, rootCertificate }: RenderInput) {
	const enrollment = { id: "enrollment", createdAt: now };
	return profileVariables({ subject, enrollment, organization, baseUrl, rootCertificate });
}

function secretsAs(assignment: Assignment, stand: (name: string) => string): Map<string, string> {
	return new Map(
		assignment.payloads.flatMap(({ profile, payload }) =>
			secretsOf(payload.payload).map((name) => [`${profile}/${name}`, stand(name)] as const),
		),
	);
}

function missingSecrets({ payloads, documents }: Assignment): Finding[] {
	return payloads.flatMap(({ profile, payload }, index) => {
		const versions = documents.get(profile)?.document.secrets ?? {};
		const { PayloadType: type, PayloadIdentifier: identifier } = payload.payload;
		const missing = [...new Set(secretsOf(payload.payload))].filter((name) => !Object.hasOwn(versions, name));
		return missing.map((name) => ({
			rule: "secret",
			level: "error" as const,
			// The client identity's payload is the first.
			payload: { index: index + 1, type: String(type), identifier: String(identifier ?? payload.name) },
			path: "",
			words: `asks for the secret ${name}, which has no value`,
			remedy: `Give it one: "ota profile secret ${profile} ${name}".`,
		}));
	});
}

/** As `deliver` asks for it, but for the challenge, and for the person's name where it is longer than a certificate's. */
function clientScep({ subject: { user, device }, organization, baseUrl, rootCertificate }: RenderInput) {
	return {
		scepUrl: `${baseUrl}/scep`,
		name: "next-ota",
		subject: [
			["O", organization],
			["CN", user.email],
			["serialNumber", device.SERIAL ?? device.UDID ?? ""],
		] as const,
		subjectAltName: { rfc822Name: user.email },
		challenge: hidden,
		caFingerprint: createHash("sha1").update(rootCertificate).digest(),
	};
}
