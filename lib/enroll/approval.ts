/**
 * Requests that wait for an operator (RFC 8894 sections 3.3.2.3 and 3.3.3): which do, what is written down of them, and the
 * answer to a client that asks again, by a CertPoll or by the same request.
 */
import { type Cipher, ciphers } from "../cms/algorithms.ts";
import type { X509 } from "../cms/certificate.ts";
import { certificatesOnly } from "../cms/sign.ts";
import { OtaError } from "../errors.ts";
import type { Approval, ApprovalStore, CertificatePurpose, FoundChallenge, ScepTransaction } from "../ports.ts";
import { auditEvent, type EnrollContext, refusal } from "./context.ts";
import { type Application, judgeBlock, reserveAndIssue, resume } from "./issuance.ts";
import { judgeRecipient, type ScepAnswer, type ScepRequest } from "./scep-request.ts";

/** How long an operator may think, and the client fetch. */
const patience = 7 * 86_400_000;

type Waiting = NonNullable<Awaited<ReturnType<ApprovalStore["findApproval"]>>>;

/**
 * A client certificate follows an identity that was judged. A machine has no UDID to be known by, and an operator asked for
 * its challenge: of it `unknown` asks nothing.
 */
export async function needsApproval(
	{ approval, store }: EnrollContext,
	purpose: CertificatePurpose,
	{ enrollment }: FoundChallenge,
): Promise<boolean> {
	if (approval === "auto" || purpose === "client") return false;
	if (approval === "manual") return true;
	return purpose === "identity" && !(await store.hasDelivered(enrollment.udid ?? ""));
}

/** Spends the challenge for the key and writes the request down. */
export async function wait(
	context: EnrollContext,
	application: Application,
	transaction: ScepTransaction,
	cipher: string,
): Promise<X509 | "pending"> {
	const { challengeHash, publicKeyHash, publicKeyInfo, enrollmentId, purpose, subject, subjectAltName } = application;
	const now = context.clock();
	const id = Buffer.from(context.random(6)).toString("hex");
	const of = { challengeHash, publicKeyHash, publicKeyInfo, enrollmentId, purpose, subject, subjectAltName };
	const expiresAt = new Date(now.getTime() + patience);
	const approval = { id, ...of, transaction, cipher, createdAt: now, expiresAt };
	const audit = auditEvent(now, "approval.pending", enrollmentId, { id, purpose, publicKey: publicKeyHash });
	switch (await context.store.pendApproval({ approval, audit })) {
		case "pending":
			context.log.info("approval.pending", { id, enrollment: enrollmentId, purpose });
			return "pending";
		case "exists": {
			const waiting = await context.store.findApproval({ challengeHash, publicKeyHash });
			if (!waiting) throw new OtaError("internal", "SCEP: an approval that exists was not found");
			return answerWaiting(context, waiting);
		}
		case "key":
			throw await refusal(context, enrollmentId, "key_policy", "SCEP: the key has a certificate already");
		default:
			throw await refusal(context, enrollmentId, ...application.refusal);
	}
}

/** As far as the operator has decided. */
export async function answerWaiting(context: EnrollContext, waiting: Waiting): Promise<X509 | "pending"> {
	await judgeBlock(context, waiting);
	const { approval, certificate, challenge, enrollment } = waiting;
	if (certificate) return resume(context, certificate, challenge);
	if (approval.state === "refused") {
		throw await refusal(context, enrollment.id, "policy", "SCEP: an operator has refused the request");
	}
	if (context.clock() >= approval.expiresAt) {
		throw await refusal(context, enrollment.id, "expired", "SCEP: nobody has decided in time");
	}
	return approval.state === "pending" ? "pending" : issueApproved(context, approval);
}

function issueApproved(context: EnrollContext, approval: Approval): Promise<X509> {
	const { transaction } = approval;
	const application: Application = {
		...approval,
		keyGeneration: 0,
		renews: null,
		refusal: ["challenge", "SCEP: the request was withdrawn after its approval"],
	};
	return reserveAndIssue(context, application, (certificate, audit) =>
		context.store.reserveCertificate({ certificate, transaction, audit }),
	);
}

/** CertPoll: known by transactionID and signer's key. Its envelope is never opened: Apple's client has 3DES around it. */
export async function poll(context: EnrollContext, { message, signer }: ScepRequest): Promise<ScepAnswer> {
	const { transactionID } = message;
	const waiting = await context.store.findApproval({ transactionID, signerKeyHash: signer.publicKeyHash });
	if (!waiting) throw new OtaError("unknown_certificate", "CertPoll: no request of this transaction and signer");
	judgeRecipient(signer);
	const answer = await answerWaiting(context, waiting);
	if (answer === "pending") return answer;
	return { contents: certificatesOnly([answer]), cipher: cipherOf(waiting.approval) };
}

/** The original request's. */
function cipherOf({ cipher }: Approval): Cipher["name"] {
	const known = ciphers.find(({ name }) => name === cipher);
	if (!known) throw new OtaError("internal", "an approval with a cipher that is none of ours");
	return known.name;
}
