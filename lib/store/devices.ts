/** Devices by the enrollment that counts: delivered and with a live identity, else the newest that got a certificate. */
import type { FoundDevice } from "../ports.ts";
import { spellings } from "./blocked-names.ts";
import type { PrismaLike } from "./client.ts";
import { findDelivery } from "./deliveries.ts";
import { persist } from "./failures.ts";
import { type CertificateRow, type EnrollmentRow, readCertificate, readEnrollment } from "./rows.ts";

/** SQLite's booleans are numbers. */
type Row = EnrollmentRow & { isBlocked: unknown; counts: unknown };

export async function findDevice(client: PrismaLike, name: string, now: Date): Promise<FoundDevice | null> {
	if (name === "") return null;
	const rows = await rowsOf(client, { userId: "", names: spellings(name) }, now);
	const best = rows.find((row) => row.counts) ?? rows[0];
	if (!best) return null;
	const isContested = rows.some((row) => row.counts && row.userId !== best.userId);
	return { ...(await describe(client, best, now)), isContested };
}

export async function listDevices(client: PrismaLike, userId: string, now: Date): Promise<FoundDevice[]> {
	if (userId === "") return [];
	const rows = await rowsOf(client, { userId, names: ["", "", ""] }, now);
	const devices = new Map<string, Row>();
	for (const row of [...rows.filter(({ counts }) => counts), ...rows]) {
		const udid = (row.udid ?? "").toUpperCase();
		if (!devices.has(udid)) devices.set(udid, row);
	}
	const chosen = new Set(devices.values());
	const found: FoundDevice[] = [];
	for (const row of rows) if (chosen.has(row)) found.push(await describe(client, row, now));
	return found;
}

/** One question for both, newest first: nobody has an empty name. Whoever enrolled a thousand times lacks the oldest. */
async function rowsOf(
	client: PrismaLike,
	{ userId, names: [typed, upper, lower] }: { userId: string; names: ReturnType<typeof spellings> },
	now: Date,
): Promise<Row[]> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "Enrollment".*, "state" = 'delivered' AND EXISTS (SELECT 1 FROM "Certificate"
					WHERE "enrollmentId" = "Enrollment"."id" AND "purpose" = 'identity'
						AND "Certificate"."state" = 'issued' AND "notAfter" >= ${now}) AS "counts",
				EXISTS (SELECT 1 FROM "Block" WHERE ("kind" = 'person' AND "value" = "userId")
					OR ("kind" = 'device' AND "value" IN ("udid", upper("udid"), lower("udid"),
						"deviceSerial", upper("deviceSerial"), lower("deviceSerial")))) AS "isBlocked"
			FROM "Enrollment"
			WHERE "state" IN ('certified', 'delivered') AND ("userId" = ${userId}
				OR "udid" IN (${typed}, ${upper}, ${lower}) OR "deviceSerial" IN (${typed}, ${upper}, ${lower}))
			ORDER BY "createdAt" DESC, "id" DESC LIMIT 1000`,
	);
	return rows as Row[];
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
		isContested: false,
	};
}

export async function countGroupDevices(
	client: PrismaLike,
	group: string,
	otherThan: string,
	now: Date,
): Promise<number> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT count(DISTINCT "udid") AS "count" FROM "Enrollment"
			WHERE "state" IN ('certified', 'delivered') AND "udid" <> ${otherThan}
				AND EXISTS (SELECT 1 FROM "Certificate" WHERE "enrollmentId" = "Enrollment"."id"
					AND "purpose" = 'identity' AND "Certificate"."state" = 'issued' AND "notAfter" >= ${now})
				AND "userId" IN (SELECT "userId" FROM "PersonGroup" WHERE "group" = ${group})`,
	);
	const [row] = rows as { count: bigint }[];
	return Number(row?.count ?? 0);
}
