/** A TBSCertList (RFC 5280 section 5.1) as the CA role may sign it: of this hour, for ten days at most, with a number. */

import { oids } from "../../lib/der/oids.ts";
import { context, type Element, malformed, readDer, sequence, tag } from "../../lib/der/reader.ts";
import { smallInteger, time, unsignedHex } from "../../lib/der/values.ts";
import type { Faults, Issuer } from "./issuer.ts";
import { type Extensions, isIssuersKey, readExtensions } from "./tbs-certificate.ts";

const hour = 3_600_000;
const longest = 10 * 24 * hour;
const cRLNumber = "2.5.29.20";
const enumerated = 0x0a;

export interface TbsCertList {
	/** DER. */
	algorithm: Uint8Array;
	issuer: Uint8Array;
	thisUpdate: Date;
	nextUpdate: Date;
	extensions: Extensions;
	/** Entries say a reason, or nothing, beside number and time. */
	areEntriesPlain: boolean;
}

/** Of version 2, with nextUpdate (section 5.1.2). */
export function readTbsCertList(root: Element): TbsCertList {
	const fields = sequence(root, "neither TBSCertificate of version 3 nor TBSCertList");
	if (smallInteger(fields.take(tag.integer)) !== 1) throw malformed("TBSCertList: its version is not 2");
	const algorithm = fields.take(tag.sequence).raw;
	const issuer = fields.take(tag.sequence).raw;
	const [thisUpdate, nextUpdate] = [time(fields.take()), time(fields.take())];
	const revoked = fields.optional(tag.sequence);
	if (revoked?.children.length === 0) throw malformed("revokedCertificates: an empty list is left out");
	const areEntriesPlain = (revoked?.children ?? []).every(isPlainEntry);
	const wrapper = fields.optional(context(0));
	fields.end();
	const extensions: Extensions = wrapper ? readExtensions(wrapper) : new Map();
	return { algorithm, issuer, thisUpdate, nextUpdate, extensions, areEntriesPlain };
}

function isPlainEntry(entry: Element): boolean {
	const fields = sequence(entry, "revokedCertificate");
	unsignedHex(fields.take(tag.integer));
	time(fields.take());
	const extensions = fields.optional(tag.sequence);
	fields.end();
	if (extensions === null) return true;
	const [reason, ...more] = extensions.children;
	return more.length === 0 && reason !== undefined && isReason(reason);
}

/** Not critical; nothing comes off a list of ours, so removeFromCRL (8) is none. */
function isReason(element: Element): boolean {
	const [id, value, ...more] = element.children;
	if (more.length > 0 || id?.tag !== tag.oid || value?.tag !== tag.octetString) return false;
	const reason = readDer(value.content);
	const [code = 0, ...rest] = reason.content;
	const isKnown = code >= 1 && code <= 10 && code !== 7 && code !== 8;
	return Buffer.from(id.content).equals(reasonCodeOctets) && reason.tag === enumerated && rest.length === 0 && isKnown;
}
/** Content of the OID reasonCode, 2.5.29.21: compared ten thousand times a list. */
const reasonCodeOctets = Buffer.from("551d15", "hex");

const isNumber = (element: Element): boolean => element.content.length <= 20 && unsignedHex(element) !== "";

export function listFaults(read: TbsCertList, issuer: Issuer, now: Date): Faults {
	const { thisUpdate, nextUpdate, extensions, areEntriesPlain } = read;
	const number = extensions.get(cRLNumber);
	const authority = extensions.get(oids.authorityKeyIdentifier);
	const expected = issuer.subjectKeyIdentifier === null ? 1 : 2;
	return {
		"it is not of this hour": Math.abs(thisUpdate.getTime() - now.getTime()) > hour,
		"it is valid for no time, or for more than ten days":
			nextUpdate <= thisUpdate || nextUpdate.getTime() - thisUpdate.getTime() > longest,
		"it has no number of 1 to 20 octets": number === undefined || !isNumber(readDer(number.value)),
		"authorityKeyIdentifier is not the CA's": !isIssuersKey(authority ? readDer(authority.value) : null, issuer),
		"it has other extensions, or critical ones":
			extensions.size !== expected || [...extensions.values()].some(({ isCritical }) => isCritical),
		"an entry says more than a reason": !areEntriesPlain,
	};
}
