/** What a device received, written down before it is sent: certified -> delivered. */
import type { AuditEvent, Delivery, NewChallenge } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import { insertChallenge } from "./challenges.ts";
import type { PrismaLike } from "./client.ts";
import { holds, must, persist } from "./failures.ts";
import { type DeliveryRow, readDelivery } from "./rows.ts";

export async function deliver(
	client: PrismaLike,
	input: { delivery: Delivery; challenges: readonly NewChallenge[]; audit: AuditEvent },
): Promise<boolean> {
	const { enrollmentId, certificateSerialNumber, profile, deliveredAt } = input.delivery;
	return holds(() =>
		client.$transaction(async (sql) => {
			must(
				await sql.$executeRaw`
				UPDATE "Enrollment" SET "state" = 'delivered', "deliveredAt" = ${deliveredAt}
				WHERE "id" = ${enrollmentId} AND "state" = 'certified' AND "expiresAt" > ${deliveredAt}`,
			);
			must(
				await sql.$executeRaw`
				UPDATE "Certificate" SET "usedAt" = ${deliveredAt}
				WHERE "serialNumber" = ${certificateSerialNumber} AND "enrollmentId" = ${enrollmentId}
					AND "state" = 'issued' AND "purpose" = 'identity' AND "notAfter" >= ${deliveredAt}`,
			);
			await sql.$executeRaw`
				INSERT INTO "Delivery" ("enrollmentId", "certificateSerialNumber", "profile", "deliveredAt")
				VALUES (${enrollmentId}, ${certificateSerialNumber}, ${profile}, ${deliveredAt})`;
			for (const challenge of input.challenges) await insertChallenge(sql, challenge);
			await insertAuditEvent(sql, input.audit);
		}),
	);
}

export async function findDelivery(client: PrismaLike, enrollmentId: string): Promise<Delivery | null> {
	const rows = await persist(() => client.$queryRaw`SELECT * FROM "Delivery" WHERE "enrollmentId" = ${enrollmentId}`);
	const [row] = rows as DeliveryRow[];
	return row ? readDelivery(row) : null;
}
