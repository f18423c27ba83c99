/** Judges an OCSP answer about one certificate (RFC 6960 section 3.2) under the issuer that we know for it. */
import type { X509 } from "../cms/certificate.ts";
import { digestOfSignature, signatureHolds } from "../cms/signature.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import { checkFreshness, type FreshnessRules, strongDigests } from "./crl-verify.ts";
import { issuerFinder, keyHashOf } from "./ocsp-cert-id.ts";
import type { BasicOcspResponse, ReadSingleResponse } from "./ocsp-reading.ts";
import { responderFaults } from "./ocsp-responder.ts";
import type { CertStatus } from "./ocsp-response.ts";

export interface OcspQuestion {
	/** Hex without leading zero octets. */
	serialNumber: string;
	issuer: X509;
	now: Date;
	/** The nonce that was sent: an answer with another one is refused, one without it is not (RFC 9654 section 2.1). */
	nonce?: Uint8Array;
}

/**
 * What the answer says of the certificate; of several answers the worst. Throws `signer_untrusted`, `algorithm`,
 * `signature`, `time`, and `unknown_certificate` when the certificate is in none of them.
 */
export function verifyOcspResponse(
	response: BasicOcspResponse,
	{ serialNumber, issuer, now, nonce }: OcspQuestion,
	rules: FreshnessRules = {},
): CertStatus {
	checkSignature(response, issuer, now, rules);
	if (nonce && response.nonce && !equalBytes(nonce, response.nonce)) {
		throw new OtaError("signer_untrusted", "it answers another request");
	}
	const find = issuerFinder([issuer]);
	const answers = response.responses.filter(
		({ certID }) => certID.serialNumber === serialNumber && find(certID) !== null,
	);
	if (answers.length === 0) throw new OtaError("unknown_certificate", "it is not about the certificate");
	for (const answer of answers) checkTimes(response.producedAt, answer, now, rules.maxAge);
	return worst(answers);
}

const order: readonly CertStatus["status"][] = ["revoked", "unknown", "good"];
function worst(answers: readonly ReadSingleResponse[]): CertStatus {
	const statuses = answers.map(({ certStatus }) => certStatus);
	return statuses.sort((one, other) => order.indexOf(one.status) - order.indexOf(other.status))[0] as CertStatus;
}

function checkTimes(producedAt: Date, answer: ReadSingleResponse, now: Date, maxAge?: number): void {
	if (producedAt > now) throw new OtaError("time", "it was made in the future");
	if (producedAt < answer.thisUpdate) throw new OtaError("time", "it was made before what it says was known");
	checkFreshness(answer, now, maxAge);
}

/** By the issuer itself, or by a responder that it certified; whoever of those enclosed is named and signed it. */
function checkSignature(response: BasicOcspResponse, issuer: X509, now: Date, rules: FreshnessRules): void {
	const { digests = strongDigests } = rules;
	const { algorithm, tbs, signature, responder, certificates } = response;
	const digest = digestOfSignature(algorithm);
	if (!digest || !digests.includes(digest)) throw new OtaError("algorithm", "its signature's digest is not accepted");
	const isNamed = (certificate: X509): boolean =>
		"name" in responder
			? equalBytes(responder.name, certificate.subject)
			: responder.keyHash === keyHashOf("sha1", certificate);
	const named = [issuer, ...certificates].filter(isNamed);
	if (named.length === 0) throw new OtaError("signer_untrusted", "its responder's certificate is not there");
	const signer = named.find(({ publicKey }) => signatureHolds(algorithm, publicKey, tbs, signature));
	if (!signer) throw new OtaError("signature", "its responder did not sign it");
	// The CA's own key answers under any of its certificates.
	if (equalBytes(signer.publicKeyInfo, issuer.publicKeyInfo)) return;
	const [fault] = responderFaults(signer, issuer, now, digests);
	if (fault) throw new OtaError("signer_untrusted", `its responder may not answer: ${fault}`);
}
