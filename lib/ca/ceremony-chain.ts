/** The chain that a ceremony's certificates make: root, issuing CA, and RA and profile signer under it (RFC 5280 section 6.1). */
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { type ChainRules, chainFaults } from "../cms/chain.ts";
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

export type Chain = Record<"root" | "ca" | "ra" | "profile", X509>;

/** Every fault by the certificate that has it, from the top. */
export function ceremonyChainFaults({ root, ca, ra, profile }: Chain): [role: keyof Chain, fault: string][] {
	const faults: [keyof Chain, string][] = isSelfSigned(root) ? [] : [["root", "is not self-signed"]];
	for (const [role, leaf] of Object.entries({ ra, profile }) as ["ra" | "profile", X509][]) {
		const found = chainFaults([leaf, ca], root, rules);
		faults.push(
			...found.map(({ index, why }): [keyof Chain, string] => [([role, "ca", "root"] as const)[index] ?? role, why]),
		);
	}
	faults.push(...nested("ca", ca, root), ...nested("ra", ra, ca), ...nested("profile", profile, ca));
	const order: (keyof Chain)[] = ["root", "ca", "ra", "profile"];
	const distinct = new Map(faults.map((fault) => [fault.join(" "), fault]));
	return [...distinct.values()].sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
}

/** Of a successor under the issuing CA that is there already. */
export const successorFaults = (leaf: X509, ca: X509): string[] => [
	...chainFaults([leaf], ca, rules).map(({ index, why }) => (index === 0 ? why : `its issuing CA: ${why}`)),
	...nested("ra", leaf, ca).map(([, why]) => why),
];

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
