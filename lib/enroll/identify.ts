/**
 * Step 2: the device response. The challenge leads to the enrollment, and is spent by the first device identity that
 * answers it; the answer is an identity profile with a SCEP challenge of its own.
 */
import { type DeviceAttributes, sameUdid } from "../apple/attributes.ts";
import { judgeUdid } from "../apple/device-identity.ts";
import type { X509 } from "../cms/certificate.ts";
import { OtaError } from "../errors.ts";
import type { Challenge, ChallengeBinding, Enrollment, IdentifyDevice } from "../ports.ts";
import { identityProfile } from "../profile/identity-profile.ts";
import { payloadUuid } from "../profile/payload-uuid.ts";
import { judgeCount, judgeDevice, orRefuse } from "./authorise.ts";
import {
	auditEvent,
	bindingFor,
	caFingerprint,
	drawChallenge,
	type EnrollContext,
	identifierPrefix,
	refusal,
	sha256,
	signProfile,
} from "./context.ts";

/** iOS makes a new key for every attempt: a failed installation starts again here, this often at most. */
const maxRepeats = 3;

/** The signed identity profile, DER. */
export async function identify(context: EnrollContext, signer: X509, device: DeviceAttributes): Promise<Uint8Array> {
	if (device.challenge === null || device.challenge === "") {
		throw new OtaError("challenge", "device response without a challenge");
	}
	judgeUdid(signer, device.udid);
	const challengeHash = sha256(device.challenge);
	const now = context.clock();
	const found = await context.store.findChallenge(challengeHash);
	if (!found) throw new OtaError("challenge", "device response with an unknown challenge");
	const { challenge, enrollment } = found;
	// The device is named to the database only now.
	const { udid, serialNumber } = device;
	if (found.isBlocked || (await context.store.isBlocked({ udid, serialNumber }))) {
		throw await refusal(context, enrollment.id, "policy", "device response: the person or device is blocked");
	}
	await judgeChallenge(context, enrollment, challenge, signer, device, now);
	const binding = bindingFor(context, enrollment.user.email, device.udid, device.serialNumber);
	const scep = drawChallenge(context, "identity", enrollment, now, binding);
	const attempt = enrollment.attempts + 1;
	const plist = writeProfile(context, enrollment, attempt, binding, scep.text);
	const signed = await signProfile(context, plist, now);
	await save(context, {
		enrollmentId: enrollment.id,
		challengeHash,
		signerKeyHash: signer.publicKeyHash,
		// The form that was first seen: the case of its digits is no difference.
		udid: enrollment.udid ?? device.udid,
		device: device.attributes,
		attempts: enrollment.attempts,
		scepChallenge: scep.challenge,
		now,
		audit: auditEvent(now, "device.identified", enrollment.id, {
			udid: device.udid,
			attempt,
			signer: signer.fingerprint,
			signerNotAfter: signer.notAfter.toISOString(),
		}),
	});
	context.log.info("device.identified", { enrollment: enrollment.id, udid: device.udid, attempt });
	return signed;
}

function writeProfile(
	context: EnrollContext,
	enrollment: Enrollment,
	attempt: number,
	binding: ChallengeBinding,
	challenge: string,
): Uint8Array {
	return identityProfile({
		organization: context.organization,
		identifier: `${identifierPrefix(context.publicUrl)}.identity`,
		uuid: payloadUuid(enrollment.id, `identity-${attempt}`),
		scepUrl: `${context.publicUrl}/scep`,
		name: "next-ota",
		subject: binding.subject,
		subjectAltName: binding.subjectAltName,
		challenge,
		caFingerprint: caFingerprint(context.root),
	});
}

async function judgeChallenge(
	context: EnrollContext,
	enrollment: Enrollment,
	challenge: Challenge,
	signer: X509,
	device: DeviceAttributes,
	now: Date,
): Promise<void> {
	const refuse = async (code: OtaError["code"], why: string) => {
		throw await refusal(context, enrollment.id, code, `device response: ${why}`);
	};
	if (challenge.purpose !== "enroll") await refuse("challenge", "its challenge is for SCEP");
	if (challenge.withdrawnAt !== null || enrollment.state === "cancelled") await refuse("challenge", "it was withdrawn");
	if (now >= enrollment.expiresAt || now >= challenge.expiresAt) await refuse("expired", "the enrollment has expired");
	await orRefuse(context, enrollment.id, "device response", async () => {
		await judgeDevice(context, device);
		if (challenge.usedAt === null) await judgeCount(context, enrollment.user, device.udid, now);
	});
	if (challenge.usedAt === null) return;
	if (challenge.usedByKey !== signer.publicKeyHash) await refuse("challenge", "another device spent the challenge");
	if (!sameUdid(enrollment.udid ?? "", device.udid))
		await refuse("device_mismatch", "another UDID than the first time");
	if (enrollment.state === "delivered") await refuse("conflict", "the profile has been delivered");
	if (enrollment.attempts > maxRepeats) await refuse("conflict", "repeated too often");
}

/** First answer or repetition, as the row was when it was read; a row that changed meanwhile is a conflict. */
async function save(context: EnrollContext, input: IdentifyDevice): Promise<void> {
	const { store } = context;
	const saved = input.attempts === 0 ? await store.identifyFirst(input) : await store.identifyAgain(input);
	if (!saved)
		throw await refusal(context, input.enrollmentId, "conflict", "device response: answered at the same time");
}
