/** Enrollments and the device responses that move them: started -> identified, and again. */
import type { Enrollment, IdentifyDevice, StartEnrollment } from "../ports.ts";
import type { PrismaLike, Step } from "./client.ts";
import { holds, persist } from "./failures.ts";
import { superseded } from "./reasons.ts";
import { auditData, challengeData } from "./rows.ts";

export async function startEnrollment(client: PrismaLike, start: StartEnrollment): Promise<void> {
	const { enrollment, challenge, audit } = start;
	const { id, user, createdAt, expiresAt } = enrollment;
	const fresh = { state: "started", device: "{}", attempts: 0 };
	const data = { id, userId: user.id, user: JSON.stringify(user), createdAt, expiresAt, ...fresh };
	await persist(() =>
		client.$transaction([
			client.enrollment.create({ data, select: { id: true } }),
			client.challenge.create({ data: challengeData(challenge), select: { hash: true } }),
			...withdrawOldest(client, start),
			client.auditEvent.create({ data: auditData(audit), select: { id: true } }),
		]),
	);
}

/** Of this person's unanswered challenges all but the newest, and their enrollments. */
function withdrawOldest(client: PrismaLike, { enrollment, challenge, maxLive }: StartEnrollment): Step[] {
	const userId = enrollment.user.id;
	const now = challenge.createdAt;
	return [
		client.$executeRaw`
			UPDATE "Challenge" SET "withdrawnAt" = ${now} WHERE "usedAt" IS NULL AND "hash" IN (
				SELECT "hash" FROM (
					SELECT c."hash", ROW_NUMBER() OVER (ORDER BY c."createdAt" DESC) AS place
					FROM "Enrollment" e JOIN "Challenge" c ON c."enrollmentId" = e."id"
					WHERE e."userId" = ${userId} AND e."state" = 'started' AND c."hash" <> ${challenge.hash}
						AND c."purpose" = 'enroll' AND c."usedAt" IS NULL AND c."withdrawnAt" IS NULL AND c."expiresAt" > ${now}
				) unanswered WHERE place >= ${maxLive}
			)`,
		client.enrollment.updateMany({
			where: { userId, state: "started", challenges: { some: { purpose: "enroll", withdrawnAt: { not: null } } } },
			data: { state: "cancelled" },
		}),
	];
}

export async function identifyFirst(client: PrismaLike, input: IdentifyDevice): Promise<boolean> {
	const { enrollmentId, challengeHash, signerKeyHash, now } = input;
	if (input.attempts !== 0) return false;
	const unspent = { usedAt: null, withdrawnAt: null, expiresAt: { gt: now } };
	return holds(() =>
		client.$transaction([
			client.challenge.update({
				where: { hash: challengeHash, purpose: "enroll", enrollmentId, ...unspent },
				data: { usedAt: now, usedByKey: signerKeyHash },
				select: { hash: true },
			}),
			client.enrollment.update({
				where: { id: enrollmentId, state: "started", attempts: 0, expiresAt: { gt: now } },
				data: identified(input),
				select: { id: true },
			}),
			...afterIdentification(client, input),
		]),
	);
}

export async function identifyAgain(client: PrismaLike, input: IdentifyDevice): Promise<boolean> {
	const { enrollmentId, challengeHash, signerKeyHash, udid, attempts, now } = input;
	const identities = { enrollmentId, purpose: "identity" };
	return holds(() =>
		client.$transaction([
			client.enrollment.update({
				where: {
					id: enrollmentId,
					signerKeyHash,
					udid,
					attempts,
					state: { in: ["identified", "certified"] },
					expiresAt: { gt: now },
					challenges: { some: { hash: challengeHash, purpose: "enroll", usedByKey: signerKeyHash } },
				},
				data: identified(input),
				select: { id: true },
			}),
			client.challenge.updateMany({
				where: { enrollmentId, purpose: { not: "enroll" }, usedAt: null, withdrawnAt: null },
				data: { withdrawnAt: now },
			}),
			client.certificate.updateMany({
				where: { ...identities, state: "issued" },
				data: { state: "revoked", revokedAt: now, revocationReason: superseded },
			}),
			client.certificate.updateMany({ where: { ...identities, state: "reserved" }, data: { state: "abandoned" } }),
			...afterIdentification(client, input),
		]),
	);
}

function identified({ signerKeyHash, udid, device, attempts }: IdentifyDevice): object {
	const state: Enrollment["state"] = "identified";
	return { state, signerKeyHash, udid, device: JSON.stringify(device), attempts: attempts + 1 };
}

function afterIdentification(client: PrismaLike, input: IdentifyDevice): Step[] {
	const { udid, signerKeyHash, enrollmentId, now } = input;
	const seen = { attributes: JSON.stringify(input.device), signerKeyHash, enrollmentId, lastSeenAt: now };
	return [
		client.device.upsert({
			where: { udid },
			create: { udid, firstSeenAt: now, ...seen },
			update: seen,
			select: { udid: true },
		}),
		client.challenge.create({ data: challengeData(input.scepChallenge), select: { hash: true } }),
		client.auditEvent.create({ data: auditData(input.audit), select: { id: true } }),
	];
}
