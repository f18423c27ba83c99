/**
 * Step 4: the profile request. Signed by the identity that our CA gave to this enrollment, it gets the final
 * profile, encrypted to that one certificate. The same bytes answer a repetition: what a device got is in the database.
 */
import { type DeviceAttributes, sameUdid } from "../apple/attributes.ts";
import type { X509 } from "../cms/certificate.ts";
import { envelop } from "../cms/enveloped-data.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import type { Certificate, ChallengeBinding, Enrollment, NewChallenge } from "../ports.ts";
import { composeFinal } from "../profile/compose.ts";
import { encryptedProfile, finalContent, targetDeviceType } from "../profile/final-profile.ts";
import { payloadUuid } from "../profile/payload-uuid.ts";
import { profileVariables } from "../profile/variables.ts";
import {
	auditEvent,
	bindingFor,
	caFingerprint,
	drawChallenge,
	type EnrollContext,
	identifierPrefix,
	refusal,
	renewalWindow,
	signProfile,
} from "./context.ts";

/** The signed final profile, DER. */
export async function deliver(context: EnrollContext, signer: X509, device: DeviceAttributes): Promise<Uint8Array> {
	const now = context.clock();
	const enrollment = await judgeIdentity(context, signer, device, now);
	if (enrollment.state === "delivered") return delivered(context, enrollment.id, signer);
	const { profile, challenge } = await compose(context, enrollment, signer, now);
	const delivery = {
		enrollmentId: enrollment.id,
		certificateSerialNumber: signer.serialNumber,
		profile,
		deliveredAt: now,
	};
	const detail = { udid: device.udid, serialNumber: signer.serialNumber };
	const audit = auditEvent(now, "profile.delivered", enrollment.id, detail);
	if (await context.store.deliver({ delivery, challenges: [challenge], audit })) {
		context.log.info("profile.delivered", { enrollment: enrollment.id, udid: device.udid });
		return profile;
	}
	return delivered(context, enrollment.id, signer);
}

/** Lane L2: that very certificate is in our database, is good, and is this enrollment's and this device's. */
async function judgeIdentity(
	context: EnrollContext,
	signer: X509,
	device: DeviceAttributes,
	now: Date,
): Promise<Enrollment> {
	const found = await context.store.findCertificate(signer.serialNumber);
	if (found?.certificate.state === "reserved") {
		throw await refusal(context, found.enrollment.id, "conflict", "profile request: its certificate is being issued");
	}
	if (!found?.certificate.der || !equalBytes(found.certificate.der, signer.der)) {
		throw new OtaError("unknown_certificate", "profile request: the certificate is not in our database");
	}
	const { certificate, enrollment, isBlocked } = found;
	if (isBlocked)
		throw await refusal(context, enrollment.id, "policy", "profile request: the person or device is blocked");
	const fault = identityFault(certificate, enrollment, device, now);
	if (fault) throw await refusal(context, enrollment.id, fault[0], `profile request: ${fault[1]}`);
	return enrollment;
}

function identityFault(
	certificate: Certificate,
	enrollment: Enrollment,
	device: DeviceAttributes,
	now: Date,
): [OtaError["code"], string] | null {
	if (certificate.purpose !== "identity") return ["unknown_certificate", "the certificate is for another purpose"];
	if (certificate.state !== "issued") return ["unknown_certificate", `the certificate is ${certificate.state}`];
	if (now < certificate.notBefore || now > certificate.notAfter) return ["time", "the certificate has expired"];
	if (!sameUdid(enrollment.udid ?? "", device.udid)) return ["unknown_certificate", "the identity is another device's"];
	// Recent systems leave attributes out as they like: a serial number counts where both posts have it.
	const serial = enrollment.device.SERIAL;
	if (serial && device.serialNumber && serial !== device.serialNumber) {
		return ["unknown_certificate", "the serial number is another device's"];
	}
	if (now >= enrollment.expiresAt) return ["expired", "the enrollment has expired"];
	if (enrollment.state !== "certified" && enrollment.state !== "delivered") {
		return ["conflict", `the enrollment is ${enrollment.state}`];
	}
	return null;
}

async function delivered(context: EnrollContext, enrollmentId: string, signer: X509): Promise<Uint8Array> {
	const delivery = await context.store.findDelivery(enrollmentId);
	if (delivery?.certificateSerialNumber !== signer.serialNumber)
		throw await refusal(context, enrollmentId, "conflict", "profile request: the enrollment has changed");
	return delivery.profile;
}

async function compose(
	context: EnrollContext,
	enrollment: Enrollment,
	identity: X509,
	now: Date,
): Promise<{ profile: Uint8Array; challenge: NewChallenge }> {
	const { organization, publicUrl } = context;
	const { UDID: udid = enrollment.udid ?? "", SERIAL: serial = null, PRODUCT: product = null } = enrollment.device;
	const binding = bindingFor(context, enrollment.user.email, udid, serial);
	const client = drawChallenge(context, "client", enrollment, now, binding);
	const identifier = `${identifierPrefix(publicUrl)}.profile`;
	const payloads = await composePayloads(context, enrollment, {
		identifier,
		scope: udid,
		binding,
		challenge: client.text,
	});
	const outer = encryptedProfile({
		envelopedData: envelop(finalContent(payloads), identity, "aes-256-cbc", context.random),
		organization,
		identifier,
		uuid: payloadUuid(udid, identifier),
		displayName: `${organization} configuration`,
		expiration: new Date(identity.notAfter.getTime() - renewalWindow),
		targetDeviceType: targetDeviceType(product),
	});
	return { profile: await signProfile(context, outer, now), challenge: client.challenge };
}

interface Contents {
	identifier: string;
	scope: string;
	binding: ChallengeBinding;
	challenge: string;
}

async function composePayloads(
	context: EnrollContext,
	enrollment: Enrollment,
	{ identifier, scope, binding, challenge }: Contents,
) {
	const { organization, publicUrl, root } = context;
	return composeFinal({
		templates: await context.templates(),
		variables: profileVariables({
			user: enrollment.user,
			device: enrollment.device,
			organization,
			baseUrl: publicUrl,
			rootCertificate: root.der,
		}),
		clientScep: {
			scepUrl: `${publicUrl}/scep`,
			name: "next-ota",
			subject: binding.subject,
			subjectAltName: binding.subjectAltName,
			challenge,
			caFingerprint: caFingerprint(root),
		},
		organization,
		identifier,
		scope,
	});
}
