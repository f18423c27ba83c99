/**
 * A TBSCertificate (RFC 5280 section 4.1) taken apart once for all lints. Where a lint has a name for a fault, the fault is
 * kept; everything else that does not belong there cannot be read.
 */
import type { X509 } from "../cms/certificate.ts";
import { oids } from "../der/oids.ts";
import { context, type Element, Fields, malformed, readDer, sequence, tag } from "../der/reader.ts";
import { boolean, oid, smallInteger, text, time } from "../der/values.ts";

export interface Lint {
	/** As zlint names it, after the fault; `ota_` begins those of our own profile. */
	name: string;
	citation: string;
	/** True: the certificate does not have the fault. */
	check: (tbs: Judged, ca: X509) => boolean;
}

export interface JudgedAttribute {
	type: string;
	tag: number;
	/** Null when its octets are no text of its type. */
	text: string | null;
	/** Of its content. */
	octets: number;
}
export interface JudgedExtension {
	critical: boolean;
	value: Element;
}
export interface JudgedKey {
	/** DER of the AlgorithmIdentifier. */
	algorithm: Uint8Array;
	/** Content octets of RSAPublicKey's INTEGERs; null when the key is no RSA key. */
	rsa: { modulus: Uint8Array; exponent: Uint8Array } | null;
}

export interface Judged {
	/** 0 is version 1. */
	version: number;
	/** Content octets. */
	serialNumber: Uint8Array;
	/** DER. */
	signatureAlgorithm: Uint8Array;
	issuer: Uint8Array;
	subject: Uint8Array;
	publicKeyInfo: Uint8Array;
	/** Content of notBefore and notAfter as text, with their tags. */
	times: readonly { tag: number; text: string }[];
	/** Milliseconds; NaN for a time that is none. */
	begins: number;
	ends: number;
	/** How many attributes each RelativeDistinguishedName of the subject has; null when it is no Name. */
	relativeNames: readonly number[] | null;
	/** All of them in order. */
	attributes: readonly JudgedAttribute[];
	key: JudgedKey;
	hasUniqueIdentifiers: boolean;
	extensions: ReadonlyMap<string, JudgedExtension>;
	hasExtensionTwice: boolean;
	/** cA and pathLenConstraint. */
	isCa: boolean;
	pathLength: Uint8Array | null;
	/** KeyUsage: content of its BIT STRING, and the numbers of the bits that are set. */
	keyUsage: { unused: number; octets: Uint8Array; bits: readonly number[] } | null;
	purposes: readonly string[] | null;
	/** AuthorityKeyIdentifier's fields. */
	authorityKey: readonly Element[] | null;
	/** subjectAltName: GeneralNames. */
	alternatives: readonly Element[] | null;
	/** dNSNames of it. */
	hosts: readonly string[];
	distributionPoints: readonly Element[] | null;
	accesses: readonly Element[] | null;
}

/** `malformed` where no lint has a word for the fault. */
export function readJudged(der: Uint8Array): Judged {
	const fields = takeFields(der);
	const { times, subject, publicKeyInfo, unique, wrapper } = fields;
	const { extensions, hasExtensionTwice } = readExtensions(wrapper);
	const { relativeNames, attributes } = readSubject(subject);
	const value = (id: string): Element | null => extensions.get(id)?.value ?? null;
	const { isCa, pathLength } = readConstraints(value(oids.basicConstraints));
	const usage = value(oids.keyUsage);
	const alternatives = listOf(value(oids.subjectAltName));
	// Written out: spreading four objects into one takes longer than all else that is done here.
	return {
		version: fields.version,
		serialNumber: fields.serialNumber,
		signatureAlgorithm: fields.signatureAlgorithm,
		issuer: fields.issuer,
		subject: subject.raw,
		publicKeyInfo: publicKeyInfo.raw,
		times: times.map((element) => ({ tag: element.tag, text: latin1(element.content) })),
		begins: milliseconds(times[0]),
		ends: milliseconds(times[1]),
		relativeNames,
		attributes,
		key: readKey(publicKeyInfo),
		hasUniqueIdentifiers: unique.some((element) => element !== null),
		extensions,
		hasExtensionTwice,
		isCa,
		pathLength,
		keyUsage: usage && readKeyUsage(usage),
		purposes: listOf(value(oids.extKeyUsage))?.map(oid) ?? null,
		authorityKey: listOf(value(oids.authorityKeyIdentifier)),
		alternatives,
		hosts: (alternatives ?? []).filter((name) => name.tag === dNSName).map((name) => latin1(name.content)),
		distributionPoints: listOf(value(oids.cRLDistributionPoints)),
		accesses: listOf(value(oids.authorityInfoAccess)),
	};
}

function takeFields(der: Uint8Array) {
	const fields = sequence(readDer(der), "TBSCertificate");
	const version = readVersion(fields.optional(context(0)));
	const serialNumber = fields.take(tag.integer).content;
	const signatureAlgorithm = fields.take(tag.sequence).raw;
	const issuer = fields.take(tag.sequence).raw;
	const validity = sequence(fields.take(), "Validity");
	const times = [validity.take(), validity.take()] as const;
	validity.end();
	const subject = fields.take();
	const publicKeyInfo = fields.take(tag.sequence);
	const unique = [fields.optional(context(1, false)), fields.optional(context(2, false))];
	const wrapper = fields.optional(context(3));
	fields.end();
	return { version, serialNumber, signatureAlgorithm, issuer, times, subject, publicKeyInfo, unique, wrapper };
}

export const latin1 = (octets: Uint8Array): string =>
	Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1");

function readVersion(wrapper: Element | null): number {
	if (wrapper === null) return 0;
	const fields = new Fields(wrapper, context(0), "TBSCertificate: version");
	const version = smallInteger(fields.take(tag.integer));
	fields.end();
	return version;
}

function milliseconds(element: Element): number {
	try {
		return time(element).getTime();
	} catch {
		return Number.NaN;
	}
}

function readSubject(subject: Element): Pick<Judged, "relativeNames" | "attributes"> {
	const isName =
		subject.tag === tag.sequence &&
		subject.children.every(
			({ tag: type, children }) =>
				type === tag.set && children.every((each) => each.tag === tag.sequence && each.children.length === 2),
		);
	if (!isName) return { relativeNames: null, attributes: [] };
	return {
		relativeNames: subject.children.map(({ children }) => children.length),
		attributes: subject.children.flatMap(({ children }) => children.map(readAttribute)),
	};
}

function readAttribute({ children }: Element): JudgedAttribute {
	const [type, value] = children as [Element, Element];
	const octets = value.contentEnd - value.contentStart;
	return { type: oid(type), tag: value.tag, text: textOrNull(value), octets };
}

function textOrNull(value: Element): string | null {
	try {
		return text(value);
	} catch {
		return null;
	}
}

function readKey(publicKeyInfo: Element): JudgedKey {
	const info = sequence(publicKeyInfo, "SubjectPublicKeyInfo");
	const algorithm = info.take(tag.sequence);
	const bits = info.take(tag.bitString).content;
	info.end();
	const [type] = algorithm.children;
	const isRsa = type?.tag === tag.oid && oid(type) === oids.rsaEncryption;
	return { algorithm: algorithm.raw, rsa: isRsa ? readRsa(bits.subarray(1)) : null };
}

function readRsa(key: Uint8Array): JudgedKey["rsa"] {
	if (key.length === 0) return null;
	const fields = sequence(readDer(key), "RSAPublicKey");
	const [modulus, exponent] = [fields.take(tag.integer).content, fields.take(tag.integer).content];
	fields.end();
	return { modulus, exponent };
}

function readExtensions(wrapper: Element | null): Pick<Judged, "extensions" | "hasExtensionTwice"> {
	const extensions = new Map<string, JudgedExtension>();
	if (wrapper === null) return { extensions, hasExtensionTwice: false };
	const [list, ...more] = wrapper.children;
	if (!list || more.length > 0) throw malformed("Extensions: unexpected form");
	const all = sequence(list, "Extensions");
	let count = 0;
	for (; !all.done; count++) {
		const fields = sequence(all.take(), "Extension");
		const id = oid(fields.take());
		const critical = fields.optional(tag.boolean);
		// X.690 section 11.5: DER leaves a default value out.
		if (critical !== null && !boolean(critical)) throw malformed("Extension: critical FALSE is left out");
		extensions.set(id, { critical: critical !== null, value: readDer(fields.take(tag.octetString).content) });
		fields.end();
	}
	if (count === 0) throw malformed("Extensions: none");
	return { extensions, hasExtensionTwice: extensions.size !== count };
}

/** GeneralName (RFC 5280 section 4.2.1.6), by their tags. */
export const rfc822Name: number = context(1, false);
export const dNSName: number = context(2, false);
export const uniformResourceIdentifier: number = context(6, false);

function listOf(element: Element | null): readonly Element[] | null {
	if (element === null) return null;
	if (element.tag !== tag.sequence) throw malformed("Extension: unexpected type");
	return element.children;
}

function readConstraints(element: Element | null): Pick<Judged, "isCa" | "pathLength"> {
	if (element === null) return { isCa: false, pathLength: null };
	const fields = sequence(element, "BasicConstraints");
	const ca = fields.optional(tag.boolean);
	const pathLength = fields.optional(tag.integer)?.content ?? null;
	fields.end();
	if (ca !== null && !boolean(ca)) throw malformed("BasicConstraints: cA FALSE is left out");
	return { isCa: ca !== null, pathLength };
}

function readKeyUsage(element: Element): NonNullable<Judged["keyUsage"]> {
	const [unused] = element.content;
	if (element.tag !== tag.bitString || unused === undefined || unused > 7) throw malformed("KeyUsage: unexpected form");
	const octets = element.content.subarray(1);
	const bits: number[] = [];
	for (let bit = 0; bit < octets.length * 8; bit++) {
		if ((octets[bit >> 3] as number) & (0x80 >> (bit & 7))) bits.push(bit);
	}
	return { unused, octets, bits };
}
