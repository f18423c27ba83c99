/**
 * Whose certificate signed a pkiMessage. One of ours, that very DER, makes it a renewal; one that only looks like ours is
 * refused; a stranger's proves nothing, and its request is judged by its challenge.
 */
import type { X509 } from "../cms/certificate.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import type { FoundCertificate } from "../ports.ts";
import { authorised } from "./authorise.ts";
import { type EnrollContext, refusal, renewalWindow } from "./context.ts";
import { judgeBlock } from "./issuance.ts";

/** Null for a stranger's. `signer_untrusted` for a CA of ours, `unknown_certificate` for what is not in the database. */
export async function ownSigner(context: EnrollContext, signer: X509): Promise<FoundCertificate | null> {
	const cas = context.cas.map(({ certificate }) => certificate);
	if ([context.root, ...cas].some(({ der }) => equalBytes(der, signer.der))) {
		throw new OtaError("signer_untrusted", "a message in the name of a CA of ours");
	}
	const isNamed = cas.some(({ subject }) => equalBytes(subject, signer.issuer));
	if (!isNamed || equalBytes(signer.issuer, signer.subject)) return null;
	const found = await context.store.findCertificate(signer.serialNumber);
	if (!found?.certificate.der || !equalBytes(found.certificate.der, signer.der)) {
		throw new OtaError("unknown_certificate", "signed by a certificate that we did not issue to anybody");
	}
	return found;
}

/** Issued and not revoked, in the last days of its validity, of nobody who is blocked. */
export async function judgeRenewal(context: EnrollContext, found: FoundCertificate): Promise<void> {
	const now = context.clock().getTime();
	const { state, notAfter, enrollmentId } = found.certificate;
	const refuse = async (code: OtaError["code"], why: string) => {
		throw await refusal(context, enrollmentId, code, `renewal: ${why}`);
	};
	if (state !== "issued") await refuse("unknown_certificate", `the certificate is ${state}`);
	if (now > notAfter.getTime()) await refuse("time", "the certificate has expired");
	await judgeBlock(context, found);
	// A machine has no person; of people the age of the sign-in does not count here, where nobody can be led to another.
	if (found.certificate.purpose !== "machine") await authorised(context, found.enrollment, new Date(now), "renewal");
	if (now < notAfter.getTime() - renewalWindow) await refuse("conflict", "it is too early");
	// A successor never outlives the CA: one that ends with its predecessor would be due at once, and so on for ever.
	if (context.ca.notAfter <= notAfter) await refuse("conflict", "the issuing CA ends no later than the certificate");
}
