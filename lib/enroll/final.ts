/**
 * The final profile for one device: what is assigned to it, its secrets opened, encrypted to its identity, signed. Nothing
 * of it is kept but what the device gets.
 */
import type { X509 } from "../cms/certificate.ts";
import { envelop } from "../cms/enveloped-data.ts";
import type { Enrollment, NewChallenge, User } from "../ports.ts";
import { type Assignment, assign } from "../profile/assign.ts";
import { composeFinal, composeOuter, judgeFinal } from "../profile/compose.ts";
import { encryptedProfile, finalContent, targetDeviceType } from "../profile/final-profile.ts";
import { payloadUuid } from "../profile/payload-uuid.ts";
import { type Subject, subjectOf } from "../profile/subject.ts";
import { profileVariables, type Variables, variableNames } from "../profile/variables.ts";
import {
	bindingFor,
	caFingerprint,
	drawChallenge,
	type EnrollContext,
	identifierPrefix,
	renewalWindow,
	sha256,
	signProfile,
} from "./context.ts";
import { openSecrets } from "./profile-secrets.ts";

/** For whom, as known now, and what that gives. */
export interface Recipient {
	enrollment: Enrollment;
	subject: Subject;
	assignment: Assignment;
	variables: Variables;
	/** What it is made of: another text is another profile, the same text the same but for its challenge. */
	contents: string;
}

export async function recipientOf(
	context: Pick<EnrollContext, "profiles" | "catalogue" | "organization" | "publicUrl" | "root">,
	enrollment: Enrollment,
	user: User,
	now: Date,
): Promise<Recipient> {
	const subject = subjectOf(user, { ...(enrollment.udid && { UDID: enrollment.udid }), ...enrollment.device });
	const assignment = assign(await context.profiles.candidates(), subject, now, context.catalogue);
	const { organization, publicUrl: baseUrl, root } = context;
	const variables = profileVariables({ subject, enrollment, organization, baseUrl, rootCertificate: root.der });
	return { enrollment, subject, assignment, variables, contents: contentsOf(assignment, variables) };
}

/** The versions, and a digest of what else decides: which of their payloads, and the variables in them. Never a secret. */
function contentsOf({ contents, payloads }: Assignment, variables: Variables): string {
	const names = payloads.map(({ profile, payload }) => `${profile}/${payload.name}`);
	const used = payloads.flatMap(({ payload }) => variableNames(payload.payload).map(({ name }) => name ?? ""));
	// The client identity names the person in any case.
	const told = [...new Set(["user.email", ...used])].sort().map((name) => [name, variables[name] ?? null]);
	const digest = sha256(JSON.stringify([names, told])).slice(0, 8);
	return `${contents} #${digest}`.trimStart();
}

export interface ComposedProfile {
	/** DER of the SignedData. */
	profile: Uint8Array;
	/** Of the client identity that it asks for. */
	challenge: NewChallenge;
}

/** `clientUntil`: how long the device has to install it and to ask for its client identity. */
export async function composeSigned(
	context: EnrollContext,
	{ enrollment, subject, assignment, variables, contents }: Recipient,
	identity: X509,
	now: Date,
	clientUntil: Date,
): Promise<ComposedProfile> {
	const { organization, publicUrl, root } = context;
	const { UDID: udid = "", SERIAL: serial = null, PRODUCT: product = null } = subject.device;
	const identifier = `${identifierPrefix(publicUrl)}.profile`;
	const binding = bindingFor(context, subject.user.email, udid, serial);
	const client = drawChallenge(context, "client", enrollment, now, binding, clientUntil);
	const payloads = composeFinal({
		assignment,
		variables,
		secrets: await openSecrets(context, assignment),
		clientScep: {
			scepUrl: `${publicUrl}/scep`,
			name: "next-ota",
			subject: binding.subject,
			subjectAltName: binding.subjectAltName,
			challenge: client.text,
			caFingerprint: caFingerprint(root),
		},
		organization,
		identifier,
		scope: udid,
	});
	const around = composeOuter(assignment, variables);
	judgeFinal(payloads, around, subject, assignment);
	const outer = encryptedProfile({
		envelopedData: envelop(finalContent(payloads), identity, "aes-256-cbc", context.random),
		organization,
		identifier,
		// Another version is another UUID under the same identifier: the device replaces what it has.
		uuid: payloadUuid(udid, `${identifier}/${contents}`),
		displayName: `${organization} configuration`,
		expiration: expirationOf(identity, assignment, now),
		targetDeviceType: targetDeviceType(product),
		outer: around,
	});
	return {
		profile: await signProfile(context, outer, now),
		challenge: client.challenge,
	};
}

/** When the device begins to offer an update: when its identity may be renewed, or before, where a profile says so. */
function expirationOf(identity: X509, { updateAfterDays }: Assignment, now: Date): Date {
	const renewal = identity.notAfter.getTime() - renewalWindow;
	const wished = updateAfterDays === null ? renewal : now.getTime() + updateAfterDays * 86_400_000;
	return new Date(Math.min(renewal, wished));
}
