/** A first certificate (RFC 8894 section 2.1): its challenge says for whom and for what, and is spent by its key. */
import type { Names } from "../ca/certificate-names.ts";
import type { CertificationRequest } from "../ca/csr.ts";
import { namesFromCsr } from "../ca/csr-names.ts";
import type { X509 } from "../cms/certificate.ts";
import { OtaError } from "../errors.ts";
import type { ChallengeBinding, FoundChallenge } from "../ports.ts";
import { answerWaiting, needsApproval, wait } from "./approval.ts";
import { authorised, judgeCount, orRefuse } from "./authorise.ts";
import { type EnrollContext, lifetime, refusal, sha256 } from "./context.ts";
import { type Application, judgeBlock, reserveAndIssue, resume } from "./issuance.ts";
import { type ScepRequest, transactionOf } from "./scep-request.ts";

/** The one certificate of this challenge and this key (issued before, resumed, or made now), or that it waits. */
export async function firstEnrollment(
	context: EnrollContext,
	request: ScepRequest,
	csr: CertificationRequest,
	publicKeyHash: string,
	cipher: string,
): Promise<X509 | "pending"> {
	const challengeHash = sha256(csr.challengePassword());
	const found = await context.store.findChallenge(challengeHash, publicKeyHash);
	if (!found) throw new OtaError("challenge", "SCEP challenge unknown");
	await judgeBlock(context, found);
	const { purpose, binding, usedByKey } = found.challenge;
	if (purpose === "enroll" || binding === null) {
		throw await refusal(context, found.enrollment.id, "challenge", "SCEP: a challenge of another purpose");
	}
	if (found.certificate) return resume(context, found.certificate, found.challenge);
	await judgeHolder(context, found);
	// Spent without a certificate: it waits, whatever the rule is by now.
	const waiting = usedByKey === publicKeyHash && (await context.store.findApproval({ challengeHash, publicKeyHash }));
	if (waiting) return answerWaiting(context, waiting);
	const application: Application = {
		challengeHash,
		publicKeyHash,
		publicKeyInfo: csr.publicKeyInfo,
		enrollmentId: found.enrollment.id,
		purpose,
		...(await namesFor(context, csr, binding, found)),
		keyGeneration: 0,
		renews: null,
		refusal: ["challenge", "SCEP challenge expired, withdrawn or spent"],
	};
	const transaction = transactionOf(request, csr);
	if (await needsApproval(context, purpose, found)) return wait(context, application, transaction, cipher);
	return reserveAndIssue(context, application, (certificate, audit) =>
		context.store.reserveCertificate({ certificate, transaction, audit }),
	);
}

/** A file's challenge may lie about for days; and of several devices that began at once only so many may go on. */
async function judgeHolder(context: EnrollContext, { challenge, enrollment }: FoundChallenge): Promise<void> {
	const now = context.clock();
	const { purpose, createdAt } = challenge;
	if (purpose === "client" && now.getTime() - createdAt.getTime() > lifetime) {
		await authorised(context, enrollment, now, "SCEP");
	}
	if (purpose !== "identity") return;
	await orRefuse(context, enrollment.id, "SCEP", () =>
		judgeCount(context, enrollment.user, enrollment.udid ?? "", now),
	);
}

/** The server's own; the request's, as far as they are admitted, where an operator said so. */
async function namesFor(
	context: EnrollContext,
	csr: CertificationRequest,
	{ subject, subjectAltName, isSubjectFromCsr }: ChallengeBinding,
	{ challenge, enrollment }: FoundChallenge,
): Promise<Names> {
	if (challenge.purpose !== "machine" || !isSubjectFromCsr) return { subject, subjectAltName };
	try {
		const { root, profile, cas, ras, responders } = context;
		const ours = [...cas, ...ras].map(({ certificate }) => certificate);
		return namesFromCsr(csr, [root, profile, ...ours, ...responders.values()]);
	} catch (error) {
		if (!(error instanceof OtaError) || error.code !== "policy") throw error;
		throw await refusal(context, enrollment.id, "policy", error.message);
	}
}
