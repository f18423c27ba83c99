/** Lane L2: whether an identity of ours that signed a post still counts, and whose it is. */
import type { X509 } from "../cms/certificate.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import type { Certificate, Enrollment } from "../ports.ts";
import { type EnrollContext, refusal } from "./context.ts";

/** That very certificate is in our database, is an identity, is issued and in its time, and nobody is blocked. */
export async function judgeIdentity(
	context: EnrollContext,
	signer: X509,
	now: Date,
	what: string,
): Promise<{ certificate: Certificate; enrollment: Enrollment }> {
	const found = await context.store.findCertificate(signer.serialNumber);
	if (found?.certificate.state === "reserved") {
		throw await refusal(context, found.enrollment.id, "conflict", `${what}: its certificate is being issued`);
	}
	if (!found?.certificate.der || !equalBytes(found.certificate.der, signer.der)) {
		throw new OtaError("unknown_certificate", `${what}: the certificate is not in our database`);
	}
	const { certificate, enrollment, isBlocked } = found;
	if (isBlocked) throw await refusal(context, enrollment.id, "policy", `${what}: the person or device is blocked`);
	const fault = certificateFault(certificate, now);
	if (fault) throw await refusal(context, enrollment.id, fault[0], `${what}: ${fault[1]}`);
	return { certificate, enrollment };
}

function certificateFault(certificate: Certificate, now: Date): [OtaError["code"], string] | null {
	if (certificate.purpose !== "identity") return ["unknown_certificate", "the certificate is for another purpose"];
	if (certificate.state !== "issued") return ["unknown_certificate", `the certificate is ${certificate.state}`];
	if (now < certificate.notBefore || now > certificate.notAfter) return ["time", "the certificate has expired"];
	return null;
}
