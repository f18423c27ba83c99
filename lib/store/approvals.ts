/** Requests that wait for an operator: pending -> approved or refused. Their challenge is spent by their key. */
import type { ApprovalState, ApprovalStore, NewApproval } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import { findChallenge } from "./challenges.ts";
import type { PrismaLike, Sql } from "./client.ts";
import { holds, isUnique, must, persist } from "./failures.ts";
import { type ApprovalRow, type EnrollmentRow, readApproval, readEnrollment } from "./rows.ts";

type Pending = Awaited<ReturnType<ApprovalStore["pendApproval"]>>;

export async function pendApproval(
	client: PrismaLike,
	{ approval, audit }: Parameters<ApprovalStore["pendApproval"]>[0],
): Promise<Pending> {
	try {
		const isPending = await holds(() =>
			client.$transaction(async (sql) => {
				await spend(sql, approval);
				await insertApproval(sql, approval);
				await insertAuditEvent(sql, audit);
			}),
		);
		return isPending ? "pending" : await whyNot(client, approval);
	} catch (error) {
		if (!isUnique(error)) throw error;
		const reason = await whyNot(client, approval);
		// Another request has this id.
		if (reason !== "exists") throw error;
		return reason;
	}
}

/** The challenge, for this key; it and its enrollment live as long as the approval. */
async function spend(sql: Sql, approval: NewApproval): Promise<void> {
	const { challengeHash, publicKeyHash, enrollmentId, purpose, createdAt, expiresAt } = approval;
	must(
		await sql.$executeRaw`
		UPDATE "Enrollment" SET "expiresAt" = CASE WHEN "expiresAt" < ${expiresAt} THEN ${expiresAt} ELSE "expiresAt" END
		WHERE "id" = ${enrollmentId} AND "state" <> 'cancelled'`,
	);
	must(
		await sql.$executeRaw`
		UPDATE "Challenge" SET "usedAt" = ${createdAt}, "usedByKey" = ${publicKeyHash},
			"expiresAt" = CASE WHEN "expiresAt" < ${expiresAt} THEN ${expiresAt} ELSE "expiresAt" END
		WHERE "hash" = ${challengeHash} AND "purpose" = ${purpose} AND "enrollmentId" = ${enrollmentId}
			AND "usedAt" IS NULL AND "withdrawnAt" IS NULL AND "expiresAt" > ${createdAt}
			AND NOT EXISTS (SELECT 1 FROM "Certificate" WHERE "publicKeyHash" = ${publicKeyHash})`,
	);
}

async function insertApproval(sql: Sql, approval: NewApproval): Promise<void> {
	const { id, challengeHash, publicKeyHash, publicKeyInfo, enrollmentId, purpose } = approval;
	const { subject, subjectAltName, transaction, cipher, createdAt, expiresAt } = approval;
	const { transactionID, messageType, signerKeyHash, csrHash } = transaction;
	await sql.$executeRaw`
		INSERT INTO "Approval" ("id", "challengeHash", "publicKeyHash", "publicKeyInfo", "enrollmentId", "purpose",
			"subject", "subjectAltName", "transactionID", "messageType", "signerKeyHash", "csrHash", "cipher",
			"state", "createdAt", "expiresAt")
		VALUES (${id}, ${challengeHash}, ${publicKeyHash}, ${publicKeyInfo}, ${enrollmentId}, ${purpose},
			${JSON.stringify(subject)}, ${JSON.stringify(subjectAltName)},
			${transactionID}, ${messageType}, ${signerKeyHash}, ${csrHash}, ${cipher},
			'pending', ${createdAt}, ${expiresAt})`;
}

/** Nothing was written. Approvals and certificates are never deleted. */
async function whyNot(client: PrismaLike, approval: NewApproval): Promise<Exclude<Pending, "pending">> {
	const { challengeHash, publicKeyHash, enrollmentId, purpose, createdAt } = approval;
	const pair = { challengeHash, publicKeyHash };
	if ((await persist(() => client.approval.count({ where: pair }))) !== 0) return "exists";
	const unspent = { usedAt: null, withdrawnAt: null, expiresAt: { gt: createdAt } };
	const live = { enrollment: { state: { not: "cancelled" } }, ...unspent };
	const where = { hash: challengeHash, purpose, enrollmentId, ...live };
	return (await persist(() => client.challenge.count({ where }))) === 1 ? "key" : "refused";
}

export async function findApproval(
	client: PrismaLike,
	by: Parameters<ApprovalStore["findApproval"]>[0],
): ReturnType<ApprovalStore["findApproval"]> {
	const newest = { where: by, orderBy: { createdAt: "desc" }, take: 1 };
	const [row] = (await persist(() => client.approval.findMany(newest))) as ApprovalRow[];
	const found = row && (await findChallenge(client, row.challengeHash, row.publicKeyHash));
	return found ? { approval: readApproval(row), ...found } : null;
}

export async function hasDelivered(client: PrismaLike, udid: string): Promise<boolean> {
	return (await persist(() => client.enrollment.count({ where: { udid, state: "delivered" } }))) !== 0;
}

export async function listApprovals(client: PrismaLike, state: ApprovalState) {
	const query = { where: { state }, orderBy: [{ createdAt: "asc" }, { id: "asc" }], include: { enrollment: true } };
	const rows = (await persist(() => client.approval.findMany(query))) as (ApprovalRow & {
		enrollment: EnrollmentRow;
	})[];
	return rows.map((row) => ({ approval: readApproval(row), enrollment: readEnrollment(row.enrollment) }));
}

export async function decideApproval(
	client: PrismaLike,
	{ id, state, by, now, audit }: Parameters<ApprovalStore["decideApproval"]>[0],
): Promise<boolean> {
	return holds(() =>
		client.$transaction(async (sql) => {
			const decided = (await sql.$queryRaw`
				UPDATE "Approval" SET "state" = ${state}, "decidedAt" = ${now}, "decidedBy" = ${by}
				WHERE "id" = ${id} AND "state" = 'pending' AND "expiresAt" > ${now}
				RETURNING "enrollmentId"`) as { enrollmentId: string }[];
			must(decided.length);
			await insertAuditEvent(sql, { ...audit, enrollmentId: audit.enrollmentId ?? decided[0]?.enrollmentId ?? null });
		}),
	);
}
