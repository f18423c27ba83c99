/** The issuing CAs and RAs that count: the current one of each, and the one before while its certificates live. */
import { announced } from "../ca/next-ca.ts";
import { responderFaults } from "../ca/ocsp-responder.ts";
import type { RevocationAddresses } from "../ca/template.ts";
import type { X509 } from "../cms/certificate.ts";
import { equalBytes } from "../der/values.ts";
import { listed, type OwnCertificates } from "./authorities.ts";

export interface IssuingCa {
	certificate: X509;
	/** Its key: caOld signs lists alone. */
	role: "ca" | "caOld";
}
export interface Ra {
	certificate: X509;
	role: "ra" | "raOld";
}

/** What the steps need to know of the generations. */
interface Generations {
	cas: readonly IssuingCa[];
	ras: readonly Ra[];
	/** The responder's certificates, by the issuing CA's `publicKeyHash`. */
	responders: ReadonlyMap<string, X509>;
	/** SHA-256 of every public key of ours, the next CA's among them. */
	ownKeys: readonly string[];
}

export function generationsOf(own: OwnCertificates): Generations {
	const { ca, caOld, ra, raOld } = own;
	const cas: IssuingCa[] = [{ certificate: ca, role: "ca" }];
	if (caOld) cas.push({ certificate: caOld, role: "caOld" });
	const ras: Ra[] = [{ certificate: ra, role: "ra" }];
	if (raOld) ras.push({ certificate: raOld, role: "raOld" });
	const responders = cas.flatMap(({ certificate }) => {
		const responder = own.ocsp.find((one) => responderFaults(one, certificate, null).length === 0);
		return responder ? [[certificate.publicKeyHash, responder] as const] : [];
	});
	const next = own.nextCa ? announced(own.nextCa) : [];
	const ownKeys = [...listed(own).map(([, certificate]) => certificate), ...next].map((one) => one.publicKeyHash);
	return { cas, ras, responders: new Map(responders), ownKeys };
}

/** Of certificates by this CA, under the base of these addresses. */
export function addressesOf(
	ca: X509,
	pkiUrl: string,
	{ responders }: Pick<Generations, "responders">,
): RevocationAddresses {
	return {
		crl: `${pkiUrl}/crl/${ca.publicKeyHash.slice(0, 16)}.crl`,
		ocsp: responders.has(ca.publicKeyHash) ? `${pkiUrl}/ocsp` : null,
	};
}

/** The CA of ours that issued this certificate, by name and signature, or null. */
export function issuerAmong(cas: readonly IssuingCa[], certificate: X509): X509 | null {
	const named = cas.find((ca) => equalBytes(certificate.issuer, ca.certificate.subject))?.certificate;
	return named && certificate.isSignedBy(named.publicKey) ? named : null;
}
