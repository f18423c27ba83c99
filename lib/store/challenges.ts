/** A challenge, looked up by its hash together with all that an answer to it depends on. */
import type { Store } from "../ports.ts";
import type { PrismaLike } from "./client.ts";
import { persist } from "./failures.ts";
import {
	type CertificateRow,
	type ChallengeRow,
	type EnrollmentRow,
	readCertificate,
	readChallenge,
	readEnrollment,
} from "./rows.ts";

type Row = ChallengeRow & { enrollment: EnrollmentRow; certificates?: CertificateRow[] };

export async function findChallenge(
	client: PrismaLike,
	hash: string,
	publicKeyHash?: string,
): ReturnType<Store["findChallenge"]> {
	const certificates = publicKeyHash === undefined ? {} : { certificates: { where: { publicKeyHash } } };
	const query = { where: { hash }, include: { enrollment: true, ...certificates } };
	const row = (await persist(() => client.challenge.findUnique(query))) as Row | null;
	if (row === null) return null;
	const certificate = row.certificates?.[0];
	return {
		challenge: readChallenge(row),
		enrollment: readEnrollment(row.enrollment),
		certificate: certificate ? readCertificate(certificate) : null,
	};
}
