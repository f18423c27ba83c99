/** What revocation lists and OCSP answers are made from, and the latest list of each issuer. */
import type {
	Certificate,
	CertificateStatus,
	Enrollment,
	RevocationList,
	RevocationState,
	RevocationStore,
	RevokedEntry,
} from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import type { PrismaLike } from "./client.ts";
import { holds, must, persist } from "./failures.ts";
import { type CertificateRow, type EnrollmentRow, readCertificate, readEnrollment } from "./rows.ts";

export async function revocationState(client: PrismaLike, issuerKeyHash: string): Promise<RevocationState> {
	// A column of its own is read as a time; a max() would not be.
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "revokedAt" AS "latest", (SELECT count(*) FROM "Certificate"
				WHERE "issuerKeyHash" = ${issuerKeyHash} AND "revokedAt" IS NOT NULL) AS "count"
			FROM "Certificate" WHERE "issuerKeyHash" = ${issuerKeyHash} AND "revokedAt" IS NOT NULL
			ORDER BY "revokedAt" DESC LIMIT 1`,
	);
	const [row] = rows as { latest: Date; count: bigint }[];
	return row ? { count: Number(row.count), latest: row.latest } : { count: 0, latest: null };
}

export async function listRevoked(client: PrismaLike, issuerKeyHash: string, endsAfter: Date): Promise<RevokedEntry[]> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "serialNumber", "revokedAt", "revocationReason" AS "reason" FROM "Certificate"
			WHERE "issuerKeyHash" = ${issuerKeyHash} AND "revokedAt" IS NOT NULL AND "notAfter" > ${endsAfter}
			ORDER BY "serialNumber"`,
	);
	return rows as RevokedEntry[];
}

export async function findRevocationList(client: PrismaLike, issuerKeyHash: string): Promise<RevocationList | null> {
	const rows = await persist(
		() => client.$queryRaw`SELECT * FROM "RevocationList" WHERE "issuerKeyHash" = ${issuerKeyHash}`,
	);
	const [row] = rows as (RevocationList & { number: bigint | number })[];
	return row ? { ...row, number: Number(row.number) } : null;
}

export async function storeRevocationList(
	client: PrismaLike,
	{ list, after, audit }: Parameters<RevocationStore["storeRevocationList"]>[0],
): Promise<boolean> {
	const { issuerKeyHash, number, thisUpdate, nextUpdate, count, latest, der } = list;
	return holds(() =>
		client.$transaction(async (sql) => {
			const stored =
				after === null
					? await sql.$executeRaw`
						INSERT INTO "RevocationList"
							("issuerKeyHash", "number", "thisUpdate", "nextUpdate", "count", "latest", "der")
						VALUES (${issuerKeyHash}, ${number}, ${thisUpdate}, ${nextUpdate}, ${count}, ${latest}, ${der})
						ON CONFLICT DO NOTHING`
					: await sql.$executeRaw`
						UPDATE "RevocationList" SET "number" = ${number}, "thisUpdate" = ${thisUpdate},
							"nextUpdate" = ${nextUpdate}, "count" = ${count}, "latest" = ${latest}, "der" = ${der}
						WHERE "issuerKeyHash" = ${issuerKeyHash} AND "number" = ${after} AND "number" < ${number}`;
			must(stored);
			await insertAuditEvent(sql, audit);
		}),
	);
}

export async function abandonExpired(
	client: PrismaLike,
	{ before, now }: { before: Date; now: Date },
): Promise<number> {
	// issuedAt and revokedAt are what the index has: both are null of what is reserved alone.
	const abandoned = await persist(
		() => client.$executeRaw`
			UPDATE "Certificate" SET "state" = 'abandoned', "revokedAt" = ${now}
			WHERE "issuedAt" IS NULL AND "revokedAt" IS NULL AND "state" = 'reserved'
				AND EXISTS (SELECT 1 FROM "Challenge" WHERE "hash" = "challengeHash" AND "expiresAt" < ${before})`,
	);
	return abandoned as number;
}

export async function certificateStatus(client: PrismaLike, serialNumber: string): Promise<CertificateStatus | null> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "serialNumber", "issuerKeyHash", "state", "notAfter", "revokedAt", "revocationReason"
			FROM "Certificate" WHERE "serialNumber" = ${serialNumber}`,
	);
	const [row] = rows as CertificateStatus[];
	return row ?? null;
}

export async function pageCertificates(
	client: PrismaLike,
	{ after, limit, issuerKeyHash }: Parameters<RevocationStore["pageCertificates"]>[0],
): Promise<{ certificate: Certificate; enrollment: Enrollment }[]> {
	const where = {
		...(after !== null && { serialNumber: { gt: after } }),
		...(issuerKeyHash !== undefined && { issuerKeyHash }),
	};
	const query = { where, orderBy: { serialNumber: "asc" }, take: limit, include: { enrollment: true } };
	const rows = (await persist(() => client.certificate.findMany(query))) as Joined[];
	return rows.map((row) => ({ certificate: readCertificate(row), enrollment: readEnrollment(row.enrollment) }));
}

type Joined = CertificateRow & { enrollment: EnrollmentRow };

export async function adoptIssuer(client: PrismaLike, issuerKeyHash: string): Promise<void> {
	await persist(
		() => client.$executeRaw`UPDATE "Certificate" SET "issuerKeyHash" = ${issuerKeyHash} WHERE "issuerKeyHash" = ''`,
	);
}
