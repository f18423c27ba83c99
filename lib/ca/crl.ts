/** A revocation list of an issuing CA (RFC 5280 section 5): its TBSCertList, and the signature around it. */
import type { X509 } from "../cms/certificate.ts";
import { oids } from "../der/oids.ts";
import { tag } from "../der/reader.ts";
import {
	contextOf,
	contextPrimitive,
	enumerated,
	integer,
	objectIdentifier,
	octetString,
	sequenceOf,
	time,
	tlv,
} from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import type { RevokedEntry } from "../ports.ts";
import { type Sign, signedParts } from "./proven-signature.ts";
import { caSignatureAlgorithm } from "./template.ts";

export interface CertListRequest {
	ca: X509;
	/** In the order of the list, each serial number once. */
	entries: readonly RevokedEntry[];
	/** cRLNumber. */
	number: number;
	thisUpdate: Date;
	nextUpdate: Date;
}

const version2: Uint8Array = integer(1);

/** TBSCertList of version 2, its extensions authorityKeyIdentifier (of a CA that names its key) and cRLNumber. */
export function buildTbsCertList({ ca, entries, number, thisUpdate, nextUpdate }: CertListRequest): Uint8Array {
	if (nextUpdate <= thisUpdate) throw new OtaError("internal", "a revocation list that is valid for no time");
	if (!Number.isSafeInteger(number) || number < 0) throw new OtaError("internal", "cRLNumber is no number of a list");
	return sequenceOf(
		version2,
		caSignatureAlgorithm(ca),
		ca.subject,
		time(thisUpdate),
		time(nextUpdate),
		// An empty list is left out (section 5.1.2.6).
		...(entries.length > 0 ? [tlv(tag.sequence, writeEntries(entries))] : []),
		contextOf(0, sequenceOf(...extensions(ca, number))),
	);
}

function extensions(ca: X509, number: number): Uint8Array[] {
	const all = [sequenceOf(objectIdentifier(oids.cRLNumber), octetString(integer(number)))];
	if (ca.subjectKeyIdentifier !== null) {
		const identifier = contextPrimitive(0, Buffer.from(ca.subjectKeyIdentifier, "hex"));
		all.unshift(sequenceOf(objectIdentifier(oids.authorityKeyIdentifier), octetString(sequenceOf(identifier))));
	}
	return all;
}

/** Number, time, and the extensions with a reason: all lengths of one octet. */
const longestEntry = 2 + (2 + 21) + (2 + 15) + 14;

/** All entries into one buffer: ten thousand of them are written at once. */
function writeEntries(entries: readonly RevokedEntry[]): Uint8Array {
	const out = new Uint8Array(entries.length * longestEntry);
	let at = 0;
	for (const entry of entries) {
		const parts = [serialNumber(entry), time(entry.revokedAt), reasonExtensions(entry)];
		out[at] = tag.sequence;
		out[at + 1] = parts.reduce((length, part) => length + part.length, 0);
		at += 2;
		for (const part of parts) {
			out.set(part, at);
			at += part.length;
		}
	}
	return out.subarray(0, at);
}

/** Positive and of 20 octets at most (section 4.1.2.2). */
function serialNumber({ serialNumber: hex }: RevokedEntry): Uint8Array {
	if (!/^(?!0*$)(?:[0-9a-f]{2}){1,20}$/.test(hex)) throw new OtaError("internal", "a serial number that is none");
	return integer(Buffer.from(hex, "hex"));
}

/**
 * CRLReason (section 5.3.1) of what is final: removeFromCRL (8) takes back what nobody puts on hold here, 7 is not in use.
 * unspecified (0) is said by saying nothing.
 */
const reasons: ReadonlyMap<number | null, Uint8Array> = new Map(
	[1, 2, 3, 4, 5, 6, 9, 10].map((reason) => [
		reason,
		sequenceOf(sequenceOf(objectIdentifier(oids.reasonCode), octetString(enumerated(reason)))),
	]),
);
const nothing: Uint8Array = new Uint8Array(0);

function reasonExtensions({ reason }: RevokedEntry): Uint8Array {
	const written = reason === null || reason === 0 ? nothing : reasons.get(reason);
	if (written === undefined) throw new OtaError("internal", `CRLReason ${reason} is on no list`);
	return written;
}

/** The CertificateList (DER), its signature verified with the CA's public key; `hsm_unavailable` when the token signed wrongly. */
export async function signCertList(tbs: Uint8Array, ca: X509, sign: Sign): Promise<Uint8Array> {
	return sequenceOf(...(await signedParts(tbs, ca, sign)));
}
