/**
 * What the certificates beside the four usual ones must be to belong to them: the issuing CA and the RA before, and the OCSP
 * responder's (RFC 5280 section 4.2.1.9, RFC 6960 section 4.2.2.2). Keys are proven elsewhere, dates are not looked at.
 */
import type { X509 } from "../cms/certificate.ts";
import { equalBytes } from "../der/values.ts";
import { asOtaError } from "../errors.ts";
import { nextCaFault } from "./next-ca.ts";
import { responderFaults } from "./ocsp-responder.ts";

export interface Generations {
	/** Null: not known here (an agent on a machine of its own). */
	root: X509 | null;
	ca: X509;
	/** One for each issuing CA; a CA that is only announced is not known here. */
	ocsp: readonly X509[];
	caOld: X509 | null;
	raOld: X509 | null;
	/** GetNextCACert's answer. */
	nextCa: Uint8Array | null;
}

/** Every fault, by its variable. */
export function generationFaults(generations: Generations): string[] {
	return [
		...responders(generations),
		...authorityBefore(generations),
		...raBefore(generations),
		...announcement(generations),
	];
}

function responders({ ocsp, ca, caOld }: Generations): string[] {
	const [first] = ocsp;
	if (first === undefined) return [];
	if (ocsp.some(({ publicKeyHash }) => publicKeyHash !== first.publicKeyHash)) {
		return ["OTA_OCSP_CERT: its certificates are of several keys; one key answers for every issuing CA"];
	}
	const own = [ca, caOld].flatMap((issuer) => {
		const mine = ocsp.filter((one) => issuer !== null && equalBytes(one.issuer, issuer.subject));
		return issuer === null ? [] : mine.flatMap((one) => responderFaults(one, issuer, null));
	});
	const isAnswering = ocsp.some(({ issuer }) => equalBytes(issuer, ca.subject));
	return [
		...own.map((why) => `OTA_OCSP_CERT: ${why}; take the certificates of one ceremony`),
		...(isAnswering
			? []
			: ["OTA_OCSP_CERT: none of its certificates is by OTA_CA_CERT; ota keys rotate --role ocsp makes one"]),
	];
}

function authorityBefore({ root, ca, caOld }: Generations): string[] {
	if (caOld === null) return [];
	const faults = [
		...(isAuthority(caOld) ? [] : ["it is no CA"]),
		...(caOld.publicKeyHash === ca.publicKeyHash ? ["it has the key of OTA_CA_CERT"] : []),
		...(equalBytes(caOld.subject, ca.subject)
			? ["it has the name of OTA_CA_CERT, and verifiers find issuers by name"]
			: []),
		...(root === null || isIssued(caOld, root) ? [] : ["OTA_ROOT_CERT did not issue it"]),
	];
	return faults.map((why) => `OTA_CA_OLD_CERT: ${why}; it must be the issuing CA's before the rollover`);
}

const isAuthority = (certificate: X509): boolean => holds(() => certificate.basicConstraints.ca);

const isIssued = (certificate: X509, issuer: X509): boolean =>
	holds(() => equalBytes(certificate.issuer, issuer.subject) && certificate.isSignedBy(issuer.publicKey));

/** What cannot be read, or is of an algorithm that is none of ours, does not hold. */
function holds(read: () => boolean): boolean {
	try {
		return read();
	} catch (error) {
		if (asOtaError(error).code === "internal") throw error;
		return false;
	}
}

function raBefore({ ca, caOld, raOld }: Generations): string[] {
	if (raOld === null) return [];
	const issuers = [ca, ...(caOld ? [caOld] : [])];
	return issuers.some((issuer) => isIssued(raOld, issuer))
		? []
		: ["OTA_RA_OLD_CERT: neither OTA_CA_CERT nor OTA_CA_OLD_CERT issued it; it must be the RA's before the rotation"];
}

function announcement({ ca, nextCa }: Generations): string[] {
	const fault = nextCa && nextCaFault(nextCa, ca);
	return fault ? [`OTA_CA_NEXT: ${fault}; take it away once the switch is made`] : [];
}
