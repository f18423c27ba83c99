/** Certificates: reserved against a challenge that is spent with them, then issued. */
import type { AuditEvent, CertificatePurpose, ReserveCertificate, Store } from "../ports.ts";
import type { PrismaLike } from "./client.ts";
import { holds, isConditionFailed, isConstraint, persist } from "./failures.ts";
import { auditData, type CertificateRow, type EnrollmentRow, readCertificate, readEnrollment } from "./rows.ts";

type Reservation = Awaited<ReturnType<Store["reserveCertificate"]>>;

export async function reserveCertificate(client: PrismaLike, input: ReserveCertificate): Promise<Reservation> {
	try {
		await persist(() => reserve(client, input));
		return "reserved";
	} catch (error) {
		if (!isConditionFailed(error) && !isConstraint(error)) throw error;
		return whyNot(client, input, error);
	}
}

/** A challenge that does not meet its condition fails the whole transaction, so the certificate cannot be without it. */
function reserve(client: PrismaLike, { certificate, transaction, audit }: ReserveCertificate) {
	const { challengeHash, publicKeyHash, purpose, enrollmentId, serialNumber, createdAt } = certificate;
	const { transactionID, messageType, signerKeyHash, csrHash } = transaction;
	const { tbs, notBefore, notAfter } = certificate;
	const unspent = { usedAt: null, withdrawnAt: null, expiresAt: { gt: createdAt } };
	const row = {
		serialNumber,
		challengeHash,
		publicKeyHash,
		enrollmentId,
		purpose,
		tbs,
		notBefore,
		notAfter,
		createdAt,
	};
	return client.$transaction([
		client.challenge.update({
			where: { hash: challengeHash, purpose, enrollmentId, enrollment: { state: { not: "cancelled" } }, ...unspent },
			data: { usedAt: createdAt, usedByKey: publicKeyHash },
			select: { hash: true },
		}),
		client.certificate.create({ data: { ...row, state: "reserved" }, select: { serialNumber: true } }),
		client.scepTransaction.create({
			data: { serialNumber, transactionID, messageType, signerKeyHash, csrHash },
			select: { serialNumber: true },
		}),
		client.auditEvent.create({ data: auditData(audit), select: { id: true } }),
	]);
}

/** Nothing was written. Certificates are never deleted, so what stood in the way is still there to be found. */
async function whyNot(client: PrismaLike, { certificate }: ReserveCertificate, error: unknown): Promise<Reservation> {
	const { challengeHash, publicKeyHash, serialNumber } = certificate;
	const ofKey = await persist(() => find(client, { publicKeyHash }));
	if (ofKey?.challengeHash === challengeHash) return "exists";
	if (isConditionFailed(error)) return "refused";
	if (ofKey) return "key";
	if (await persist(() => find(client, { serialNumber }))) return "serial";
	throw error;
}

async function find(client: PrismaLike, where: object) {
	return (await client.certificate.findUnique({ where, select: { challengeHash: true } })) as {
		challengeHash: string;
	} | null;
}

export async function issueCertificate(
	client: PrismaLike,
	input: { serialNumber: string; der: Uint8Array; now: Date; audit: AuditEvent },
): Promise<boolean> {
	const { serialNumber, der, now, audit } = input;
	// These two columns never change, so reading them first cannot mislead.
	const select = { enrollmentId: true, purpose: true };
	const row = (await persist(() => client.certificate.findUnique({ where: { serialNumber }, select }))) as {
		enrollmentId: string;
		purpose: CertificatePurpose;
	} | null;
	if (row === null) return false;
	const issue = (enrollment: { state: object | string }) =>
		client.certificate.update({
			where: { serialNumber, state: "reserved", enrollment, challenge: { expiresAt: { gt: now } } },
			data: { state: "issued", der, issuedAt: now },
			select: { serialNumber: true },
		});
	const certify = () =>
		client.enrollment.update({
			where: { id: row.enrollmentId, state: "identified" },
			data: { state: "certified" },
			select: { id: true },
		});
	return holds(() =>
		client.$transaction([
			...(row.purpose === "identity"
				? [certify(), issue({ state: "certified" })]
				: [issue({ state: { not: "cancelled" } })]),
			client.auditEvent.create({ data: auditData(audit), select: { id: true } }),
		]),
	);
}

export async function findCertificate(client: PrismaLike, serialNumber: string) {
	const query = { where: { serialNumber }, include: { enrollment: true } };
	const row = (await persist(() => client.certificate.findUnique(query))) as
		| (CertificateRow & { enrollment: EnrollmentRow })
		| null;
	return row && { certificate: readCertificate(row), enrollment: readEnrollment(row.enrollment) };
}
