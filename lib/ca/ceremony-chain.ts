/** The chain that a ceremony's certificates make: root, issuing CA, and RA and profile signer under it (RFC 5280 section 6.1). */
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { type ChainRules, chainFaults } from "../cms/chain.ts";
import { oids } from "../der/oids.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";

/** Dates are compared with the issuer's: a transcript may be verified when all of them have ended. */
const rules: ChainRules = {
	at: null,
	digests: ["sha256", "sha384", "sha512"],
	rsaBits: 2048,
	usage: [keyUsageBit.digitalSignature],
	purpose: null,
};

export type Chain = Record<"root" | "ca" | "ra" | "profile", X509> & { ocsp?: X509 };

/** Every fault by the certificate that has it, from the top. */
export function ceremonyChainFaults({ root, ca, ra, profile, ocsp }: Chain): [role: keyof Chain, fault: string][] {
	const faults: [keyof Chain, string][] = isSelfSigned(root) ? [] : [["root", "is not self-signed"]];
	for (const [role, leaf] of Object.entries({ ra, profile }) as ["ra" | "profile", X509][]) {
		const found = chainFaults([leaf, ca], root, rules);
		faults.push(
			...found.map(({ index, why }): [keyof Chain, string] => [([role, "ca", "root"] as const)[index] ?? role, why]),
		);
	}
	faults.push(...nested("ca", ca, root), ...nested("ra", ra, ca), ...nested("profile", profile, ca));
	if (ocsp) faults.push(...successorFaults("ocsp", ocsp, ca).map((why): [keyof Chain, string] => ["ocsp", why]));
	const order: (keyof Chain)[] = ["root", "ca", "ra", "profile", "ocsp"];
	const distinct = new Map(faults.map((fault) => [fault.join(" "), fault]));
	return [...distinct.values()].sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
}

/** Of a successor under the issuing CA that is there already. */
export const successorFaults = (role: keyof Chain, leaf: X509, ca: X509): string[] => [
	...chainFaults([leaf], ca, rules).map(({ index, why }) => (index === 0 ? why : `its issuing CA: ${why}`)),
	...nested(role, leaf, ca).map(([, why]) => why),
	...(role === "ocsp" ? purposeFaults(leaf) : []),
];

const noCheck = "it has no id-pkix-ocsp-nocheck, so that who asks would have to ask about the responder as well";

/** What makes a certificate a responder's, beside its issuer. */
function purposeFaults(responder: X509): string[] {
	const isForSigning = responder.extendedKeyUsage?.has(oids.ocspSigning) === true;
	return [
		...(isForSigning ? [] : ["its extended key usage is not OCSPSigning"]),
		...(responder.extensions.has(oids.ocspNoCheck) ? [] : [noCheck]),
	];
}

function nested(role: keyof Chain, certificate: X509, issuer: X509): [keyof Chain, string][] {
	if (certificate.notBefore >= issuer.notBefore && certificate.notAfter <= issuer.notAfter) return [];
	return [[role, "its dates are not within its issuer's"]];
}

/** False as well for an algorithm that is none of ours. */
export function isSelfSigned(root: X509): boolean {
	try {
		return equalBytes(root.subject, root.issuer) && root.isSignedBy(root.publicKey);
	} catch (error) {
		if (error instanceof OtaError) return false;
		throw error;
	}
}
