/**
 * What the CA role signs: certificates of end entities and revocation lists, of its own name, in strict DER (RFC 5280 sections
 * 4.1 and 5.1). Whoever takes over a web process can have certificates made, and never a CA, a revocation authority or a
 * signature over bytes of their choice.
 */

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
import { asOtaError, OtaError } from "../../lib/errors.ts";
import type { HashName } from "../../lib/ports.ts";

/** The CA as its certificate has it. */
export interface Issuer {
	/** DER of its subject. */
	name: Uint8Array;
	publicKeyInfo: Uint8Array;
	isRsa: boolean;
}

const longest = 825 * 86_400_000;
/** 256 KiB of list; an entry with its reason has eight elements in some fifty octets. */
const limits = { maxBytes: 256 * 1024, maxElements: 48 * 1024 };
const keyUsageBit = { keyCertSign: 5, cRLSign: 6 } as const;
/** Its bits make a CA for old verifiers. */
const netscapeCertType = "2.16.840.1.113730.1.1";
const ocspSigning = "1.3.6.1.5.5.7.3.9";
const anyExtendedKeyUsage = "2.5.29.37.0";

/** Of the DER of the CA's certificate; `config` when it cannot be read. */
export function readIssuer(certificate: Uint8Array): Issuer {
	try {
		const fields = sequence(readDer(certificate), "Certificate");
		const { subject, publicKeyInfo } = readTbsCertificate(fields.take(tag.sequence));
		const algorithm = sequence(sequence(readDer(publicKeyInfo), "SubjectPublicKeyInfo").take(), "AlgorithmIdentifier");
		return { name: subject, publicKeyInfo, isRsa: oid(algorithm.take()) === oids.rsaEncryption };
	} catch (cause) {
		throw new OtaError("config", "ca: its certificate is not a DER certificate", { cause });
	}
}

/** `hsm_refused`, naming what is wrong, for anything but a TBSCertificate or TBSCertList as the CA may sign it. */
export function checkToBeSigned(message: Uint8Array, hash: HashName, issuer: Issuer | null, now: Date): void {
	if (!issuer) throw refused("this agent does not know the CA's certificate");
	const faults = judged(message, hash, issuer, now);
	const failed = Object.keys(faults).filter((name) => faults[name]);
	if (failed.length > 0) throw refused(failed.join("; "));
}

const refused = (what: string, cause?: unknown): OtaError =>
	new OtaError("hsm_refused", `role ca does not sign this: ${what}`, { cause });

type Faults = Record<string, boolean>;

function judged(message: Uint8Array, hash: HashName, issuer: Issuer, now: Date): Faults {
	try {
		const root = readDer(message, limits);
		// A certificate of version 3 begins with [0], a list with an INTEGER.
		const certificate = root.children[0]?.tag === context(0) ? readTbsCertificate(root) : null;
		const read = certificate ?? readTbsCertList(root);
		const faults = {
			"its signature algorithm is not the CA's, or not of the hash": !equalBytes(
				read.algorithm,
				algorithmOf(issuer, hash),
			),
			"its issuer is not the CA": !equalBytes(read.issuer, issuer.name),
			"it is valid for no time, or for more than 825 days":
				read.notAfter <= read.notBefore || read.notAfter.getTime() - read.notBefore.getTime() > longest,
			"it is valid for more than 825 days from now": read.notAfter.getTime() - now.getTime() > longest,
		};
		return certificate ? { ...faults, ...certificateFaults(certificate, issuer) } : faults;
	} catch (error) {
		throw refused(asOtaError(error).message, error);
	}
}

function certificateFaults(read: TbsCertificate, issuer: Issuer): Faults {
	const { extensions } = read;
	const usage = extensionOf(extensions, oids.keyUsage, namedBits) ?? new Set();
	const purposes = extensionOf(extensions, oids.extKeyUsage, readPurposes) ?? new Set();
	return {
		"cA is TRUE": extensionOf(extensions, oids.basicConstraints, readBasicConstraints) ?? false,
		"keyUsage has keyCertSign": usage.has(keyUsageBit.keyCertSign),
		"keyUsage has cRLSign": usage.has(keyUsageBit.cRLSign),
		"extKeyUsage has OCSPSigning or any": purposes.has(ocspSigning) || purposes.has(anyExtendedKeyUsage),
		"it has a Netscape certificate type": extensions.has(netscapeCertType),
		"its subject is the CA": equalBytes(read.subject, issuer.name),
		"its key is the CA's": equalBytes(read.publicKeyInfo, issuer.publicKeyInfo),
	};
}

/** RFC 4055 section 5 and RFC 5758 section 3.2. */
function algorithmOf({ isRsa }: Issuer, hash: HashName): Uint8Array {
	const rsa = { sha256: oids.sha256WithRsa, sha384: oids.sha384WithRsa, sha512: oids.sha512WithRsa };
	const ec = { sha256: oids.ecdsaWithSha256, sha384: oids.ecdsaWithSha384, sha512: oids.ecdsaWithSha512 };
	return isRsa ? algorithmIdentifier(rsa[hash], nullValue()) : algorithmIdentifier(ec[hash]);
}

// ---------------------------------------------------------------- Reading

interface ToBeSigned {
	/** DER. */
	algorithm: Uint8Array;
	/** DER. */
	issuer: Uint8Array;
	/** thisUpdate and nextUpdate of a list. */
	notBefore: Date;
	notAfter: Date;
}
type Extensions = ReadonlyMap<string, Uint8Array>;
interface TbsCertificate extends ToBeSigned {
	subject: Uint8Array;
	publicKeyInfo: Uint8Array;
	/** Content of extnValue by OID. */
	extensions: Extensions;
}

function readTbsCertificate(root: Element): TbsCertificate {
	const fields = sequence(root, "TBSCertificate");
	const version = new Fields(fields.take(context(0)), context(0), "TBSCertificate: version");
	if (smallInteger(version.take()) !== 2) throw malformed("TBSCertificate: its version is not 3");
	version.end();
	const serial = unsignedHex(fields.take(tag.integer));
	if (!/[1-9a-f]/.test(serial) || serial.length > 40)
		throw malformed("TBSCertificate: no serial number as it should be");
	const algorithm = fields.take(tag.sequence).raw;
	const issuer = fields.take(tag.sequence).raw;
	const validity = sequence(fields.take(), "Validity");
	const [notBefore, notAfter] = [time(validity.take()), time(validity.take())];
	validity.end();
	const subject = fields.take(tag.sequence).raw;
	const publicKeyInfo = readPublicKeyInfo(fields.take());
	const wrapper = fields.optional(context(3));
	fields.end();
	const extensions = wrapper ? readExtensions(wrapper) : new Map();
	return { algorithm, issuer, notBefore, notAfter, subject, publicKeyInfo, extensions };
}

function readPublicKeyInfo(element: Element): Uint8Array {
	const fields = sequence(element, "SubjectPublicKeyInfo");
	fields.take(tag.sequence);
	bitStringOctets(fields.take());
	fields.end();
	return element.raw;
}

/** Inside their explicit tag; one of each OID (RFC 5280 section 4.2). */
function readExtensions(wrapper: Element): Extensions {
	const [list, ...more] = wrapper.children;
	if (!list || more.length > 0) throw malformed("Extensions: unexpected form");
	const extensions = new Map<string, Uint8Array>();
	for (const element of elementsOf(list, "Extensions")) {
		const fields = sequence(element, "Extension");
		const id = oid(fields.take());
		const critical = fields.optional(tag.boolean);
		if (critical && !boolean(critical)) throw malformed("Extension: critical FALSE is left out");
		if (extensions.has(id)) throw malformed(`Extensions: ${id} twice`);
		extensions.set(id, octets(fields.take(tag.octetString)));
		fields.end();
	}
	return extensions;
}

function elementsOf(element: Element, what: string): readonly Element[] {
	if (element.tag !== tag.sequence || element.children.length === 0) throw malformed(`${what}: unexpected form`);
	return element.children;
}

function extensionOf<T>(extensions: Extensions, id: string, read: (element: Element) => T): T | null {
	const value = extensions.get(id);
	return value ? read(readDer(value)) : null;
}

/** Whether it makes a CA. */
function readBasicConstraints(element: Element): boolean {
	const fields = sequence(element, "BasicConstraints");
	const flag = fields.optional(tag.boolean);
	const isCa = flag !== null && boolean(flag);
	if (fields.optional(tag.integer) && !isCa) throw malformed("BasicConstraints: a path length of no CA");
	fields.end();
	return isCa;
}

const readPurposes = (element: Element): ReadonlySet<string> => new Set(elementsOf(element, "ExtKeyUsage").map(oid));

/** Of version 2, with nextUpdate (RFC 5280 section 5.1.2). */
function readTbsCertList(root: Element): ToBeSigned {
	const fields = sequence(root, "neither TBSCertificate of version 3 nor TBSCertList");
	if (smallInteger(fields.take(tag.integer)) !== 1) throw malformed("TBSCertList: its version is not 2");
	const algorithm = fields.take(tag.sequence).raw;
	const issuer = fields.take(tag.sequence).raw;
	const [notBefore, notAfter] = [time(fields.take()), time(fields.take())];
	const revoked = fields.optional(tag.sequence);
	if (revoked) for (const entry of elementsOf(revoked, "revokedCertificates")) readRevoked(entry);
	const wrapper = fields.optional(context(0));
	if (wrapper) readExtensions(wrapper);
	fields.end();
	return { algorithm, issuer, notBefore, notAfter };
}

function readRevoked(entry: Element): void {
	const fields = sequence(entry, "revokedCertificate");
	unsignedHex(fields.take(tag.integer));
	time(fields.take());
	if (!fields.done) elementsOf(fields.take(), "crlEntryExtensions");
	fields.end();
}
