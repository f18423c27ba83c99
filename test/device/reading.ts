/**
 * How a device reads what it is sent. `carefulReading` has asn1js, PKI.js and plist read all of it as well and demands
 * that they see the same; `quickReading` is for devices by the thousand: it reads once and remembers what comes again byte for byte.
 * Both judge by the same checks.
 */
import { isDeepStrictEqual } from "node:util";
import * as asn1js from "asn1js";
import { BasicConstraints, Certificate } from "pkijs";
import { type PlistValue, parse } from "plist";
import { type CertificateFields, isIssuedBy, readCertificate } from "./certificate.ts";
import { type BerParser, type Element, parseBer } from "./der-reader.ts";
import { ensure } from "./errors.ts";
import { oids } from "./oids.ts";
import { readPropertyList } from "./property-list.ts";

/** The parsers that everything else is built on, and the one judgement that costs a signature's verification. */
export interface Reading {
	parse: BerParser;
	/** An XML property list. Throws when it is not one. */
	propertyList(text: string): PlistValue;
	/** Throws when it is not a certificate. */
	certificate(der: Uint8Array): CertificateFields;
	/** True when `issuer` is a CA that signed `certificate`. */
	isIssuedBy(certificate: CertificateFields, issuer: CertificateFields): boolean;
}

/** Every message, certificate and property list read twice, by our own reader and by asn1js, PKI.js or plist. */
export const carefulReading: Reading = {
	parse(bytes, step) {
		const element = parseBer(bytes, step);
		const copy = new Uint8Array(bytes);
		const { offset, result } = asn1js.fromBER(copy);
		ensure(offset === copy.length && isSameTree(element, result), step, "asn1js reads the message differently.");
		return element;
	},
	propertyList(text) {
		const value = readPropertyList(text);
		if (!isDeepStrictEqual(value, parse(text))) throw new Error("plist reads the property list differently");
		return value;
	},
	certificate(der) {
		const fields = readCertificate(der);
		ensure(isSameCertificate(fields, der), "certificate", "PKI.js reads the certificate differently.");
		return fields;
	},
	isIssuedBy,
};

function isSameTree(element: Element, other: asn1js.AsnType): boolean {
	if (!Buffer.from(element.raw).equals(other.valueBeforeDecodeView)) return false;
	if (!(other instanceof asn1js.Constructed)) return element.members === null || isSegmented(element, other);
	const others = other.valueBlock.value as asn1js.AsnType[];
	const { members } = element;
	return members?.length === others.length && members.every((one, at) => isSameTree(one, others[at] as asn1js.AsnType));
}

/** A constructed string is not Constructed to asn1js; it puts its segments together. */
function isSegmented(element: Element, other: asn1js.AsnType): boolean {
	if (!(other instanceof asn1js.OctetString)) return false;
	const segments = Buffer.concat((element.members ?? []).map((one) => one.content));
	return segments.equals(new Uint8Array(other.getValue()));
}

function isSameCertificate(fields: CertificateFields, der: Uint8Array): boolean {
	const other = Certificate.fromBER(new Uint8Array(der));
	const readExtension = (type: string): unknown => other.extensions?.find(({ extnID }) => extnID === type)?.parsedValue;
	const usage = readExtension(oids.keyUsage) as asn1js.BitString | undefined;
	const constraints = readExtension(oids.basicConstraints);
	const bits = usage && [...usage.valueBlock.valueHexView].flatMap((octet, at) => bitsOf(octet, at * 8));
	const same = (ours: Uint8Array, theirs: ArrayBuffer): boolean => Buffer.from(ours).equals(new Uint8Array(theirs));
	return (
		same(fields.issuer, other.issuer.toSchema().toBER()) &&
		same(fields.subject, other.subject.toSchema().toBER()) &&
		same(fields.serialNumber, other.serialNumber.toBER()) &&
		same(fields.publicKeyInfo, other.subjectPublicKeyInfo.toSchema().toBER()) &&
		[...(fields.keyUsage ?? ["none"])].join() === (bits ?? ["none"]).join() &&
		fields.ca === (constraints instanceof BasicConstraints && constraints.cA)
	);
}

function bitsOf(octet: number, first: number): number[] {
	return [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => octet & (0x80 >> bit)).map((bit) => first + bit);
}

/** Certificates remembered: more than one server shows, fewer than would be noticed in memory. */
const remembered = 64;

/** Our own reader alone, with a memory of its own for certificates and for who issued whom. */
export function quickReading(): Reading {
	const certificates = new Map<string, CertificateFields>();
	const judged = new WeakMap<CertificateFields, WeakMap<CertificateFields, boolean>>();
	return {
		parse: parseBer,
		propertyList: readPropertyList,
		certificate(der) {
			const key = Buffer.from(der.buffer, der.byteOffset, der.length).toString("latin1");
			const known = certificates.get(key);
			const fields = known ?? readCertificate(new Uint8Array(der));
			// The last seen is the last to be forgotten.
			if (known) certificates.delete(key);
			certificates.set(key, fields);
			if (certificates.size > remembered) certificates.delete(certificates.keys().next().value ?? "");
			return fields;
		},
		isIssuedBy(certificate, issuer) {
			const issuers = judged.get(certificate) ?? new WeakMap<CertificateFields, boolean>();
			const answer = issuers.get(issuer) ?? isIssuedBy(certificate, issuer);
			judged.set(certificate, issuers.set(issuer, answer));
			return answer;
		},
	};
}
