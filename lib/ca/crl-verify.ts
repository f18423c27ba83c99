/** Judges a revocation list (RFC 5280 section 6.3.3) under an issuer that we chose, complete lists of the issuer's own alone. */
import type { Digest } from "../cms/algorithms.ts";
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { digestOfSignature, signatureHolds } from "../cms/signature.ts";
import { oids } from "../der/oids.ts";
import { context, readDer, sequence } from "../der/reader.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import type { RevokedEntry } from "../ports.ts";
import type { CertificateList } from "./crl-reading.ts";

export interface FreshnessRules {
	/** Digests that a signature may be made over: SHA-256 and longer unless told. */
	digests?: readonly Digest[];
	/** Milliseconds since thisUpdate at most; absent: nextUpdate alone decides, and must be there. */
	maxAge?: number;
}

export const strongDigests: readonly Digest[] = ["sha256", "sha384", "sha512"];

/** Throws unless the list is the issuer's and of this time: `signer_untrusted`, `algorithm`, `signature`, `time`. */
export function verifyCertificateList(
	list: CertificateList,
	issuer: X509,
	now: Date,
	{ digests = strongDigests, maxAge }: FreshnessRules = {},
): void {
	if (!equalBytes(list.issuer, issuer.subject)) throw refused("it names another issuer");
	if (issuer.keyUsage?.has(keyUsageBit.cRLSign) === false) throw refused("its issuer may not sign lists");
	const { authorityKeyIdentifier: named } = list;
	const known = issuer.subjectKeyIdentifier;
	if (named !== null && known !== null && named !== known) throw refused("its authority key identifier is another's");
	const digest = digestOfSignature(list.algorithm);
	if (!digest || !digests.includes(digest)) throw new OtaError("algorithm", "its signature's digest is not accepted");
	if (!signatureHolds(list.algorithm, issuer.publicKey, list.tbs, list.signature)) {
		throw new OtaError("signature", "its issuer did not sign it");
	}
	checkFreshness(list, now, maxAge);
}

const refused = (why: string): OtaError => new OtaError("signer_untrusted", why);

/** thisUpdate and nextUpdate of a list or an answer; `time` unless `now` is between them. */
export function checkFreshness(
	{ thisUpdate, nextUpdate }: { thisUpdate: Date; nextUpdate: Date | null },
	now: Date,
	maxAge?: number,
): void {
	if (thisUpdate > now) throw new OtaError("time", "it is of the future");
	if (nextUpdate === null && maxAge === undefined)
		throw new OtaError("time", "it does not say when the next one comes");
	if (nextUpdate !== null && nextUpdate < now) throw new OtaError("time", "there must be a newer one");
	if (maxAge !== undefined && now.getTime() - thisUpdate.getTime() > maxAge)
		throw new OtaError("time", "it is too old");
}

/**
 * The certificate's entry on a verified list, or null: it is not revoked. `signer_untrusted` when the list is not the one
 * that counts for it: another issuer's certificate, or one whose cRLDistributionPoints name another signer of lists.
 */
export function revocationOf(certificate: X509, list: CertificateList): RevokedEntry | null {
	if (!equalBytes(certificate.issuer, list.issuer)) throw refused("it is not of the certificate's issuer");
	if (namesOtherSigner(certificate)) throw refused("the certificate names another signer of lists");
	return list.revoked.get(certificate.serialNumber) ?? null;
}

/** cRLIssuer [2] of a DistributionPoint (RFC 5280 section 4.2.1.13). */
function namesOtherSigner(certificate: X509): boolean {
	const extension = certificate.extensions.get(oids.cRLDistributionPoints);
	if (!extension) return false;
	const points = sequence(readDer(extension.value), "CRLDistributionPoints");
	let found = false;
	while (!points.done) {
		const point = sequence(points.take(), "DistributionPoint");
		point.optional(context(0));
		point.optional(context(1, false));
		found = point.optional(context(2)) !== null || found;
		point.end();
	}
	return found;
}
