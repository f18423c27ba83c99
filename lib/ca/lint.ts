/**
 * The last look at a TBSCertificate before the CA key signs it. `LintedTbs` can be made here alone, and `issue` takes
 * nothing else: what was not linted cannot be signed.
 */

import { keyUsageBit, readTbsCertificate, type TbsCertificate, type X509 } from "../cms/certificate.ts";
import { oids } from "../der/oids.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import { caSignatureAlgorithm } from "./template.ts";

declare const linted: unique symbol;
export interface LintedTbs {
	readonly [linted]: true;
	readonly tbs: Uint8Array;
}

const maxLifetime = 398 * 86_400_000;

/** Throws `internal`, naming every lint that fails: a template that produced it is a fault of ours. */
export function lintTbs(tbs: Uint8Array, ca: X509): LintedTbs {
	const lints = judged(tbs, ca);
	const failed = Object.keys(lints).filter((name) => !lints[name]);
	if (failed.length > 0) throw new OtaError("internal", `certificate fails lint: ${failed.join("; ")}`);
	return { tbs } as LintedTbs;
}

/** What cannot be read is no request's fault here: it is our template's. */
function judged(tbs: Uint8Array, ca: X509): Record<string, boolean> {
	try {
		return lintsOf(readTbsCertificate(tbs), ca);
	} catch (cause) {
		throw new OtaError("internal", "certificate fails lint: it cannot be read", { cause });
	}
}

function lintsOf(certificate: TbsCertificate, ca: X509): Record<string, boolean> {
	const usage = certificate.keyUsage;
	const extendedUsage = certificate.extendedKeyUsage;
	return {
		"signature algorithm is the CA's": equalBytes(certificate.signatureAlgorithm.raw, caSignatureAlgorithm(ca)),
		"issuer is the CA's subject": equalBytes(certificate.issuer, ca.subject),
		"subject is not empty and not the CA's":
			certificate.subject.length > 2 && !equalBytes(certificate.subject, ca.subject),
		"serial number is positive and of 8 to 20 octets": /^(?:[0-9a-f]{2}){8,20}$/.test(certificate.serialNumber),
		"validity lies within the CA's": certificate.notAfter <= ca.notAfter && certificate.notBefore >= ca.notBefore,
		"validity is positive and at most 398 days": inRange(
			certificate.notAfter.getTime() - certificate.notBefore.getTime(),
		),
		"CA is false": !certificate.basicConstraints.ca,
		"keyUsage is digitalSignature and keyEncipherment":
			usage?.size === 2 && usage.has(keyUsageBit.digitalSignature) && usage.has(keyUsageBit.keyEncipherment),
		"one extended key usage, clientAuth or emailProtection":
			extendedUsage?.size === 1 && (extendedUsage.has(oids.clientAuth) || extendedUsage.has(oids.emailProtection)),
		"subject key identifier": certificate.subjectKeyIdentifier !== null,
		"authority key identifier is the CA's": certificate.authorityKeyIdentifier === ca.subjectKeyIdentifier,
		"public key is not the CA's": !equalBytes(certificate.publicKeyInfo, ca.publicKeyInfo),
	};
}

const inRange = (milliseconds: number): boolean => milliseconds > 0 && milliseconds <= maxLifetime;
