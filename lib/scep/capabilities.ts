/** GetCACaps and GetCACert (RFC 8894 sections 3.5 and 4.2): what Apple's client reads to the letter. */
import type { X509 } from "../cms/certificate.ts";
import { certificatesOnly } from "../cms/sign.ts";

/** What is not there in every installation. */
export interface Abilities {
	/** 3DES and SHA-1. */
	legacyScep: boolean;
	/** The answer of GetNextCACert. */
	nextCa: Uint8Array | null;
}

/** One a line, LF-ended, no blanks: iOS compares each exactly. strongSwan takes AES only when it sees SHA-384. */
export function capabilities({ legacyScep, nextCa }: Abilities): string {
	const all = [
		"AES",
		...(legacyScep ? ["DES3", "SHA-1"] : []),
		"SHA-256",
		"SHA-384",
		"SHA-512",
		"POSTPKIOperation",
		"Renewal",
		...(nextCa ? ["GetNextCACert"] : []),
		"SCEPStandard",
	];
	return all.map((item) => `${item}\n`).join("");
}

/** RA first, then issuing CA, then root: the first with digitalSignature and keyEncipherment is taken as the RA. */
export const caCertificates = (ra: X509, ca: X509, root: X509): Uint8Array => certificatesOnly([ra, ca, root]);
