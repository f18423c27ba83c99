/**
 * After the journey: a lone profile request with the identity that the device has got before is an update. The person is
 * authorised anew; the answer is the profile of today, or, once the identity's end is near, the way to another enrollment.
 */
import type { DeviceAttributes } from "../apple/attributes.ts";
import type { X509 } from "../cms/certificate.ts";
import type { Delivery, Enrollment } from "../ports.ts";
import { authorised } from "./authorise.ts";
import { auditEvent, type EnrollContext, lifetime, refusal, renewalWindow } from "./context.ts";
import { composeSigned, type Recipient, recipientOf } from "./final.ts";

/** The device has to enroll anew: it is led to /enroll, where the person signs in. */
export interface Renewal {
	why: "identity" | "sign-in";
}

/** Near its end an identity gets no more profiles, which would end with it. */
export const isEnding = ({ notAfter }: { notAfter: Date }, now: Date): boolean =>
	now.getTime() >= notAfter.getTime() - renewalWindow;

/** What may be another by now; who the device is was said under its built-in identity, and stays. */
const passing = ["OS_VERSION", "VERSION", "DEVICE_NAME", "LANGUAGE"] as const;

/** The enrollment is delivered, and the signer is an identity of it that counts. */
export async function update(
	context: EnrollContext,
	found: Enrollment,
	signer: X509,
	{ attributes }: DeviceAttributes,
	now: Date,
): Promise<Uint8Array | Renewal> {
	const told = passing.flatMap((name) => (attributes[name] === undefined ? [] : [[name, attributes[name]] as const]));
	const device = { ...found.device, ...Object.fromEntries(told) };
	const { user, isFresh } = await authorised(context, found, now, "update");
	const recipient = await recipientOf(context, { ...found, device }, user, now);
	const latest = await context.store.findDelivery(found.id);
	if (isFresh && latest && (await isRepetition(context, latest, recipient, signer, now))) return latest.profile;
	if (!isFresh || isEnding(signer, now)) return lead(context, found, isFresh ? "identity" : "sign-in", now);
	await context.limits.mayUpdate(found.id, "update");
	const number = (latest?.number ?? -1) + 1;
	const clientUntil = new Date(now.getTime() + lifetime);
	const further = { kind: "update", number, device, clientUntil, by: null } as const;
	return (await deliverAgain(context, recipient, signer, now, further)) ?? first(context, recipient, signer, now);
}

/** The device did not get its answer, and asks again: the same bytes, as long as the challenge in them is good. */
async function isRepetition(
	{ store }: Pick<EnrollContext, "store">,
	{ kind, ...latest }: Delivery,
	{ contents }: Recipient,
	signer: X509,
	now: Date,
): Promise<boolean> {
	if (kind === "download" || latest.certificateSerialNumber !== signer.serialNumber) return false;
	const age = now.getTime() - latest.deliveredAt.getTime();
	if (latest.contents !== contents || latest.confirmedAt !== null || age >= lifetime) return false;
	return !(await store.hasSpentClient(latest.enrollmentId, latest.deliveredAt));
}

async function lead(context: EnrollContext, { id }: Enrollment, why: Renewal["why"], now: Date): Promise<Renewal> {
	if (await context.limits.mayRecord(id)) await context.store.record(auditEvent(now, "update.led", id, { why }));
	context.log.info("update.led", { enrollment: id, why });
	return { why };
}

interface Further extends Pick<Delivery, "kind" | "number"> {
	clientUntil: Date;
	/** What the device says of itself now; null: it was not asked. */
	device: Enrollment["device"] | null;
	/** The operator's login; null: the device or its person. */
	by: string | null;
}

/** Null: its number was taken meanwhile, or the certificate does not count any more. */
export async function deliverAgain(
	context: EnrollContext,
	recipient: Recipient,
	identity: X509,
	now: Date,
	{ kind, number, device, clientUntil, by }: Further,
): Promise<Uint8Array | null> {
	const { enrollment, contents } = recipient;
	const { id: enrollmentId, udid } = enrollment;
	const { profile, challenge } = await composeSigned(context, recipient, identity, now, clientUntil);
	const certificateSerialNumber = identity.serialNumber;
	const delivery = { enrollmentId, number, kind, certificateSerialNumber, contents, profile, deliveredAt: now };
	const detail = { udid, serialNumber: certificateSerialNumber, contents, kind, by };
	const audit = auditEvent(now, "profile.delivered", enrollmentId, detail);
	const isStored = await context.store.deliverAgain({
		delivery: { ...delivery, confirmedAt: null },
		device,
		challenges: [challenge],
		audit,
	});
	if (!isStored) return null;
	// What failed costs the device nothing.
	await context.limits.updated(enrollmentId, kind);
	context.log.info("profile.delivered", { enrollment: enrollmentId, udid, contents, kind });
	return profile;
}

/** Two requests at once: the one that was first counts for both. */
async function first(context: EnrollContext, recipient: Recipient, signer: X509, now: Date): Promise<Uint8Array> {
	const { id } = recipient.enrollment;
	const latest = await context.store.findDelivery(id);
	if (latest && (await isRepetition(context, latest, recipient, signer, now))) return latest.profile;
	throw await refusal(context, id, "conflict", "update: the enrollment has changed");
}
