/** Enrollments and the device responses that move them: started -> identified, and again. */
import type { Enrollment, IdentifyDevice, StartEnrollment } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import { comparableEmail, deviceSerial } from "./blocked-names.ts";
import { insertChallenge } from "./challenges.ts";
import type { PrismaLike, Sql, Step } from "./client.ts";
import { holds, must, persist } from "./failures.ts";
import { isAsKnown, keepPerson, touchPerson } from "./people.ts";
import { superseded } from "./reasons.ts";
import { lockDevice } from "./supersession.ts";

/** Whom to withdraw is asked only once this enrollment holds its place (on SQLite, the write lock). */
export async function startEnrollment(client: PrismaLike, start: StartEnrollment): Promise<void> {
	const { signedInAt } = start;
	const { user } = start.enrollment;
	await persist(async () => {
		if (signedInAt === null) {
			await client.$transaction(starting(client, start));
			return;
		}
		const person = { user, signedInAt };
		// Steps without a branch are one batch, which a person's every start but the first can be.
		if (await isAsKnown(client, user)) {
			await client.$transaction([...starting(client, start), touchPerson(client, person)]);
			return;
		}
		await client.$transaction(async (tables) => {
			for (const step of starting(tables, start)) await step;
			await keepPerson(tables, person);
		});
	});
}

function starting(sql: Sql, start: StartEnrollment): Step[] {
	return [
		// First: on PostgreSQL its trigger makes one person's starts wait for each other.
		insertEnrollment(sql, { ...start.enrollment, state: "started" }),
		insertChallenge(sql, start.challenge),
		...withdrawOldest(sql, start),
		insertAuditEvent(sql, start.audit),
	];
}

export function insertEnrollment(
	sql: Sql,
	{ id, user, createdAt, expiresAt, state }: StartEnrollment["enrollment"] & Pick<Enrollment, "state">,
): Step {
	return sql.$executeRaw`
		INSERT INTO "Enrollment" ("id", "userId", "user", "userEmail", "state", "createdAt", "expiresAt", "device", "attempts")
		VALUES (${id}, ${user.id}, ${JSON.stringify(user)}, ${comparableEmail(user.email)}, ${state},
			${createdAt}, ${expiresAt}, '{}', 0)`;
}

export async function countStarts(client: PrismaLike, userId: string, since: Date): Promise<number> {
	return (await persist(() => client.enrollment.count({ where: { userId, createdAt: { gte: since } } }))) as number;
}

export async function countDevices(client: PrismaLike, userId: string, otherThan: string, now: Date): Promise<number> {
	const live = { purpose: "identity", state: "issued", notAfter: { gte: now } };
	const holds = { state: { in: ["certified", "delivered"] }, certificates: { some: live } };
	const query = { where: { userId, udid: { not: otherThan }, ...holds }, distinct: ["udid"], select: { udid: true } };
	return ((await persist(() => client.enrollment.findMany(query))) as unknown[]).length;
}

/** Of this person's other unanswered challenges (an enrollment that is still "started" has one) all but the newest. */
function withdrawOldest(sql: Sql, { enrollment, challenge, maxLive }: StartEnrollment): Step[] {
	const { id, user } = enrollment;
	const now = challenge.createdAt;
	return [
		sql.$executeRaw`
			UPDATE "Challenge" SET "withdrawnAt" = ${now}
			WHERE "purpose" = 'enroll' AND "usedAt" IS NULL AND "withdrawnAt" IS NULL AND "enrollmentId" IN
				(SELECT "id" FROM "Enrollment"
				WHERE "userId" = ${user.id} AND "state" = 'started' AND "expiresAt" > ${now} AND "id" <> ${id}
				ORDER BY "createdAt" DESC LIMIT 1000000 OFFSET ${Math.max(0, maxLive - 1)})`,
		// Only where the challenge was withdrawn, not answered in the meantime.
		sql.$executeRaw`
			UPDATE "Enrollment" SET "state" = 'cancelled'
			WHERE "userId" = ${user.id} AND "state" = 'started' AND EXISTS
				(SELECT 1 FROM "Challenge"
				WHERE "enrollmentId" = "Enrollment"."id" AND "purpose" = 'enroll' AND "withdrawnAt" IS NOT NULL)`,
	];
}

export async function identifyFirst(client: PrismaLike, input: IdentifyDevice): Promise<boolean> {
	const { enrollmentId, challengeHash, signerKeyHash, udid, now } = input;
	if (input.attempts !== 0) return false;
	return holds(() =>
		client.$transaction(async (sql) => {
			must(
				await sql.$executeRaw`
				UPDATE "Challenge" SET "usedAt" = ${now}, "usedByKey" = ${signerKeyHash}
				WHERE "hash" = ${challengeHash} AND "purpose" = 'enroll' AND "enrollmentId" = ${enrollmentId}
					AND "usedAt" IS NULL AND "withdrawnAt" IS NULL AND "expiresAt" > ${now}`,
			);
			must(
				await sql.$executeRaw`
				UPDATE "Enrollment" SET "state" = 'identified', "attempts" = 1,
					"signerKeyHash" = ${signerKeyHash}, "udid" = ${udid}, "device" = ${JSON.stringify(input.device)},
					"deviceSerial" = ${deviceSerial(input.device)}
				WHERE "id" = ${enrollmentId} AND "state" = 'started' AND "attempts" = 0 AND "expiresAt" > ${now}`,
			);
			for (const step of afterIdentification(sql, input)) await step;
		}),
	);
}

export async function identifyAgain(client: PrismaLike, input: IdentifyDevice): Promise<boolean> {
	const { enrollmentId, challengeHash, signerKeyHash, udid, attempts, now } = input;
	const identities = { enrollmentId, purpose: "identity" };
	return holds(() =>
		client.$transaction([
			lockDevice(client, udid),
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
			...withdrawPending(client, enrollmentId, now),
			client.certificate.updateMany({
				where: { ...identities, state: "issued" },
				data: { state: "revoked", revokedAt: now, revocationReason: superseded },
			}),
			client.certificate.updateMany({
				where: { ...identities, state: "reserved" },
				data: { state: "abandoned", revokedAt: now },
			}),
			...afterIdentification(client, input),
		]),
	);
}

/** What has led to no certificate yet: SCEP challenges unspent, or spent for a request that waits for an operator. */
function withdrawPending(client: PrismaLike, enrollmentId: string, now: Date): Step[] {
	const waiting = { approvals: { some: {} }, certificates: { none: {} } };
	return [
		client.challenge.updateMany({
			where: { enrollmentId, purpose: { not: "enroll" }, withdrawnAt: null, OR: [{ usedAt: null }, waiting] },
			data: { withdrawnAt: now },
		}),
		client.approval.updateMany({
			where: { enrollmentId, state: "pending" },
			data: { state: "refused", decidedAt: now },
		}),
	];
}

function identified({ signerKeyHash, udid, device, attempts }: IdentifyDevice): object {
	const state: Enrollment["state"] = "identified";
	const serial = { deviceSerial: deviceSerial(device) };
	return { state, signerKeyHash, udid, device: JSON.stringify(device), ...serial, attempts: attempts + 1 };
}

/** The device as last seen, the SCEP challenge, the audit event. */
function afterIdentification(sql: Sql, input: IdentifyDevice): Step[] {
	const { udid, signerKeyHash, enrollmentId, now } = input;
	return [
		sql.$executeRaw`
			INSERT INTO "Device" ("udid", "attributes", "signerKeyHash", "enrollmentId", "firstSeenAt", "lastSeenAt")
			VALUES (${udid}, ${JSON.stringify(input.device)}, ${signerKeyHash}, ${enrollmentId}, ${now}, ${now})
			ON CONFLICT ("udid") DO UPDATE SET "attributes" = excluded."attributes",
				"signerKeyHash" = excluded."signerKeyHash", "enrollmentId" = excluded."enrollmentId",
				"lastSeenAt" = excluded."lastSeenAt"`,
		insertChallenge(sql, input.scepChallenge),
		insertAuditEvent(sql, input.audit),
	];
}
