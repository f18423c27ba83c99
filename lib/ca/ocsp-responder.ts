/** Who may answer for an issuer (RFC 6960 section 4.2.2.2): a responder that the issuer itself certified for that. */
import type { Digest } from "../cms/algorithms.ts";
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { chainFaults } from "../cms/chain.ts";
import { oids } from "../der/oids.ts";
import { asOtaError } from "../errors.ts";
import { strongDigests } from "./crl-verify.ts";

/** Why it may not, in words; none when it may. The issuer is who the caller trusts; `at` null: dates are not looked at. */
export function responderFaults(
	responder: X509,
	issuer: X509,
	at: Date | null,
	digests: readonly Digest[] = strongDigests,
): string[] {
	const rules = { at, digests, rsaBits: 2048, usage: [keyUsageBit.digitalSignature], purpose: null };
	const { publicKey, subject, subjectKeyIdentifier: keyIdentifier } = issuer;
	const faults = chainFaults([responder], { publicKey, subject, keyIdentifier }, rules).map(({ why }) => why);
	return isForSigning(responder) ? faults : [...faults, "its extended key usage is not OCSPSigning"];
}

/** anyExtendedKeyUsage is no delegation. */
function isForSigning(responder: X509): boolean {
	try {
		return responder.extendedKeyUsage?.has(oids.ocspSigning) === true;
	} catch (error) {
		if (asOtaError(error).code === "malformed") return false;
		throw error;
	}
}
