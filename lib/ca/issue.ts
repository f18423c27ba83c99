/** Signs a linted TBSCertificate and proves what came back before anybody sees it (facts: sign, then verify). */
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { equalBytes } from "../der/values.ts";
import { bitString, sequenceOf } from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import type { Keys } from "../ports.ts";
import { LintedTbs } from "./lint.ts";
import { caSignatureAlgorithm } from "./template.ts";

/**
 * The certificate, its signature verified with the CA's public key. `hsm_unavailable` when the token signed wrongly,
 * `internal` for what was not linted for this very CA.
 */
export async function issue(linted: LintedTbs, ca: X509, keys: Pick<Keys, "sign">): Promise<X509> {
	const tbs = LintedTbs.octetsOf(linted, ca);
	// A copy: what is verified below is what was linted, whatever became of the octets on their way.
	const signature = await keys.sign("ca", "sha256", new Uint8Array(tbs));
	const certificate = readCertificate(sequenceOf(tbs, caSignatureAlgorithm(ca), bitString(signature)));
	if (!equalBytes(certificate.tbs, tbs) || !certificate.isSignedBy(ca.publicKey)) {
		throw new OtaError("hsm_unavailable", "the signature that came back is not one of the CA's key");
	}
	return certificate;
}
