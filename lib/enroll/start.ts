/** Step 1: a signed-in person gets the profile service, with a challenge that ties the device's answer to this person. */
import { requestedAttributes } from "../apple/attributes.ts";
import { OtaError } from "../errors.ts";
import { payloadUuid } from "../profile/payload-uuid.ts";
import { profileService } from "../profile/profile-service.ts";
import { judgeMember, type Visit, visiting } from "./authorise.ts";
import { auditEvent, drawChallenge, type EnrollContext, identifierPrefix, lifetime, signProfile } from "./context.ts";

const minute = 60_000;

/** Whether this person may, and how often: in this process at once, over all processes as far as the database has it. */
async function judgeStart(context: EnrollContext, visit: Visit, now: Date): ReturnType<typeof visiting> {
	const { limits, store } = context;
	const userId = visit.user.id;
	await limits.start(userId);
	const visitor = await visiting(context, visit, now);
	const { person, isKnown } = visitor;
	try {
		judgeMember(context, person.user);
	} catch (error) {
		// A sign-in without the group is the news of it: what this person's devices ask for later is judged by it.
		if (!isKnown) await store.savePerson(person);
		throw error;
	}
	const [started, isBlocked] = await Promise.all([
		store.countStarts(userId, new Date(now.getTime() - minute)),
		store.isBlocked({ userId }),
	]);
	if (isBlocked) throw new OtaError("policy", "this person is blocked");
	if (started >= limits.enroll) throw new OtaError("rate", "this person has started too many enrollments");
	return visitor;
}

/** The signed profile service, DER. `rate` when this person asks too often, `policy` when blocked. */
export async function start(context: EnrollContext, visit: Visit): Promise<Uint8Array> {
	const now = context.clock();
	const { person, isKnown } = await judgeStart(context, visit, now);
	const { user } = person;
	const signedInAt = isKnown ? null : person.signedInAt;
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
	await context.store.startEnrollment({ enrollment, signedInAt, challenge, maxLive: context.limits.live, audit });
	context.log.info("enrollment.started", { enrollment: id, user: user.id });
	return signed;
}
