/** Rows of prisma/models.prisma to the port's values and back: JSON text in columns that hold several values. */
import type { Approval, Certificate, Challenge, Delivery, Enrollment, ScepTransaction } from "../ports.ts";

/** A row as Prisma answers it. Its states and purposes were written by this room. */
export type EnrollmentRow = Omit<Enrollment, "user" | "device"> & { userId: string; user: string; device: string };
export type ChallengeRow = Omit<Challenge, "binding"> & { binding: string | null };
export type CertificateRow = Certificate;
export type DeliveryRow = Delivery;
export type ApprovalRow = Omit<Approval, "subject" | "subjectAltName" | "transaction"> &
	ScepTransaction & { subject: string; subjectAltName: string };

export function readEnrollment(row: EnrollmentRow): Enrollment {
	const { id, state, createdAt, expiresAt, signerKeyHash, udid, attempts, deliveredAt } = row;
	const user = JSON.parse(row.user) as Enrollment["user"];
	const device = JSON.parse(row.device) as Enrollment["device"];
	return { id, user, state, createdAt, expiresAt, signerKeyHash, udid, device, attempts, deliveredAt };
}

export function readChallenge(row: ChallengeRow): Challenge {
	const { hash, purpose, enrollmentId, createdAt, expiresAt, usedAt, usedByKey, withdrawnAt } = row;
	const binding = row.binding === null ? null : (JSON.parse(row.binding) as Challenge["binding"]);
	return { hash, purpose, enrollmentId, createdAt, expiresAt, binding, usedAt, usedByKey, withdrawnAt };
}

/** The row's own columns, without the relations that were read with it. */
export function readCertificate(row: CertificateRow): Certificate {
	return {
		serialNumber: row.serialNumber,
		challengeHash: row.challengeHash,
		publicKeyHash: row.publicKeyHash,
		keyGeneration: row.keyGeneration,
		issuerKeyHash: row.issuerKeyHash,
		renews: row.renews,
		enrollmentId: row.enrollmentId,
		purpose: row.purpose,
		tbs: row.tbs,
		notBefore: row.notBefore,
		notAfter: row.notAfter,
		createdAt: row.createdAt,
		state: row.state,
		der: row.der,
		issuedAt: row.issuedAt,
		usedAt: row.usedAt,
		revokedAt: row.revokedAt,
		revocationReason: row.revocationReason,
	};
}

export function readDelivery(row: DeliveryRow): Delivery {
	const { enrollmentId, number, kind, certificateSerialNumber, contents, profile, deliveredAt, confirmedAt } = row;
	return { enrollmentId, number, kind, certificateSerialNumber, contents, profile, deliveredAt, confirmedAt };
}

export function readApproval(row: ApprovalRow): Approval {
	const { id, challengeHash, publicKeyHash, publicKeyInfo, enrollmentId, purpose, cipher } = row;
	const { transactionID, messageType, signerKeyHash, csrHash } = row;
	const { state, createdAt, expiresAt, decidedAt, decidedBy } = row;
	return {
		...{ id, challengeHash, publicKeyHash, publicKeyInfo, enrollmentId, purpose },
		subject: JSON.parse(row.subject) as Approval["subject"],
		subjectAltName: JSON.parse(row.subjectAltName) as Approval["subjectAltName"],
		transaction: { transactionID, messageType, signerKeyHash, csrHash },
		...{ cipher, state, createdAt, expiresAt, decidedAt, decidedBy },
	};
}
