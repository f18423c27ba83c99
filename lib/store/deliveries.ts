/** What a device received, written down before it is sent: certified -> delivered. */
import type { AuditEvent, Delivery, NewChallenge } from "../ports.ts";
import type { PrismaLike } from "./client.ts";
import { holds, persist } from "./failures.ts";
import { auditData, challengeData, type DeliveryRow, readDelivery } from "./rows.ts";

export async function deliver(
	client: PrismaLike,
	input: { delivery: Delivery; challenges: readonly NewChallenge[]; audit: AuditEvent },
): Promise<boolean> {
	const { enrollmentId, certificateSerialNumber, profile, deliveredAt } = input.delivery;
	const issued = { state: "issued", purpose: "identity", notAfter: { gte: deliveredAt } };
	return holds(() =>
		client.$transaction([
			client.enrollment.update({
				where: { id: enrollmentId, state: "certified", expiresAt: { gt: deliveredAt } },
				data: { state: "delivered", deliveredAt },
				select: { id: true },
			}),
			client.certificate.update({
				where: { serialNumber: certificateSerialNumber, enrollmentId, ...issued },
				data: { usedAt: deliveredAt },
				select: { serialNumber: true },
			}),
			client.delivery.create({
				data: { enrollmentId, certificateSerialNumber, profile, deliveredAt },
				select: { enrollmentId: true },
			}),
			...input.challenges.map((challenge) =>
				client.challenge.create({ data: challengeData(challenge), select: { hash: true } }),
			),
			client.auditEvent.create({ data: auditData(input.audit), select: { id: true } }),
		]),
	);
}

export async function findDelivery(client: PrismaLike, enrollmentId: string): Promise<Delivery | null> {
	const row = (await persist(() => client.delivery.findUnique({ where: { enrollmentId } }))) as DeliveryRow | null;
	return row && readDelivery(row);
}
