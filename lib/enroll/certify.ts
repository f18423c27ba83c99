/**
 * Step 3: SCEP (RFC 8894). Verify, open, prove possession, judge the key, spend the challenge and record the
 * serial number, lint, sign, verify, store, and only then answer. The order is that of facts: nothing is written before
 * both signatures hold.
 */
import { type CertificationRequest, readCertificationRequest } from "../ca/csr.ts";
import { issue } from "../ca/issue.ts";
import { acceptPublicKey } from "../ca/key-policy.ts";
import { type LintedTbs, lintTbs } from "../ca/lint.ts";
import { buildLeaf } from "../ca/template.ts";
import type { Cipher } from "../cms/algorithms.ts";
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { openEnvelopedData, readEnvelopedData } from "../cms/enveloped-data.ts";
import type { Verified } from "../cms/signed-data.ts";
import { equalBytes } from "../der/values.ts";
import { asOtaError, type Code, OtaError, outcomes } from "../errors.ts";
import type { Certificate, CertificatePurpose, Challenge, ChallengeBinding, ScepTransaction } from "../ports.ts";
import { messageType, type PkiMessage, readPkiMessage } from "../scep/message.ts";
import { failure, type ReplyContext, success } from "../scep/reply.ts";
import { auditEvent, type EnrollContext, refusal, sha256 } from "./context.ts";

/**
 * The CertRep, DER. Throws what is not an answer of SCEP's: `malformed`, and faults of ours. `refused` hears of a FAILURE's
 * reason.
 */
export async function certify(
	context: EnrollContext,
	body: Uint8Array,
	refused: (code: Code) => Promise<void> = async () => {},
): Promise<Uint8Array> {
	const request = readPkiMessage(body);
	const reply: ReplyContext = {
		request,
		signer: { certificate: context.ra, sign: (hash, message) => context.keys.sign("ra", hash, message) },
		certificates: [context.ra, context.ca],
		random: context.random,
	};
	try {
		const verified = request.verify(["sha256", "sha384", "sha512"]);
		await judgeMessageType(context, request, verified.signer);
		const { csr, cipher } = await open(context, verified);
		const certificate = await certificateFor(context, request, verified.signer, csr);
		return await success(reply, certificate, verified.signer, cipher);
	} catch (thrown) {
		const error = asOtaError(thrown);
		const { failInfo, words } = outcomes[error.code];
		if (failInfo === null) throw error;
		context.log.warn("scep.refused", {
			code: error.code,
			failInfo,
			why: error.message,
			transaction: request.transactionID.slice(0, 80),
		});
		await refused(error.code);
		return failure(reply, failInfo, words);
	}
}

/** A switch that refuses by default: an authorisation bypass elsewhere came in through type 18. */
async function judgeMessageType(context: EnrollContext, request: PkiMessage, signer: X509): Promise<void> {
	switch (request.messageType) {
		case messageType.PKCSReq:
			return;
		case messageType.RenewalReq: {
			const known = await context.store.findCertificate(signer.serialNumber);
			const ours = known?.certificate.der != null && equalBytes(known.certificate.der, signer.der);
			if (!ours) throw new OtaError("unknown_certificate", "renewal signed by a certificate that we did not issue");
			throw new OtaError("message_type", "renewal is not served");
		}
		default:
			throw new OtaError("message_type", `messageType ${JSON.stringify(request.messageType)} is not served`);
	}
}

interface Opened {
	csr: CertificationRequest;
	/** Mirrored in the answer. */
	cipher: Cipher["name"];
}

/** Whatever is inside and cannot be read is the same failure as what cannot be decrypted. */
async function open(context: EnrollContext, { content, signer }: Verified): Promise<Opened> {
	const bits = signer.publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
	if (bits < 1024 || bits > 8192) throw new OtaError("algorithm", "the signer's key cannot receive an answer");
	const envelope = orElse("decryption", () => readEnvelopedData(content));
	if (envelope.cipher.name === "des-ede3-cbc") throw new OtaError("algorithm", "3DES is not accepted");
	const plaintext = await openEnvelopedData(envelope, context.ra, (key, length) => context.keys.unwrap(key, length));
	return { csr: orElse("decryption", () => readProven(plaintext), anyFault), cipher: envelope.cipher.name };
}

/**
 * Bad padding, no CSR, a CSR whose signature does not hold: until possession is proven all are one answer, for whoever
 * garbles a captured envelope must not learn from us how its plaintext ended.
 */
function readProven(plaintext: Uint8Array): CertificationRequest {
	const csr = readCertificationRequest(plaintext);
	csr.verifyPossession();
	return csr;
}

const malformedAlone: readonly Code[] = ["malformed"];
const anyFault: readonly Code[] = ["malformed", "signature", "algorithm"];

/** A failure of one of these codes has another code at this place. */
function orElse<T>(code: Code, read: () => T, codes: readonly Code[] = malformedAlone): T {
	try {
		return read();
	} catch (error) {
		const named = error instanceof OtaError && codes.includes(error.code);
		throw named ? new OtaError(code, error.message, { cause: error }) : error;
	}
}

interface Application {
	challengeHash: string;
	publicKeyHash: string;
	publicKeyInfo: Uint8Array;
	enrollmentId: string;
	purpose: CertificatePurpose;
	binding: ChallengeBinding;
	transaction: ScepTransaction;
}

/** The one certificate of this challenge and this key: issued before, resumed, or made now. */
async function certificateFor(
	context: EnrollContext,
	request: PkiMessage,
	signer: X509,
	csr: CertificationRequest,
): Promise<X509> {
	const publicKeyHash = orElse("key_policy", () => acceptPublicKey(csr.publicKeyInfo, context.forbiddenKeys));
	const challengeHash = sha256(csr.challengePassword());
	const found = await context.store.findChallenge(challengeHash, publicKeyHash);
	if (!found) throw new OtaError("challenge", "SCEP challenge unknown");
	const { purpose, binding } = found.challenge;
	if (purpose === "enroll" || binding === null) {
		throw await refusal(context, found.enrollment.id, "challenge", "SCEP: a challenge of another purpose");
	}
	if (found.certificate) return resume(context, found.certificate, found.challenge);
	return reserveAndIssue(context, {
		challengeHash,
		publicKeyHash,
		publicKeyInfo: csr.publicKeyInfo,
		enrollmentId: found.enrollment.id,
		purpose,
		binding,
		transaction: {
			transactionID: request.transactionID,
			messageType: Number(request.messageType),
			signerKeyHash: signer.publicKeyHash,
			csrHash: sha256(csr.der),
		},
	});
}

/** A serial number that is taken is drawn again; a random source that repeats itself is a fault, not a loop. */
const serialDraws = 5;

async function reserveAndIssue(context: EnrollContext, application: Application, draw = 1): Promise<X509> {
	const now = context.clock();
	const { binding, challengeHash, publicKeyHash, enrollmentId, purpose } = application;
	const leaf = buildLeaf(
		{ ...binding, publicKeyInfo: application.publicKeyInfo, purpose, now },
		context.ca,
		context.random,
	);
	const linted = lintTbs(leaf.tbs, context.ca);
	const issuer = { keyGeneration: 0, issuerKeyHash: context.ca.publicKeyHash, renews: null };
	const certificate = { ...leaf, challengeHash, publicKeyHash, ...issuer, enrollmentId, purpose, createdAt: now };
	const detail = { serialNumber: leaf.serialNumber, purpose, publicKey: publicKeyHash };
	const audit = auditEvent(now, "certificate.reserved", enrollmentId, detail);
	const outcome = await context.store.reserveCertificate({ certificate, transaction: application.transaction, audit });
	switch (outcome) {
		case "reserved":
			return signAndStore(context, { ...certificate, state: "reserved", ...unissued }, linted);
		case "exists":
			return again(context, challengeHash, publicKeyHash);
		case "serial":
			if (draw >= serialDraws) throw new OtaError("internal", "every serial number drawn is taken");
			return reserveAndIssue(context, application, draw + 1);
		case "key":
			throw await refusal(context, enrollmentId, "key_policy", "SCEP: the key has a certificate already");
		default:
			throw await refusal(context, enrollmentId, "challenge", "SCEP challenge expired, withdrawn or spent");
	}
}

const unissued = { der: null, issuedAt: null, usedAt: null, revokedAt: null, revocationReason: null };

/** Somebody was first with the very same: its certificate is ours. */
async function again(context: EnrollContext, challengeHash: string, publicKeyHash: string): Promise<X509> {
	const found = await context.store.findChallenge(challengeHash, publicKeyHash);
	if (!found?.certificate) throw new OtaError("internal", "SCEP: a certificate that exists was not found");
	return resume(context, found.certificate, found.challenge);
}

/** A lost answer is given again at any time; what was never signed is signed within its challenge's lifetime alone. */
async function resume(context: EnrollContext, certificate: Certificate, challenge: Challenge): Promise<X509> {
	if (certificate.state === "issued" && certificate.der) return readCertificate(certificate.der);
	const live = context.clock() < challenge.expiresAt;
	if (certificate.state === "reserved" && live) {
		return signAndStore(context, certificate, lintTbs(certificate.tbs, context.ca));
	}
	throw await refusal(context, certificate.enrollmentId, "challenge", `SCEP: the certificate is ${certificate.state}`);
}

/** Signs exactly the stored octets, proves the result, stores it; an answer that lost the race gives the winner's. */
async function signAndStore(context: EnrollContext, reserved: Certificate, linted: LintedTbs): Promise<X509> {
	const { serialNumber, enrollmentId, purpose, challengeHash, publicKeyHash } = reserved;
	const issued = await issue(linted, context.ca, context.keys);
	const now = context.clock();
	const audit = auditEvent(now, "certificate.issued", enrollmentId, {
		serialNumber,
		purpose,
		sha256: issued.fingerprint,
	});
	if (await context.store.issueCertificate({ serialNumber, der: issued.der, now, audit })) {
		context.log.info("certificate.issued", { enrollment: enrollmentId, serialNumber, purpose });
		return issued;
	}
	const found = await context.store.findChallenge(challengeHash, publicKeyHash);
	if (found?.certificate?.state === "issued" && found.certificate.der) return readCertificate(found.certificate.der);
	throw await refusal(context, enrollmentId, "challenge", "SCEP: the certificate was withdrawn meanwhile");
}
