/**
 * Renewal (RFC 8894 section 2.3): a request signed by a certificate that we issued, with the same key or a new one. The
 * signature stands for the challenge; names, purpose and enrollment are inherited. A certificate has one successor.
 */
import { namesOf } from "../ca/certificate-names.ts";
import type { CertificationRequest } from "../ca/csr.ts";
import type { X509 } from "../cms/certificate.ts";
import { OtaError } from "../errors.ts";
import type { Certificate, ChallengeBinding, FoundCertificate } from "../ports.ts";
import type { EnrollContext } from "./context.ts";
import { type Application, mostDelay, reserveAndIssue } from "./issuance.ts";
import { type ScepRequest, transactionOf } from "./scep-request.ts";

/** `found` is the signer's certificate, judged. */
export async function renew(
	context: EnrollContext,
	request: ScepRequest,
	csr: CertificationRequest,
	publicKeyHash: string,
	{ certificate: renewed }: FoundCertificate,
): Promise<X509> {
	const binding = await inherited(context, renewed, request.signer);
	const { enrollmentId, purpose, serialNumber, keyGeneration } = renewed;
	const application: Application = {
		challengeHash: `renewal:${serialNumber}`,
		publicKeyHash,
		publicKeyInfo: csr.publicKeyInfo,
		enrollmentId,
		purpose,
		subject: binding.subject,
		subjectAltName: binding.subjectAltName,
		keyGeneration: publicKeyHash === renewed.publicKeyHash ? keyGeneration + 1 : 0,
		renews: serialNumber,
		refusal: ["conflict", "renewal: the certificate has a successor, or does not count any more"],
	};
	const transaction = transactionOf(request, csr);
	const expiresAt = new Date(context.clock().getTime() + mostDelay);
	return reserveAndIssue(context, application, (certificate, audit) =>
		context.store.reserveRenewal({ certificate, binding, expiresAt, transaction, audit }),
	);
}

/** Names are those that were certified, whoever chose them. */
async function inherited(context: EnrollContext, renewed: Certificate, certificate: X509): Promise<ChallengeBinding> {
	const found = await context.store.findChallenge(renewed.challengeHash);
	if (!found?.challenge.binding) throw new OtaError("internal", "renewal: a certificate without a binding");
	const { udid, serialNumber } = found.challenge.binding;
	return { udid, serialNumber, ...namesOf(certificate) };
}
