/** What a device received, written down before it is sent: certified -> delivered, and what it gets later. */
import type { Delivery, NewChallenge, Store } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import { insertChallenge } from "./challenges.ts";
import type { PrismaLike, Sql } from "./client.ts";
import { holds, must, persist } from "./failures.ts";
import { type DeliveryRow, readDelivery } from "./rows.ts";
import { lockDeviceOf, supersede } from "./supersession.ts";

export async function deliver(client: PrismaLike, input: Parameters<Store["deliver"]>[0]): Promise<boolean> {
	const { enrollmentId, certificateSerialNumber: serialNumber, deliveredAt } = input.delivery;
	return holds(() =>
		client.$transaction(async (sql) => {
			await lockDeviceOf(sql, enrollmentId);
			must(
				await sql.$executeRaw`
				UPDATE "Enrollment" SET "state" = 'delivered', "deliveredAt" = ${deliveredAt}
				WHERE "id" = ${enrollmentId} AND "state" = 'certified' AND "expiresAt" > ${deliveredAt}`,
			);
			await use(sql, input.delivery, deliveredAt);
			await supersede(sql, { serialNumber, purpose: "identity" }, deliveredAt);
			await insertDelivery(sql, { ...input.delivery, number: 0 });
			await insertChallenges(sql, input.challenges);
			await insertAuditEvent(sql, input.audit);
		}),
	);
}

export async function deliverAgain(client: PrismaLike, input: Parameters<Store["deliverAgain"]>[0]): Promise<boolean> {
	const { enrollmentId, number, kind, deliveredAt } = input.delivery;
	const device = input.device ? JSON.stringify(input.device) : null;
	return holds(() =>
		client.$transaction(async (sql) => {
			// Whoever delivers to this enrollment at the same time waits here, and then finds the number taken.
			must(
				await sql.$executeRaw`
				UPDATE "Enrollment" SET "device" = coalesce(${device}, "device") WHERE "id" = ${enrollmentId} AND "state" = 'delivered'`,
			);
			await use(sql, input.delivery, kind === "update" ? deliveredAt : null);
			const [latest] = (await sql.$queryRaw`
				SELECT "number" FROM "Delivery" WHERE "enrollmentId" = ${enrollmentId} ORDER BY "number" DESC LIMIT 1`) as {
				number: number;
			}[];
			must(latest && number - latest.number);
			await insertDelivery(sql, input.delivery);
			await insertChallenges(sql, input.challenges);
			await insertAuditEvent(sql, input.audit);
		}),
	);
}

/** The identity that a delivery is encrypted to must count; it was used at /profile, unless it was before. */
async function use(sql: Sql, delivery: Delivery, usedAt: Date | null): Promise<void> {
	const { enrollmentId, certificateSerialNumber, deliveredAt } = delivery;
	must(
		await sql.$executeRaw`
		UPDATE "Certificate" SET "usedAt" = coalesce("usedAt", ${usedAt})
		WHERE "serialNumber" = ${certificateSerialNumber} AND "enrollmentId" = ${enrollmentId}
			AND "state" = 'issued' AND "purpose" = 'identity' AND "notAfter" >= ${deliveredAt}`,
	);
}

async function insertDelivery(sql: Sql, delivery: Delivery): Promise<void> {
	const { enrollmentId, number, kind, certificateSerialNumber, contents, profile, deliveredAt, confirmedAt } = delivery;
	await sql.$executeRaw`
		INSERT INTO "Delivery" ("enrollmentId", "number", "kind", "certificateSerialNumber", "contents", "profile",
			"deliveredAt", "confirmedAt")
		VALUES (${enrollmentId}, ${number}, ${kind}, ${certificateSerialNumber}, ${contents}, ${profile},
			${deliveredAt}, ${confirmedAt})`;
}

async function insertChallenges(sql: Sql, challenges: readonly NewChallenge[]): Promise<void> {
	for (const challenge of challenges) await insertChallenge(sql, challenge);
}

export async function confirmDelivery(
	client: PrismaLike,
	{ certificateSerialNumber, now, audit }: Parameters<Store["confirmDelivery"]>[0],
): Promise<boolean> {
	return holds(() =>
		client.$transaction(async (sql) => {
			must(
				await sql.$executeRaw`
				UPDATE "Delivery" SET "confirmedAt" = ${now}
				WHERE "certificateSerialNumber" = ${certificateSerialNumber} AND "confirmedAt" IS NULL AND "number" =
					(SELECT max("number") FROM "Delivery" WHERE "certificateSerialNumber" = ${certificateSerialNumber})`,
			);
			await insertAuditEvent(sql, audit);
		}),
	);
}

export async function findDelivery(client: PrismaLike, enrollmentId: string): Promise<Delivery | null> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT * FROM "Delivery" WHERE "enrollmentId" = ${enrollmentId} ORDER BY "number" DESC LIMIT 1`,
	);
	const [row] = rows as DeliveryRow[];
	return row ? readDelivery(row) : null;
}

export async function hasSpentClient(client: PrismaLike, enrollmentId: string, since: Date): Promise<boolean> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT 1 FROM "Challenge"
			WHERE "enrollmentId" = ${enrollmentId} AND "purpose" = 'client' AND "createdAt" >= ${since}
				AND "usedAt" IS NOT NULL LIMIT 1`,
	);
	return (rows as unknown[]).length > 0;
}
