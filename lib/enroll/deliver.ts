/**
 * Step 4: the profile request. Signed by the identity that our CA gave to this enrollment, it gets the final profile,
 * encrypted to that one certificate: the first time, as a repetition, or later as an update (update.ts).
 */
import { type DeviceAttributes, sameUdid } from "../apple/attributes.ts";
import type { X509 } from "../cms/certificate.ts";
import type { OtaError } from "../errors.ts";
import type { Certificate, Delivery, Enrollment } from "../ports.ts";
import { authorised } from "./authorise.ts";
import { auditEvent, type EnrollContext, lifetime, refusal } from "./context.ts";
import { composeSigned, recipientOf } from "./final.ts";
import { judgeIdentity } from "./own-identity.ts";
import { type Renewal, update } from "./update.ts";

/** The signed final profile, or where the device has to be led for another identity. */
export async function deliver(
	context: EnrollContext,
	signer: X509,
	device: DeviceAttributes,
): Promise<Uint8Array | Renewal> {
	const now = context.clock();
	const { certificate, enrollment } = await judgeIdentity(context, signer, now, "profile request");
	const fault = deviceFault(certificate, enrollment, device, now);
	if (fault) throw await refusal(context, enrollment.id, fault[0], `profile request: ${fault[1]}`);
	if (enrollment.state === "delivered") return update(context, enrollment, signer, device, now);
	const { user } = await authorised(context, enrollment, now, "profile request");
	const recipient = await recipientOf(context, enrollment, user, now);
	const clientUntil = new Date(now.getTime() + lifetime);
	const { contents } = recipient;
	const { profile, challenge } = await composeSigned(context, recipient, signer, now, clientUntil);
	const delivery: Delivery = {
		enrollmentId: enrollment.id,
		number: 0,
		kind: "first",
		certificateSerialNumber: signer.serialNumber,
		contents,
		profile,
		deliveredAt: now,
		confirmedAt: null,
	};
	const detail = { udid: device.udid, serialNumber: signer.serialNumber, contents };
	const audit = auditEvent(now, "profile.delivered", enrollment.id, detail);
	if (await context.store.deliver({ delivery, challenges: [challenge], audit })) {
		context.log.info("profile.delivered", { enrollment: enrollment.id, udid: device.udid, contents });
		return profile;
	}
	return deliveredMeanwhile(context, enrollment.id, signer);
}

function deviceFault(
	certificate: Certificate,
	enrollment: Enrollment,
	device: DeviceAttributes,
	now: Date,
): [OtaError["code"], string] | null {
	if (!sameUdid(enrollment.udid ?? "", device.udid)) return ["unknown_certificate", "the identity is another device's"];
	// Recent systems leave attributes out as they like: a serial number counts where both posts have it.
	const serial = enrollment.device.SERIAL;
	if (serial && device.serialNumber && serial !== device.serialNumber) {
		return ["unknown_certificate", "the serial number is another device's"];
	}
	if (enrollment.state === "delivered") return null;
	if (now >= enrollment.expiresAt) return ["expired", "the enrollment has expired"];
	if (enrollment.state !== "certified" || certificate.renews !== null) {
		return ["conflict", `the enrollment is ${enrollment.state}`];
	}
	return null;
}

/** Another request for the same was first: its bytes. */
async function deliveredMeanwhile(context: EnrollContext, enrollmentId: string, signer: X509): Promise<Uint8Array> {
	const delivery = await context.store.findDelivery(enrollmentId);
	if (delivery?.certificateSerialNumber !== signer.serialNumber) {
		throw await refusal(context, enrollmentId, "conflict", "profile request: the enrollment has changed");
	}
	return delivery.profile;
}
