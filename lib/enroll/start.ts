/** Step 1: a signed-in person gets the profile service, with a challenge that ties the device's answer to this person. */
import { requestedAttributes } from "../apple/attributes.ts";
import type { User } from "../ports.ts";
import { payloadUuid } from "../profile/payload-uuid.ts";
import { profileService } from "../profile/profile-service.ts";
import { auditEvent, drawChallenge, type EnrollContext, identifierPrefix, lifetime, signProfile } from "./context.ts";

/** The signed profile service, DER. */
export async function start(context: EnrollContext, user: User): Promise<Uint8Array> {
	const now = context.clock();
	const id = Buffer.from(context.random(16)).toString("hex");
	const enrollment = { id, user, createdAt: now, expiresAt: new Date(now.getTime() + lifetime) };
	const { text, challenge } = drawChallenge(context, "enroll", enrollment, now, null);
	const service = profileService({
		url: `${context.publicUrl}/profile`,
		organization: context.organization,
		challenge: text,
		identifier: `${identifierPrefix(context.publicUrl)}.enroll`,
		uuid: payloadUuid(id, "profile-service"),
		attributes: requestedAttributes,
	});
	// Sign first: no row is left behind when the token is away.
	const signed = await signProfile(context, service, now);
	const audit = auditEvent(now, "enrollment.started", id, { user: user.id });
	await context.store.startEnrollment({ enrollment, challenge, maxLive: context.liveChallenges, audit });
	context.log.info("enrollment.started", { enrollment: id, user: user.id });
	return signed;
}
