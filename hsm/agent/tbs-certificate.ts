/** A TBSCertificate (RFC 5280 section 4.1) as the CA role may sign it: what the template of lib/ca makes, and nothing else. */

import { oids } from "../../lib/der/oids.ts";
import { context, type Element, Fields, malformed, readDer, sequence, tag } from "../../lib/der/reader.ts";
import {
	bitStringOctets,
	boolean,
	equalBytes,
	namedBits,
	octets,
	oid,
	smallInteger,
	time,
	unsignedHex,
} from "../../lib/der/values.ts";
import { algorithmIdentifier, nullValue } from "../../lib/der/writer.ts";
import { comparableName, isPlainName } from "./comparable-name.ts";
import type { Faults, Issuer } from "./issuer.ts";

const minute = 60_000;
const day = 24 * 60 * minute;
const longest = 398 * day;
/** Backdating for devices whose clock is behind, a challenge's life between reserving and signing, two clocks: an hour holds all. */
const leeway = 60 * minute;

/** Between this machine's clock and a web process'. */
const clockSkew = 5 * minute;

const keyUsageBit = { digitalSignature: 0, keyEncipherment: 2 } as const;
const purposes: ReadonlySet<string> = new Set([oids.clientAuth, oids.emailProtection]);
const crlDistributionPoints = "2.5.29.31";
const authorityInfoAccess = "1.3.6.1.5.5.7.1.1";
/** RFC 6962 section 3.1: critical, and nobody may accept it. */
const poison = "1.3.6.1.4.1.11129.2.4.3";

/** Extension, whether it is critical, whether it must be there. */
const known = new Map<string, { isCritical: boolean; isRequired: boolean }>([
	[oids.basicConstraints, { isCritical: true, isRequired: true }],
	[oids.keyUsage, { isCritical: true, isRequired: true }],
	[oids.extKeyUsage, { isCritical: false, isRequired: true }],
	[oids.subjectKeyIdentifier, { isCritical: false, isRequired: true }],
	[oids.authorityKeyIdentifier, { isCritical: false, isRequired: false }],
	[oids.subjectAltName, { isCritical: false, isRequired: false }],
	[crlDistributionPoints, { isCritical: false, isRequired: false }],
	[authorityInfoAccess, { isCritical: false, isRequired: false }],
]);

export interface TbsCertificate {
	/** DER. */
	algorithm: Uint8Array;
	issuer: Uint8Array;
	serialNumber: string;
	notBefore: Date;
	notAfter: Date;
	subject: Element;
	publicKeyInfo: Element;
	extensions: Extensions;
}
export type Extensions = ReadonlyMap<string, { isCritical: boolean; value: Uint8Array }>;

export function readTbsCertificate(root: Element): TbsCertificate {
	const fields = sequence(root, "TBSCertificate");
	const version = new Fields(fields.take(context(0)), context(0), "TBSCertificate: version");
	if (smallInteger(version.take()) !== 2) throw malformed("TBSCertificate: its version is not 3");
	version.end();
	const serial = fields.take(tag.integer);
	if (serial.content.length > 20) throw malformed("TBSCertificate: a serial number of more than 20 octets");
	const serialNumber = unsignedHex(serial);
	const algorithm = fields.take(tag.sequence).raw;
	const issuer = fields.take(tag.sequence).raw;
	const validity = sequence(fields.take(), "Validity");
	const [notBefore, notAfter] = [time(validity.take()), time(validity.take())];
	validity.end();
	const subject = fields.take(tag.sequence);
	const publicKeyInfo = fields.take(tag.sequence);
	const wrapper = fields.optional(context(3));
	fields.end();
	const extensions: Extensions = wrapper ? readExtensions(wrapper) : new Map();
	return { algorithm, issuer, serialNumber, notBefore, notAfter, subject, publicKeyInfo, extensions };
}

/** Inside their explicit tag; one of each OID (RFC 5280 section 4.2). */
export function readExtensions(wrapper: Element): Extensions {
	const [list, ...more] = wrapper.children;
	if (!list || more.length > 0 || list.tag !== tag.sequence || list.children.length === 0)
		throw malformed("Extensions: unexpected form");
	const extensions = new Map<string, { isCritical: boolean; value: Uint8Array }>();
	for (const element of list.children) {
		const fields = sequence(element, "Extension");
		const id = oid(fields.take());
		const critical = fields.optional(tag.boolean);
		if (critical && !boolean(critical)) throw malformed("Extension: critical FALSE is left out");
		if (extensions.has(id)) throw malformed(`Extensions: ${id} twice`);
		extensions.set(id, { isCritical: critical !== null, value: octets(fields.take(tag.octetString)) });
		fields.end();
	}
	return extensions;
}

/** Of the CA's own certificate, as far as it matters here. */
export function issuerFields(tbs: Element) {
	const { subject, publicKeyInfo, notAfter, extensions } = readTbsCertificate(tbs);
	const identifier = extensions.get(oids.subjectKeyIdentifier);
	const subjectKeyIdentifier = identifier ? octets(readDer(identifier.value)) : null;
	return { subject, publicKeyInfo: publicKeyInfo.raw, notAfter, subjectKeyIdentifier };
}

export function certificateFaults(read: TbsCertificate, issuer: Issuer, now: Date): Faults {
	const { serialNumber, subject, publicKeyInfo, extensions } = read;
	const mark = extensions.get(poison);
	const isProof = extensions.size === 1 && mark?.isCritical === true && equalBytes(mark.value, nullValue());
	return {
		"its serial number is not of 8 octets and more": serialNumber.length < 16,
		"its subject is not a plain name": !isPlainName(subject),
		"its subject is the CA": comparableName(subject) === issuer.comparableName,
		"its key is the CA's": equalBytes(publicKeyInfo.raw, issuer.publicKeyInfo),
		...(isProof ? proofFaults(read, now) : { ...deviceFaults(read, issuer, now), ...extensionFaults(read, issuer) }),
	};
}

/** Somebody asks whether the key is there (lib/ca/key-proof.ts): a certificate that is over and that nobody may accept. */
const proofFaults = ({ notAfter }: TbsCertificate, now: Date): Faults => ({
	"a key's proof is not over": notAfter.getTime() > now.getTime() + clockSkew,
});

const deviceFaults = ({ notBefore, notAfter, publicKeyInfo }: TbsCertificate, issuer: Issuer, now: Date): Faults => ({
	"it does not begin within an hour of now": Math.abs(notBefore.getTime() - now.getTime()) > leeway,
	"it is valid for no time, or for more than 398 days":
		notAfter <= notBefore || notAfter.getTime() - notBefore.getTime() > longest,
	"it outlives the CA": notAfter > issuer.notAfter,
	"its key is not RSA of 2048 to 4096 bits": !isDeviceKey(publicKeyInfo),
});

/** RFC 3279 section 2.3.1: one spelling for one key. */
const rsaAlgorithm: Uint8Array = algorithmIdentifier(oids.rsaEncryption, nullValue());

function isDeviceKey(publicKeyInfo: Element): boolean {
	const info = sequence(publicKeyInfo, "SubjectPublicKeyInfo");
	const isRsa = equalBytes(info.take().raw, rsaAlgorithm);
	const key = bitStringOctets(info.take());
	info.end();
	if (!isRsa) return false;
	const fields = sequence(readDer(key), "RSAPublicKey");
	const [modulus, exponent] = [unsignedHex(fields.take()), unsignedHex(fields.take())];
	fields.end();
	const isWhole = /^[89a-f]/.test(modulus) && /[13579bdf]$/.test(modulus);
	return isWhole && modulus.length >= 512 && modulus.length <= 1024 && exponent === "010001";
}

function extensionFaults({ extensions }: TbsCertificate, issuer: Issuer): Faults {
	const faults: Faults = {};
	for (const [id, { isCritical }] of extensions) {
		const expected = known.get(id);
		faults[`extension ${id} is none that it may have`] = expected === undefined;
		faults[`extension ${id} is ${isCritical ? "" : "not "}critical`] =
			expected !== undefined && expected.isCritical !== isCritical;
	}
	for (const [id, { isRequired }] of known) faults[`extension ${id} is missing`] = isRequired && !extensions.has(id);
	return { ...faults, ...valueFaults(extensions, issuer) };
}

function valueFaults(extensions: Extensions, issuer: Issuer): Faults {
	const read = (id: string): Element | null => {
		const extension = extensions.get(id);
		return extension ? readDer(extension.value) : null;
	};
	const constraints = read(oids.basicConstraints);
	const usage = read(oids.keyUsage);
	const extended = read(oids.extKeyUsage);
	const subjectKey = read(oids.subjectKeyIdentifier);
	return {
		"basicConstraints is more than cA FALSE":
			constraints !== null && (constraints.tag !== tag.sequence || constraints.children.length > 0),
		"keyUsage is not of digitalSignature and keyEncipherment": usage !== null && !isDeviceUsage(namedBits(usage)),
		"extKeyUsage is not clientAuth or emailProtection": extended !== null && !isDevicePurpose(extended),
		"subjectKeyIdentifier is empty": subjectKey !== null && octets(subjectKey).length === 0,
		"authorityKeyIdentifier is not the CA's": !isIssuersKey(read(oids.authorityKeyIdentifier), issuer),
		"subjectAltName is not of e-mail and DNS names": !areDeviceNames(read(oids.subjectAltName)),
		"cRLDistributionPoints is not one web address": !isDistributionPoint(read(crlDistributionPoints)),
		"authorityInfoAccess is not of web addresses": !areAccessDescriptions(read(authorityInfoAccess)),
	};
}

function isDeviceUsage(bits: ReadonlySet<number>): boolean {
	const allowed: readonly number[] = Object.values(keyUsageBit);
	return bits.size > 0 && [...bits].every((bit) => allowed.includes(bit));
}

/** One, so that no combination is more than its parts. */
function isDevicePurpose(element: Element): boolean {
	const [purpose, ...more] = element.children;
	return element.tag === tag.sequence && more.length === 0 && purpose !== undefined && purposes.has(oid(purpose));
}

/** The key's identifier alone, as the CA's certificate has it; none where that has none (RFC 5280 section 4.2.1.1). */
export function isIssuersKey(element: Element | null, { subjectKeyIdentifier }: Issuer): boolean {
	if (element === null || subjectKeyIdentifier === null) return element === null && subjectKeyIdentifier === null;
	const [identifier, ...more] = element.children;
	if (element.tag !== tag.sequence || more.length > 0 || identifier?.tag !== context(0, false)) return false;
	return equalBytes(identifier.content, subjectKeyIdentifier);
}

/** rfc822Name [1] and dNSName [2] (RFC 5280 section 4.2.1.6). */
function areDeviceNames(element: Element | null): boolean {
	if (element === null) return true;
	const names = element.children;
	const allowed = [context(1, false), context(2, false)];
	return (
		element.tag === tag.sequence &&
		names.length > 0 &&
		names.every((name) => allowed.includes(name.tag) && isPlain(name.content))
	);
}

/** IA5 without controls and blanks. */
const isPlain = (content: Uint8Array): boolean =>
	content.length > 0 && content.every((octet) => octet > 0x20 && octet < 0x7f);

/** uniformResourceIdentifier [6]. */
function isWebAddress(element: Element | undefined): boolean {
	if (element?.tag !== context(6, false) || !isPlain(element.content)) return false;
	return /^https?:\/\//.test(Buffer.from(element.content).toString("latin1"));
}

/** One point, its fullName one address, and neither reasons nor another issuer (RFC 5280 section 4.2.1.13). */
function isDistributionPoint(element: Element | null): boolean {
	if (element === null) return true;
	const [point, ...points] = element.children;
	const [name, ...parts] = point?.children ?? [];
	const [full, ...forms] = name?.children ?? [];
	const [address, ...addresses] = full?.children ?? [];
	const single = [points, parts, forms, addresses].every((others) => others.length === 0);
	const tags = [element.tag, point?.tag, name?.tag, full?.tag];
	const expected = [tag.sequence, tag.sequence, context(0), context(0)];
	return single && tags.every((one, index) => one === expected[index]) && isWebAddress(address);
}

/** id-ad-ocsp (RFC 5280 section 4.2.2.1). */
function areAccessDescriptions(element: Element | null): boolean {
	if (element === null) return true;
	const isOne = ({ tag: type, children: [method, location, ...more] }: Element): boolean =>
		type === tag.sequence &&
		more.length === 0 &&
		method?.tag === tag.oid &&
		oid(method) === ocsp &&
		isWebAddress(location);
	return element.tag === tag.sequence && element.children.length > 0 && element.children.every(isOne);
}
const ocsp = "1.3.6.1.5.5.7.48.1";
