/**
 * Reads a CertificateList strictly from DER (RFC 5280 section 5.1). What is critical and not kept here is refused, of the
 * list and of an entry; lists that are partial or of several issuers are refused however that is marked.
 */
import { type Algorithm, readAlgorithm } from "../cms/algorithms.ts";
import {
	type Extension,
	readAuthorityKeyIdentifier,
	readExtensions,
	readWrappedExtensions,
} from "../cms/certificate.ts";
import { oids } from "../der/oids.ts";
import { context, type Element, type Fields, malformed, readDer, sequence, tag } from "../der/reader.ts";
import { bitStringOctets, enumerated, equalBytes, smallInteger, time, unsignedHex } from "../der/values.ts";
import type { RevokedEntry } from "../ports.ts";

export interface CertificateList {
	der: Uint8Array;
	/** The TBSCertList, what is signed. */
	tbs: Uint8Array;
	algorithm: Algorithm;
	signature: Uint8Array;
	/** DER of the name: compare as bytes. */
	issuer: Uint8Array;
	thisUpdate: Date;
	/** Null: the list does not say. */
	nextUpdate: Date | null;
	/** keyIdentifier of authorityKeyIdentifier, hex. */
	authorityKeyIdentifier: string | null;
	/** cRLNumber, hex without leading zero octets. */
	number: string | null;
	/** By serial number (hex, without leading zero octets), in the list's order. */
	revoked: ReadonlyMap<string, RevokedEntry>;
	isRevoked(serialNumber: string): boolean;
}

/** 2 MiB of list, some 40,000 entries: one with its reason has eight elements in some fifty octets. */
const limits = { maxBytes: 2 * 1024 * 1024, maxElements: 340 * 1024 };

export function readCertificateList(der: Uint8Array): CertificateList {
	const root = readDer(der, limits);
	const outer = sequence(root, "CertificateList");
	const tbs = outer.take(tag.sequence);
	const algorithm = outer.take(tag.sequence);
	const signature = bitStringOctets(outer.take(tag.bitString));
	outer.end();
	const fields = readTbsCertList(tbs);
	if (!equalBytes(fields.algorithm, algorithm.raw)) throw malformed("CertificateList: two signature algorithms");
	return {
		...fields,
		der: root.raw,
		tbs: tbs.raw,
		algorithm: readAlgorithm(algorithm, "CertificateList"),
		signature,
		isRevoked: (serialNumber) => fields.revoked.has(serialNumber),
	};
}

function readTbsCertList(tbs: Element) {
	const fields = sequence(tbs, "TBSCertList");
	const isVersion2 = readVersion(fields.optional(tag.integer));
	const algorithm = fields.take(tag.sequence).raw;
	const issuer = fields.take(tag.sequence).raw;
	const thisUpdate = time(fields.take());
	const nextUpdate = optionalTime(fields);
	const revoked = readEntries(fields.optional(tag.sequence), isVersion2);
	const wrapper = fields.optional(context(0));
	fields.end();
	if (wrapper && !isVersion2) throw malformed("TBSCertList: version does not fit");
	if (nextUpdate && nextUpdate <= thisUpdate) throw malformed("TBSCertList: it is valid for no time");
	const extensions: ReadonlyMap<string, Extension> = wrapper ? readWrappedExtensions(wrapper) : new Map();
	return { algorithm, issuer, thisUpdate, nextUpdate, revoked, ...readListExtensions(extensions) };
}

/** Version 1 is the default, and written by its absence. */
function readVersion(version: Element | null): boolean {
	if (version && smallInteger(version) !== 1) throw malformed("TBSCertList: its version is not 2");
	return version !== null;
}

function optionalTime(fields: Fields): Date | null {
	const element = fields.optional(tag.utcTime) ?? fields.optional(tag.generalizedTime);
	return element && time(element);
}

const kept: ReadonlySet<string> = new Set([oids.authorityKeyIdentifier, oids.cRLNumber]);
const partial: readonly string[] = [oids.issuingDistributionPoint, oids.deltaCRLIndicator];

function readListExtensions(extensions: ReadonlyMap<string, Extension>) {
	for (const [id, { critical }] of extensions) {
		if (partial.includes(id)) throw malformed(`TBSCertList: partial lists are not read here: ${id}`);
		if (critical && !kept.has(id)) throw malformed(`TBSCertList: unknown critical extension ${id}`);
	}
	const number = extensions.get(oids.cRLNumber);
	return {
		authorityKeyIdentifier: readAuthorityKeyIdentifier(extensions),
		number: number ? unsignedHex(readDer(number.value)) : null,
	};
}

function readEntries(list: Element | null, isVersion2: boolean): ReadonlyMap<string, RevokedEntry> {
	if (list?.children.length === 0) throw malformed("revokedCertificates: an empty list is left out");
	const revoked = new Map<string, RevokedEntry>();
	for (const element of list?.children ?? []) {
		const entry = readEntry(element, isVersion2);
		if (revoked.has(entry.serialNumber)) throw malformed("revokedCertificates: a serial number twice");
		revoked.set(entry.serialNumber, entry);
	}
	return revoked;
}

function readEntry(element: Element, isVersion2: boolean): RevokedEntry {
	const fields = sequence(element, "revokedCertificate");
	const serialNumber = unsignedHex(fields.take(tag.integer));
	const revokedAt = time(fields.take());
	const extensions = fields.optional(tag.sequence);
	fields.end();
	if (extensions && !isVersion2) throw malformed("revokedCertificate: version does not fit");
	return { serialNumber, revokedAt, reason: extensions && readReason(readExtensions(extensions)) };
}

function readReason(extensions: ReadonlyMap<string, Extension>): number | null {
	for (const [id, { critical }] of extensions) {
		if (id === oids.certificateIssuer) throw malformed("revokedCertificate: of another issuer");
		if (critical && id !== oids.reasonCode) throw malformed(`revokedCertificate: unknown critical extension ${id}`);
	}
	const extension = extensions.get(oids.reasonCode);
	if (!extension) return null;
	const reason = enumerated(readDer(extension.value));
	// removeFromCRL (8) is of delta lists alone (section 5.3.1).
	if (reason > 10 || reason === 7 || reason === 8) throw malformed(`revokedCertificate: CRLReason ${reason}`);
	return reason;
}
