/** Certificates: reserved against a challenge that is spent with them, then issued. */
import type { AuditEvent, Enrollment, ReserveCertificate, Store } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import type { PrismaLike } from "./client.ts";
import { holds, isForeignKey, isUnique, must, persist } from "./failures.ts";
import { type CertificateRow, type EnrollmentRow, readCertificate, readEnrollment } from "./rows.ts";

type Reservation = Awaited<ReturnType<Store["reserveCertificate"]>>;

export async function reserveCertificate(client: PrismaLike, input: ReserveCertificate): Promise<Reservation> {
	try {
		await persist(() => reserve(client, input));
		return "reserved";
	} catch (error) {
		if (!isForeignKey(error) && !isUnique(error)) throw error;
		return whyNot(client, input, error);
	}
}

/**
 * One batch without a branch: a challenge that does not meet its condition stays unspent by this key, and then the
 * certificate's foreign key (models.prisma: to a challenge that this very key spent) fails the whole transaction.
 */
function reserve(client: PrismaLike, { certificate, transaction, audit }: ReserveCertificate) {
	const { serialNumber, challengeHash, publicKeyHash, enrollmentId, purpose } = certificate;
	const { tbs, notBefore, notAfter, createdAt } = certificate;
	const { transactionID, messageType, signerKeyHash, csrHash } = transaction;
	return client.$transaction([
		client.$executeRaw`
			UPDATE "Challenge" SET "usedAt" = ${createdAt}, "usedByKey" = ${publicKeyHash}
			WHERE "hash" = ${challengeHash} AND "purpose" = ${purpose} AND "enrollmentId" = ${enrollmentId}
				AND "usedAt" IS NULL AND "withdrawnAt" IS NULL AND "expiresAt" > ${createdAt}
				AND EXISTS (SELECT 1 FROM "Enrollment" WHERE "id" = ${enrollmentId} AND "state" <> 'cancelled')`,
		client.$executeRaw`
			INSERT INTO "Certificate" ("serialNumber", "challengeHash", "publicKeyHash", "enrollmentId", "purpose",
				"tbs", "notBefore", "notAfter", "createdAt", "state")
			VALUES (${serialNumber}, ${challengeHash}, ${publicKeyHash}, ${enrollmentId}, ${purpose},
				${tbs}, ${notBefore}, ${notAfter}, ${createdAt}, 'reserved')`,
		client.$executeRaw`
			INSERT INTO "ScepTransaction" ("serialNumber", "transactionID", "messageType", "signerKeyHash", "csrHash")
			VALUES (${serialNumber}, ${transactionID}, ${messageType}, ${signerKeyHash}, ${csrHash})`,
		insertAuditEvent(client, audit),
	]);
}

/** Nothing was written. Certificates are never deleted, so what stood in the way is still there to be found. */
async function whyNot(client: PrismaLike, { certificate }: ReserveCertificate, error: unknown): Promise<Reservation> {
	const { challengeHash, publicKeyHash, serialNumber } = certificate;
	const ofKey = await persist(() => find(client, { publicKeyHash }));
	if (ofKey?.challengeHash === challengeHash) return "exists";
	if (isForeignKey(error) || !(await persist(() => isUnspent(client, certificate)))) return "refused";
	if (ofKey) return "key";
	if (await persist(() => find(client, { serialNumber }))) return "serial";
	throw error;
}

async function find(client: PrismaLike, where: object) {
	return (await client.certificate.findUnique({ where, select: { challengeHash: true } })) as {
		challengeHash: string;
	} | null;
}

async function isUnspent(client: PrismaLike, certificate: ReserveCertificate["certificate"]): Promise<boolean> {
	const { challengeHash, purpose, enrollmentId, createdAt } = certificate;
	const unspent = { usedAt: null, withdrawnAt: null, expiresAt: { gt: createdAt } };
	const live = { enrollment: { state: { not: "cancelled" } }, ...unspent };
	return (await client.challenge.count({ where: { hash: challengeHash, purpose, enrollmentId, ...live } })) === 1;
}

export async function issueCertificate(
	client: PrismaLike,
	{ serialNumber, der, now, audit }: { serialNumber: string; der: Uint8Array; now: Date; audit: AuditEvent },
): Promise<boolean> {
	return holds(() =>
		client.$transaction(async (sql) => {
			// The enrollment first, as everywhere: whoever locks two rows locks them in this order.
			const certified = await sql.$executeRaw`
				UPDATE "Enrollment" SET "state" = 'certified'
				WHERE "state" = 'identified' AND "id" =
					(SELECT "enrollmentId" FROM "Certificate" WHERE "serialNumber" = ${serialNumber} AND "purpose" = 'identity')`;
			must(
				await sql.$executeRaw`
				UPDATE "Certificate" SET "state" = 'issued', "der" = ${der}, "issuedAt" = ${now}
				WHERE "serialNumber" = ${serialNumber} AND "state" = 'reserved'
					AND "purpose" = ${certified === 1 ? "identity" : "client"}
					AND EXISTS (SELECT 1 FROM "Challenge" WHERE "hash" = "challengeHash" AND "expiresAt" > ${now})
					AND EXISTS (SELECT 1 FROM "Enrollment" WHERE "id" = "enrollmentId" AND "state" <> 'cancelled')`,
			);
			await insertAuditEvent(sql, audit);
		}),
	);
}

type Joined = CertificateRow &
	Omit<EnrollmentRow, "id" | "state" | "createdAt"> & { enrollmentState: Enrollment["state"]; startedAt: Date };

export async function findCertificate(client: PrismaLike, serialNumber: string) {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "Certificate".*, "userId", "user", "Enrollment"."state" AS "enrollmentState",
				"Enrollment"."createdAt" AS "startedAt", "expiresAt", "signerKeyHash", "udid", "device", "attempts", "deliveredAt"
			FROM "Certificate" JOIN "Enrollment" ON "id" = "enrollmentId"
			WHERE "serialNumber" = ${serialNumber}`,
	);
	const [row] = rows as Joined[];
	if (!row) return null;
	const { enrollmentId: id, enrollmentState: state, startedAt: createdAt } = row;
	return { certificate: readCertificate(row), enrollment: readEnrollment({ ...row, id, state, createdAt }) };
}
