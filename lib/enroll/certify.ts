/**
 * Step 3: SCEP (RFC 8894). Verify, see who signed, open, prove possession, judge the key, and then what the message asks
 * for: a first certificate, a renewal, what became of a request, a certificate again, a list. Nothing is written before
 * both signatures hold.
 */
import { acceptPublicKey } from "../ca/key-policy.ts";
import { certificatesOnly } from "../cms/sign.ts";
import { equalBytes } from "../der/values.ts";
import { asOtaError, type Code, OtaError, outcomes } from "../errors.ts";
import { messageType, type PkiMessage, readPkiMessage } from "../scep/message.ts";
import { failure, pending, type ReplyContext, success } from "../scep/reply.ts";
import { poll } from "./approval.ts";
import type { EnrollContext } from "./context.ts";
import { firstEnrollment } from "./first-enrollment.ts";
import type { Ra } from "./issuers.ts";
import { renew } from "./renewal.ts";
import { getCert, getCrl } from "./retrieval.ts";
import { acceptedDigests, addressee, openRequest, orElse, type ScepAnswer, type ScepRequest } from "./scep-request.ts";
import { judgeRenewal, ownSigner } from "./scep-signer.ts";

/**
 * The CertRep, DER. Throws what is not an answer of SCEP's: `malformed`, and faults of ours. `refused` hears of a FAILURE's
 * reason, and of what is given to anybody.
 */
export async function certify(
	context: EnrollContext,
	body: Uint8Array,
	refused: (code: Code) => Promise<void> = async () => {},
): Promise<Uint8Array> {
	const message = readPkiMessage(body);
	let ra: Ra = { certificate: context.ra, role: "ra" };
	try {
		const { signer, content } = message.verify(acceptedDigests(context, message));
		ra = addressee(context, content);
		const answer = await answerTo(context, { message, signer, content });
		// It counts against the address as a refusal does: nothing else that succeeds is free.
		if (answer !== "pending" && answer.isPublic) await refused("message_type");
		const reply = replyBy(context, ra, message);
		return await (answer === "pending" ? pending(reply) : success(reply, answer.contents, signer, answer.cipher));
	} catch (thrown) {
		const error = asOtaError(thrown);
		const { failInfo, words } = outcomes[error.code];
		if (failInfo === null) throw error;
		context.log.warn("scep.refused", {
			code: error.code,
			failInfo,
			why: error.message,
			transaction: message.transactionID.slice(0, 80),
		});
		await refused(attemptOf(error));
		return failure(replyBy(context, ra, message), failInfo, words);
	}
}

/** What the limits hear: a refusal of GetCert that hides a failed decryption is a guess like any other. */
function attemptOf({ code, cause }: OtaError): Code {
	return cause instanceof OtaError && cause.code === "decryption" ? "decryption" : code;
}

/** Signed by the RA that the client knows, which encloses itself and its CA. */
function replyBy(
	{ keys, cas, ca, random }: EnrollContext,
	{ certificate, role }: Ra,
	request: PkiMessage,
): ReplyContext {
	const issuer = cas.find((one) => equalBytes(one.certificate.subject, certificate.issuer))?.certificate ?? ca;
	return {
		request,
		signer: { certificate, sign: (hash, message) => keys.sign(role, hash, message) },
		certificates: [certificate, issuer],
		random,
	};
}

/** A switch that refuses by default: an authorisation bypass elsewhere came in through type 18. */
async function answerTo(context: EnrollContext, request: ScepRequest): Promise<ScepAnswer> {
	switch (request.message.messageType) {
		case messageType.PKCSReq:
		case messageType.RenewalReq:
			return certificateFor(context, request);
		case messageType.CertPoll:
			return poll(context, request);
		case messageType.GetCert:
			return getCert(context, request);
		case messageType.GetCRL:
			return getCrl(context, request);
		default:
			throw new OtaError("message_type", `messageType ${JSON.stringify(request.message.messageType)} is not served`);
	}
}

/** Signed by a certificate of ours it is a renewal, whatever it is called: half of the clients renew by PKCSReq. */
async function certificateFor(context: EnrollContext, request: ScepRequest): Promise<ScepAnswer> {
	const own = await ownSigner(context, request.signer);
	if (own) await judgeRenewal(context, own);
	else if (request.message.messageType === messageType.RenewalReq) {
		throw new OtaError("unknown_certificate", "renewal signed by a certificate that we did not issue");
	}
	const { csr, cipher } = await openRequest(context, request);
	const publicKeyHash = orElse("key_policy", () => acceptPublicKey(csr.publicKeyInfo, context.forbiddenKeys));
	const certificate = own
		? await renew(context, request, csr, publicKeyHash, own)
		: await firstEnrollment(context, request, csr, publicKeyHash, cipher);
	return certificate === "pending" ? certificate : { contents: certificatesOnly([certificate]), cipher };
}
