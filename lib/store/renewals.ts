/**
 * Renewals: the successor of a certificate is reserved against a challenge that it makes itself, `renewal:` and the serial
 * number of the certificate renewed, so that its primary key allows one successor.
 */
import type { ReserveRenewal, Store } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import type { PrismaLike } from "./client.ts";
import { isForeignKey, isUnique, persist } from "./failures.ts";
import { insertReserved, isReserved, takenOf } from "./reservations.ts";
import type { CertificateRow } from "./rows.ts";

type Renewal = Awaited<ReturnType<Store["reserveRenewal"]>>;

export async function reserveRenewal(client: PrismaLike, input: ReserveRenewal): Promise<Renewal> {
	try {
		await persist(() => reserve(client, input));
		return "reserved";
	} catch (error) {
		if (!isForeignKey(error) && !isUnique(error)) throw error;
		return whyNot(client, input, error);
	}
}

function reserve(client: PrismaLike, { certificate, binding, expiresAt, transaction, audit }: ReserveRenewal) {
	const { renews, publicKeyHash, keyGeneration, purpose, enrollmentId, createdAt } = certificate;
	return client.$transaction([
		client.$executeRaw`
			INSERT INTO "Challenge" ("hash", "purpose", "enrollmentId", "createdAt", "expiresAt", "binding", "usedAt", "usedByKey")
			SELECT 'renewal:' || "serialNumber", "purpose", "enrollmentId", ${createdAt}, ${expiresAt},
				${JSON.stringify(binding)}, ${createdAt}, ${publicKeyHash}
			FROM "Certificate"
			WHERE "serialNumber" = ${renews} AND "state" = 'issued' AND "notAfter" >= ${createdAt}
				AND "purpose" = ${purpose} AND "enrollmentId" = ${enrollmentId}
				AND CASE WHEN "publicKeyHash" = ${publicKeyHash} THEN "keyGeneration" ELSE -1 END = ${keyGeneration - 1}`,
		...insertReserved(client, certificate, transaction),
		insertAuditEvent(client, audit),
	]);
}

/** Nothing was written. */
async function whyNot(client: PrismaLike, { certificate }: ReserveRenewal, error: unknown): Promise<Renewal> {
	if (await isReserved(client, certificate)) return "exists";
	const renewed = await renewable(client, certificate);
	if (!renewed) return "refused";
	const isSameKey = renewed.publicKeyHash === certificate.publicKeyHash;
	if (certificate.keyGeneration !== (isSameKey ? renewed.keyGeneration + 1 : 0)) return "key";
	const taken = await takenOf(client, certificate);
	if (taken) return taken;
	throw error;
}

/** The certificate that is renewed, if it may be and has no successor yet. */
async function renewable(client: PrismaLike, certificate: ReserveRenewal["certificate"]) {
	const { renews, challengeHash, purpose, enrollmentId, createdAt } = certificate;
	const rows = await persist(
		() => client.$queryRaw`
			SELECT "publicKeyHash", "keyGeneration" FROM "Certificate"
			WHERE "serialNumber" = ${renews} AND "state" = 'issued' AND "notAfter" >= ${createdAt}
				AND "purpose" = ${purpose} AND "enrollmentId" = ${enrollmentId}
				AND 'renewal:' || "serialNumber" = ${challengeHash}
				AND EXISTS (SELECT 1 FROM "Enrollment" WHERE "id" = ${enrollmentId} AND "state" <> 'cancelled')
				AND NOT EXISTS (SELECT 1 FROM "Challenge" WHERE "hash" = ${challengeHash})`,
	);
	const [renewed] = rows as Pick<CertificateRow, "publicKeyHash" | "keyGeneration">[];
	return renewed;
}
