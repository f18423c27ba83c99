/** Enrollments and the device responses that move them: started -> identified, and again. */
import type { Enrollment, IdentifyDevice, StartEnrollment } from "../ports.ts";
import type { PrismaLike, Step, Tables } from "./client.ts";
import { holds, persist } from "./failures.ts";
import { superseded } from "./reasons.ts";
import { auditData, challengeData } from "./rows.ts";

/** Not a batch: whom to withdraw is known only once this enrollment holds its place (on SQLite, the write lock). */
export async function startEnrollment(client: PrismaLike, start: StartEnrollment): Promise<void> {
	const { enrollment, challenge, audit } = start;
	const { id, user, createdAt, expiresAt } = enrollment;
	const fresh = { state: "started", device: "{}", attempts: 0 };
	const data = { id, userId: user.id, user: JSON.stringify(user), createdAt, expiresAt, ...fresh };
	await persist(() =>
		client.$transaction(async (tables) => {
			await tables.enrollment.create({ data, select: { id: true } });
			await tables.challenge.create({ data: challengeData(challenge), select: { hash: true } });
			await withdrawOldest(tables, start);
			await tables.auditEvent.create({ data: auditData(audit), select: { id: true } });
		}),
	);
}

export async function countStarts(client: PrismaLike, userId: string, since: Date): Promise<number> {
	return (await persist(() => client.enrollment.count({ where: { userId, createdAt: { gte: since } } }))) as number;
}

export async function countDevices(client: PrismaLike, userId: string, otherThan: string): Promise<number> {
	const where = { userId, state: { in: ["certified", "delivered"] }, udid: { not: otherThan } };
	const query = { where, distinct: ["udid"], select: { udid: true } };
	return ((await persist(() => client.enrollment.findMany(query))) as unknown[]).length;
}

/** Of this person's other unanswered challenges (an enrollment that is still "started" has one) all but the newest. */
async function withdrawOldest(tables: Tables, { enrollment, challenge, maxLive }: StartEnrollment): Promise<void> {
	const now = challenge.createdAt;
	const unanswered = { userId: enrollment.user.id, state: "started", expiresAt: { gt: now } };
	const oldest = (await tables.enrollment.findMany({
		where: { ...unanswered, id: { not: enrollment.id } },
		orderBy: { createdAt: "desc" },
		skip: Math.max(0, maxLive - 1),
		select: { id: true },
	})) as { id: string }[];
	if (oldest.length === 0) return;
	const ids = oldest.map(({ id }) => id);
	const enroll = { purpose: "enroll", usedAt: null, withdrawnAt: null };
	await tables.challenge.updateMany({ where: { enrollmentId: { in: ids }, ...enroll }, data: { withdrawnAt: now } });
	// Only where the challenge was withdrawn just now, not answered in the meantime.
	const withdrawn = { challenges: { some: { purpose: "enroll", withdrawnAt: { not: null } } } };
	await tables.enrollment.updateMany({
		where: { id: { in: ids }, state: "started", ...withdrawn },
		data: { state: "cancelled" },
	});
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
