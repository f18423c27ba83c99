/** A certificate as it is written down before it is signed: the row, held by conditions, and the request it answers. */
import type { NewCertificate, ScepTransaction } from "../ports.ts";
import type { PrismaLike, Step } from "./client.ts";
import { persist } from "./failures.ts";

/**
 * Steps of a batch without a branch: where the challenge is not this key's, or its approval is not given, no certificate is
 * inserted, and then the request's foreign key fails the whole transaction.
 */
export function insertReserved(sql: PrismaLike, certificate: NewCertificate, transaction: ScepTransaction): Step[] {
	const { serialNumber, challengeHash, publicKeyHash, keyGeneration, issuerKeyHash, renews } = certificate;
	const { enrollmentId, purpose, tbs, notBefore, notAfter, createdAt } = certificate;
	const { transactionID, messageType, signerKeyHash, csrHash } = transaction;
	return [
		sql.$executeRaw`
			INSERT INTO "Certificate" ("serialNumber", "challengeHash", "publicKeyHash", "keyGeneration", "issuerKeyHash",
				"renews", "enrollmentId", "purpose", "tbs", "notBefore", "notAfter", "createdAt", "state")
			SELECT ${serialNumber}, "hash", "usedByKey", ${keyGeneration}, ${issuerKeyHash},
				${renews}, "enrollmentId", "purpose", ${tbs}, ${notBefore}, ${notAfter}, ${createdAt}, 'reserved'
			FROM "Challenge"
			WHERE "hash" = ${challengeHash} AND "usedByKey" = ${publicKeyHash} AND "purpose" = ${purpose}
				AND "enrollmentId" = ${enrollmentId} AND "withdrawnAt" IS NULL AND "expiresAt" > ${createdAt}
				AND EXISTS (SELECT 1 FROM "Enrollment" WHERE "id" = ${enrollmentId} AND "state" <> 'cancelled')
				AND NOT EXISTS (SELECT 1 FROM "Approval"
					WHERE "challengeHash" = ${challengeHash} AND "publicKeyHash" = ${publicKeyHash} AND "state" <> 'approved')`,
		sql.$executeRaw`
			INSERT INTO "ScepTransaction" ("serialNumber", "transactionID", "messageType", "signerKeyHash", "csrHash")
			VALUES (${serialNumber}, ${transactionID}, ${messageType}, ${signerKeyHash}, ${csrHash})`,
	];
}

/** The same challenge and key have a certificate already. Certificates are never deleted: what was in the way stays. */
export async function isReserved(client: PrismaLike, certificate: NewCertificate): Promise<boolean> {
	const { challengeHash, publicKeyHash } = certificate;
	return (await count(client, { challengeHash, publicKeyHash })) > 0;
}

/** What of it another certificate has: the key in this generation, or the serial number. */
export async function takenOf(
	client: PrismaLike,
	{ publicKeyHash, keyGeneration, serialNumber }: NewCertificate,
): Promise<"key" | "serial" | null> {
	if ((await count(client, { publicKeyHash, keyGeneration })) > 0) return "key";
	return (await count(client, { serialNumber })) > 0 ? "serial" : null;
}

async function count(client: PrismaLike, where: object): Promise<number> {
	return (await persist(() => client.certificate.count({ where }))) as number;
}
