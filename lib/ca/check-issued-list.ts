/** Judges the stored revocation list of an issuing CA (RFC 5280 section 5) against what the database says was revoked. */
import type { X509 } from "../cms/certificate.ts";
import { asOtaError } from "../errors.ts";
import type { RevocationList, RevokedEntry } from "../ports.ts";
import { type CertificateList, readCertificateList } from "./crl-reading.ts";
import { verifyCertificateList } from "./crl-verify.ts";

/** Milliseconds by which the clocks of those who revoke and those who make lists may differ. */
const tolerance = 60_000;

export interface ListJudgement {
	faults: string[];
	/** Certificates that are on the list and were not given as revoked. */
	unknown: string[];
	/** How many were revoked since the list was made; the next one will have them. */
	later: number;
}

/** `revoked`: every certificate of this issuer that has revokedAt and ends after the list was made. */
export function judgeList(stored: RevocationList, issuer: X509, revoked: readonly RevokedEntry[]): ListJudgement {
	try {
		const list = readCertificateList(stored.der);
		// It is judged at its own time: the next one is made when somebody asks for it.
		verifyCertificateList(list, issuer, list.thisUpdate);
		return judgeEntries(list, stored, revoked);
	} catch (cause) {
		return { faults: [`does not verify: ${asOtaError(cause).message}`], unknown: [], later: 0 };
	}
}

function judgeEntries(list: CertificateList, stored: RevocationList, revoked: readonly RevokedEntry[]): ListJudgement {
	const faults = rowFaults(list, stored);
	let later = 0;
	for (const { serialNumber, revokedAt, reason } of revoked) {
		const entry = list.revoked.get(serialNumber);
		if (!entry) {
			if (revokedAt.getTime() > stored.thisUpdate.getTime() - tolerance) later++;
			else faults.push(`lacks ${serialNumber}, revoked at ${revokedAt.toISOString()}`);
			continue;
		}
		if (seconds(entry.revokedAt) !== seconds(revokedAt)) faults.push(`has another date for ${serialNumber}`);
		if ((entry.reason ?? 0) !== (reason ?? 0)) faults.push(`has another reason for ${serialNumber}`);
	}
	const known = new Set(revoked.map(({ serialNumber }) => serialNumber));
	return { faults, unknown: [...list.revoked.keys()].filter((serialNumber) => !known.has(serialNumber)), later };
}

/** The row says what the list says. */
function rowFaults(list: CertificateList, { number, thisUpdate, nextUpdate }: RevocationList): string[] {
	const faults: string[] = [];
	if (list.number === null || BigInt(`0x${list.number}`) !== BigInt(number)) faults.push("has another number");
	if (seconds(list.thisUpdate) !== seconds(thisUpdate)) faults.push("has another thisUpdate");
	if (list.nextUpdate === null || seconds(list.nextUpdate) !== seconds(nextUpdate))
		faults.push("has another nextUpdate");
	return faults;
}

const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);
