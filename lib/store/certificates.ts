/** Certificates: reserved against a challenge that is spent with them, then issued. */
import type { AuditEvent, Enrollment, FoundCertificate, NewCertificate, ReserveCertificate, Store } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import type { PrismaLike } from "./client.ts";
import { holds, isForeignKey, isUnique, must, persist } from "./failures.ts";
import { insertReserved, isReserved, takenOf } from "./reservations.ts";
import { type CertificateRow, type EnrollmentRow, readCertificate, readEnrollment } from "./rows.ts";
import { lockDeviceOfClient, supersede } from "./supersession.ts";

type Reservation = Awaited<ReturnType<Store["reserveCertificate"]>>;

export async function reserveCertificate(client: PrismaLike, input: ReserveCertificate): Promise<Reservation> {
	// Another generation of a key, and a successor, are a renewal's alone (renewals.ts).
	const certificate = { ...input.certificate, keyGeneration: 0, renews: null };
	try {
		await persist(() => reserve(client, { ...input, certificate }));
		return "reserved";
	} catch (error) {
		if (!isForeignKey(error) && !isUnique(error)) throw error;
		return whyNot(client, certificate, error);
	}
}

/** The challenge is spent, or was by this very key: its row is this transaction's until the end, whatever comes of it. */
function reserve(client: PrismaLike, { certificate, transaction, audit }: ReserveCertificate) {
	const { challengeHash, publicKeyHash, createdAt } = certificate;
	return client.$transaction([
		client.$executeRaw`
			UPDATE "Challenge" SET "usedAt" = coalesce("usedAt", ${createdAt}), "usedByKey" = ${publicKeyHash}
			WHERE "hash" = ${challengeHash} AND ("usedAt" IS NULL OR "usedByKey" = ${publicKeyHash})`,
		...insertReserved(client, certificate, transaction),
		insertAuditEvent(client, audit),
	]);
}

/** Nothing was written. */
async function whyNot(client: PrismaLike, certificate: NewCertificate, error: unknown): Promise<Reservation> {
	if (await isReserved(client, certificate)) return "exists";
	if (isForeignKey(error) || !(await persist(() => isReservable(client, certificate)))) return "refused";
	const taken = await takenOf(client, certificate);
	if (taken) return taken;
	throw error;
}

async function isReservable(client: PrismaLike, certificate: NewCertificate): Promise<boolean> {
	const { challengeHash, publicKeyHash, purpose, enrollmentId, createdAt } = certificate;
	const unspent = { usedAt: null };
	const approved = { usedByKey: publicKeyHash, approvals: { some: { publicKeyHash, state: "approved" } } };
	const live = { OR: [unspent, approved], withdrawnAt: null, expiresAt: { gt: createdAt } };
	const where = { hash: challengeHash, purpose, enrollmentId, enrollment: { state: { not: "cancelled" } }, ...live };
	return (await client.challenge.count({ where })) === 1;
}

export async function issueCertificate(
	client: PrismaLike,
	{ serialNumber, der, now, audit }: { serialNumber: string; der: Uint8Array; now: Date; audit: AuditEvent },
): Promise<boolean> {
	return holds(() =>
		client.$transaction(async (sql) => {
			const isFirstClient = (await lockDeviceOfClient(sql, serialNumber)) === 1;
			// The enrollment first, as everywhere, and always: whoever revokes waits here, or is waited for.
			must(
				await sql.$executeRaw`
				UPDATE "Enrollment" SET "state" =
					CASE WHEN EXISTS (SELECT 1 FROM "Certificate"
						WHERE "serialNumber" = ${serialNumber} AND "purpose" = 'identity' AND "renews" IS NULL)
					THEN 'certified' ELSE "state" END
				WHERE "id" = (SELECT "enrollmentId" FROM "Certificate" WHERE "serialNumber" = ${serialNumber})
					AND ("state" = 'identified' OR "state" <> 'cancelled' AND EXISTS (SELECT 1 FROM "Certificate"
						WHERE "serialNumber" = ${serialNumber} AND ("purpose" <> 'identity' OR "renews" IS NOT NULL)))`,
			);
			must(
				await sql.$executeRaw`
				UPDATE "Certificate" SET "state" = 'issued', "der" = ${der}, "issuedAt" = ${now}
				WHERE "serialNumber" = ${serialNumber} AND "state" = 'reserved'
					AND EXISTS (SELECT 1 FROM "Challenge" WHERE "hash" = "challengeHash" AND "expiresAt" > ${now})
					AND ("renews" IS NULL OR EXISTS (SELECT 1 FROM "Certificate" AS "renewed"
						WHERE "renewed"."serialNumber" = "Certificate"."renews" AND "renewed"."state" = 'issued'))
					AND NOT EXISTS (SELECT 1 FROM "Enrollment" JOIN "Block" ON ("kind" = 'person' AND "value" = "userId")
						OR ("kind" = 'device' AND "value" IN ("udid", upper("udid"), lower("udid"),
						"deviceSerial", upper("deviceSerial"), lower("deviceSerial")))
						WHERE "id" = "Certificate"."enrollmentId")`,
			);
			if (isFirstClient) await supersede(sql, { serialNumber, purpose: "client" }, now);
			await insertAuditEvent(sql, audit);
		}),
	);
}

type Joined = CertificateRow &
	Omit<EnrollmentRow, "id" | "state" | "createdAt"> & {
		enrollmentState: Enrollment["state"];
		startedAt: Date;
		isBlocked: unknown;
	};

export async function findCertificate(client: PrismaLike, serialNumber: string): Promise<FoundCertificate | null> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "Certificate".*, "userId", "user", "Enrollment"."state" AS "enrollmentState",
				"Enrollment"."createdAt" AS "startedAt", "expiresAt", "signerKeyHash", "udid", "device", "attempts", "deliveredAt",
				EXISTS (SELECT 1 FROM "Block" WHERE ("kind" = 'person' AND "value" = "userId")
					OR ("kind" = 'device' AND "value" IN ("udid", upper("udid"), lower("udid"),
						"deviceSerial", upper("deviceSerial"), lower("deviceSerial")))) AS "isBlocked"
			FROM "Certificate" JOIN "Enrollment" ON "id" = "enrollmentId"
			WHERE "serialNumber" = ${serialNumber}`,
	);
	const [row] = rows as Joined[];
	if (!row) return null;
	const { enrollmentId: id, enrollmentState: state, startedAt: createdAt } = row;
	const enrollment = readEnrollment({ ...row, id, state, createdAt });
	return { certificate: readCertificate(row), enrollment, isBlocked: Boolean(row.isBlocked) };
}
