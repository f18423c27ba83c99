/**
 * What a device's new certificate takes the place of: certificates of the same purpose that it got as the same person, or
 * with the same built-in identity. Two at once would revoke each other's, so the device's row is locked before all else.
 */
import type { CertificatePurpose } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import type { Sql, Step } from "./client.ts";
import { superseded } from "./reasons.ts";

/** Device, enrollments, challenges, certificates: whoever locks a device does it first. */
export function lockDevice(sql: Sql, udid: string): Step {
	return sql.$executeRaw`UPDATE "Device" SET "lastSeenAt" = "lastSeenAt" WHERE "udid" = ${udid}`;
}

/** The device of an enrollment, if it has told one. */
export function lockDeviceOf(sql: Sql, enrollmentId: string): Step {
	return sql.$executeRaw`
		UPDATE "Device" SET "lastSeenAt" = "lastSeenAt"
		WHERE "udid" = (SELECT "udid" FROM "Enrollment" WHERE "id" = ${enrollmentId})`;
}

/** The device of a first client certificate, and of no other: 1 or 0. */
export function lockDeviceOfClient(sql: Sql, serialNumber: string): Step {
	return sql.$executeRaw`
		UPDATE "Device" SET "lastSeenAt" = "lastSeenAt"
		WHERE "udid" = (SELECT "udid" FROM "Enrollment" WHERE "id" = (SELECT "enrollmentId" FROM "Certificate"
			WHERE "serialNumber" = ${serialNumber} AND "purpose" = 'client' AND "renews" IS NULL))`;
}

interface Former {
	serialNumber: string;
	enrollmentId: string;
}

/** The device is locked, and the new certificate's enrollment. */
export async function supersede(
	sql: Sql,
	certificate: { serialNumber: string; purpose: CertificatePurpose },
	now: Date,
): Promise<void> {
	const found = await formerOf(sql, certificate);
	if (found.length === 0) return;
	// As revoke: a renewal that is issued meanwhile waits here, or is waited for and found.
	for (const id of new Set(found.map((each) => each.enrollmentId))) {
		await sql.$executeRaw`UPDATE "Enrollment" SET "state" = "state" WHERE "id" = ${id}`;
		if (certificate.purpose === "identity") await withdrawClients(sql, id, now);
	}
	for (const former of await formerOf(sql, certificate)) await end(sql, former, now);
}

/** What the device was still offered: spent later, it would supersede what is new by then. */
function withdrawClients(sql: Sql, enrollmentId: string, now: Date): Step {
	return sql.$executeRaw`
		UPDATE "Challenge" SET "withdrawnAt" = ${now}
		WHERE "enrollmentId" = ${enrollmentId} AND "purpose" = 'client' AND "usedAt" IS NULL AND "withdrawnAt" IS NULL`;
}

async function formerOf(
	sql: Sql,
	{ serialNumber, purpose }: { serialNumber: string; purpose: CertificatePurpose },
): Promise<Former[]> {
	const rows = await sql.$queryRaw`
		SELECT "former"."serialNumber", "former"."enrollmentId"
		FROM "Certificate" AS "own"
		JOIN "Enrollment" AS "mine" ON "mine"."id" = "own"."enrollmentId"
		JOIN "Enrollment" AS "theirs" ON "theirs"."udid" = "mine"."udid"
			AND ("theirs"."userId" = "mine"."userId" OR "theirs"."signerKeyHash" = "mine"."signerKeyHash")
		JOIN "Certificate" AS "former" ON "former"."enrollmentId" = "theirs"."id"
			AND "former"."purpose" = "own"."purpose" AND "former"."state" = 'issued'
			AND "former"."serialNumber" <> "own"."serialNumber"
		WHERE "own"."serialNumber" = ${serialNumber} AND "own"."purpose" = ${purpose}
			AND ("own"."purpose" <> 'identity' OR "theirs"."id" <> "mine"."id")
		ORDER BY "former"."serialNumber"`;
	return rows as Former[];
}

async function end(sql: Sql, { serialNumber, enrollmentId }: Former, now: Date): Promise<void> {
	const ended = await sql.$executeRaw`
		UPDATE "Certificate" SET "state" = 'revoked', "revokedAt" = ${now}, "revocationReason" = ${superseded}
		WHERE "serialNumber" = ${serialNumber} AND "state" = 'issued'`;
	if (ended !== 1) return;
	const detail = { serialNumber, reason: superseded };
	await insertAuditEvent(sql, { at: now, event: "certificate.revoked", enrollmentId, detail });
}
