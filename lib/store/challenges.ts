/** Challenges: written with the step that hands them out, looked up by hash with all that an answer depends on. */
import type { Certificate, FoundChallenge, NewChallenge } from "../ports.ts";
import type { PrismaLike, Sql, Step } from "./client.ts";
import { persist } from "./failures.ts";
import {
	type CertificateRow,
	type ChallengeRow,
	type EnrollmentRow,
	readCertificate,
	readChallenge,
	readEnrollment,
} from "./rows.ts";

export function insertChallenge(sql: Sql, challenge: NewChallenge): Step {
	const { hash, purpose, enrollmentId, createdAt, expiresAt, binding } = challenge;
	return sql.$executeRaw`
		INSERT INTO "Challenge" ("hash", "purpose", "enrollmentId", "createdAt", "expiresAt", "binding")
		VALUES (${hash}, ${purpose}, ${enrollmentId}, ${createdAt}, ${expiresAt}, ${binding && JSON.stringify(binding)})`;
}

type Row = ChallengeRow & EnrollmentRow & { startedAt: Date; endsAt: Date; isBlocked: unknown };

export async function findChallenge(
	client: PrismaLike,
	hash: string,
	publicKeyHash?: string,
): Promise<FoundChallenge | null> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "Challenge".*, "Enrollment"."createdAt" AS "startedAt", "Enrollment"."expiresAt" AS "endsAt",
				"id", "userId", "user", "state", "signerKeyHash", "udid", "device", "attempts", "deliveredAt",
				EXISTS (SELECT 1 FROM "Block" WHERE ("kind" = 'person' AND "value" = "userId")
					OR ("kind" = 'device' AND "value" IN ("udid", upper("udid"), lower("udid"),
						"deviceSerial", upper("deviceSerial"), lower("deviceSerial")))) AS "isBlocked"
			FROM "Challenge" JOIN "Enrollment" ON "id" = "enrollmentId"
			WHERE "hash" = ${hash}`,
	);
	const [row] = rows as Row[];
	if (!row) return null;
	// Whoever spent it has the certificate since that same transaction.
	const spentByKey = row.usedByKey !== null && row.usedByKey === publicKeyHash;
	return {
		challenge: readChallenge(row),
		enrollment: readEnrollment({ ...row, createdAt: row.startedAt, expiresAt: row.endsAt }),
		certificate: spentByKey ? await findCertificateOf(client, hash, publicKeyHash) : null,
		isBlocked: Boolean(row.isBlocked),
	};
}

async function findCertificateOf(client: PrismaLike, hash: string, publicKeyHash: string): Promise<Certificate | null> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT * FROM "Certificate" WHERE "challengeHash" = ${hash} AND "publicKeyHash" = ${publicKeyHash}`,
	);
	const [row] = rows as CertificateRow[];
	return row ? readCertificate(row) : null;
}
