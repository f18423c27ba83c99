/** Devices by their newest enrollment that got as far as a certificate. */
import type { FoundDevice } from "../ports.ts";
import { spellings } from "./blocked-names.ts";
import type { PrismaLike } from "./client.ts";
import { findDelivery } from "./deliveries.ts";
import { persist } from "./failures.ts";
import { type CertificateRow, type EnrollmentRow, readCertificate, readEnrollment } from "./rows.ts";

type Row = EnrollmentRow & { isBlocked: unknown };

export async function findDevice(client: PrismaLike, name: string, now: Date): Promise<FoundDevice | null> {
	const [typed, upper, lower] = spellings(name);
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "Enrollment".*, EXISTS (SELECT 1 FROM "Block" WHERE ("kind" = 'person' AND "value" = "userId")
				OR ("kind" = 'device' AND "value" IN ("udid", upper("udid"), lower("udid"),
					"deviceSerial", upper("deviceSerial"), lower("deviceSerial")))) AS "isBlocked"
			FROM "Enrollment"
			WHERE "state" IN ('certified', 'delivered')
				AND ("udid" IN (${typed}, ${upper}, ${lower}) OR "deviceSerial" IN (${typed}, ${upper}, ${lower}))
			ORDER BY "createdAt" DESC, "id" DESC LIMIT 1`,
	);
	const [row] = rows as Row[];
	return row ? describe(client, row, now) : null;
}

export async function listDevices(client: PrismaLike, userId: string, now: Date): Promise<FoundDevice[]> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "Enrollment".*, EXISTS (SELECT 1 FROM "Block" WHERE ("kind" = 'person' AND "value" = "userId")
				OR ("kind" = 'device' AND "value" IN ("udid", upper("udid"), lower("udid"),
					"deviceSerial", upper("deviceSerial"), lower("deviceSerial")))) AS "isBlocked"
			FROM "Enrollment"
			WHERE "userId" = ${userId} AND "state" IN ('certified', 'delivered') AND NOT EXISTS
				(SELECT 1 FROM "Enrollment" AS "later"
				WHERE "later"."udid" = "Enrollment"."udid" AND "later"."state" IN ('certified', 'delivered')
					AND ("later"."createdAt" > "Enrollment"."createdAt"
						OR ("later"."createdAt" = "Enrollment"."createdAt" AND "later"."id" > "Enrollment"."id")))
			ORDER BY "createdAt" DESC, "id" DESC`,
	);
	const found: FoundDevice[] = [];
	for (const row of rows as Row[]) found.push(await describe(client, row, now));
	return found;
}

async function describe(client: PrismaLike, row: Row, now: Date): Promise<FoundDevice> {
	const enrollment = readEnrollment(row);
	const rows = await persist(
		() => client.$queryRaw`
			SELECT * FROM "Certificate"
			WHERE "enrollmentId" = ${row.id} AND "purpose" = 'identity' AND "state" = 'issued' AND "notAfter" >= ${now}
			ORDER BY "createdAt" DESC LIMIT 1`,
	);
	const [identity] = rows as CertificateRow[];
	return {
		enrollment,
		identity: identity ? readCertificate(identity) : null,
		delivery: await findDelivery(client, row.id),
		isBlocked: Boolean(row.isBlocked),
	};
}

export async function countGroupDevices(client: PrismaLike, group: string, otherThan: string): Promise<number> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT count(DISTINCT "udid") AS "count" FROM "Enrollment"
			WHERE "state" IN ('certified', 'delivered') AND "udid" <> ${otherThan}
				AND "userId" IN (SELECT "userId" FROM "PersonGroup" WHERE "group" = ${group})`,
	);
	const [row] = rows as { count: bigint }[];
	return Number(row?.count ?? 0);
}
