/**
 * A device's word that it has installed what it got: a post that its identity signed and that says nothing of a device
 * (facts: a constant property list). It is written down, once.
 */
import type { X509 } from "../cms/certificate.ts";
import { OtaError } from "../errors.ts";
import { auditEvent, type EnrollContext } from "./context.ts";
import { judgeIdentity } from "./own-identity.ts";

/** `malformed` from a device that has got nothing yet: its post lacks what a profile request has. */
export async function confirm(context: EnrollContext, signer: X509): Promise<void> {
	const now = context.clock();
	const { enrollment } = await judgeIdentity(context, signer, now, "confirmation");
	if (enrollment.state !== "delivered") throw new OtaError("malformed", "Device attributes: no UDID");
	const detail = { udid: enrollment.udid, serialNumber: signer.serialNumber };
	const audit = auditEvent(now, "profile.confirmed", enrollment.id, detail);
	await context.store.confirmDelivery({ certificateSerialNumber: signer.serialNumber, now, audit });
}
