/** One X.509 certificate (RFC 5280 section 4.1), parsed strictly from DER; the original bytes are kept and verified. */
import { createHash, type KeyObject } from "node:crypto";
import { oids } from "../der/oids.ts";
import { context, type Element, Fields, malformed, readDer, sequence, tag } from "../der/reader.ts";
import {
	bitStringOctets,
	boolean,
	equalBytes,
	namedBits,
	octets,
	oid,
	smallInteger,
	time,
	toHex,
	unsignedHex,
} from "../der/values.ts";
import { type Algorithm, readAlgorithm } from "./algorithms.ts";
import { readCertifiedKey, signatureHolds } from "./signature.ts";

export interface Extension {
	critical: boolean;
	/** Content of extnValue: the DER of the extension. */
	value: Uint8Array;
}

/** keyUsage bits (RFC 5280 section 4.2.1.3). */
export const keyUsageBit = {
	digitalSignature: 0,
	keyEncipherment: 2,
	keyCertSign: 5,
	cRLSign: 6,
} as const;

interface TbsFields {
	tbs: Uint8Array;
	serialNumber: Element;
	signatureAlgorithm: Element;
	issuer: Uint8Array;
	notBefore: Date;
	notAfter: Date;
	subject: Uint8Array;
	publicKeyInfo: Uint8Array;
	extensions: ReadonlyMap<string, Extension>;
}

/** What is signed: all fields of a TBSCertificate, and its extensions as values. */
export class TbsCertificate {
	private key: KeyObject | null = null;
	private keyHash: string | null = null;
	constructor(private readonly fields: TbsFields) {}

	/** The whole TBSCertificate. */
	get tbs(): Uint8Array {
		return this.fields.tbs;
	}
	/** Unsigned hex without leading zero octets. */
	get serialNumber(): string {
		return unsignedHex(this.fields.serialNumber);
	}
	/** The serial number's INTEGER TLV. */
	get serialNumberDer(): Uint8Array {
		return this.fields.serialNumber.raw;
	}
	/** DER of the names: compare as bytes. */
	get issuer(): Uint8Array {
		return this.fields.issuer;
	}
	get subject(): Uint8Array {
		return this.fields.subject;
	}
	get notBefore(): Date {
		return this.fields.notBefore;
	}
	get notAfter(): Date {
		return this.fields.notAfter;
	}
	/** DER of SubjectPublicKeyInfo. */
	get publicKeyInfo(): Uint8Array {
		return this.fields.publicKeyInfo;
	}
	get extensions(): ReadonlyMap<string, Extension> {
		return this.fields.extensions;
	}
	/** DER of the AlgorithmIdentifier that the signature is made with. */
	get signatureAlgorithm(): Element {
		return this.fields.signatureAlgorithm;
	}
	/** SHA-256 of SubjectPublicKeyInfo, hex. */
	get publicKeyHash(): string {
		this.keyHash ??= createHash("sha256").update(this.publicKeyInfo).digest("hex");
		return this.keyHash;
	}
	/** The public key, parsed once; `algorithm` when it is of no kind that we take, `malformed` when it cannot be read. */
	get publicKey(): KeyObject {
		this.key ??= readCertifiedKey(this.publicKeyInfo);
		return this.key;
	}
	/** keyUsage bits, or null when the extension is absent. */
	get keyUsage(): ReadonlySet<number> | null {
		const extension = this.extensions.get(oids.keyUsage);
		if (!extension) return null;
		const bits = namedBits(readDer(extension.value));
		if (bits.size === 0) throw malformed("KeyUsage: for nothing");
		return bits;
	}
	get basicConstraints(): { ca: boolean; pathLen: number | null } {
		const extension = this.extensions.get(oids.basicConstraints);
		if (!extension) return { ca: false, pathLen: null };
		const fields = sequence(readDer(extension.value), "BasicConstraints");
		const ca = fields.optional(tag.boolean);
		const pathLen = fields.optional(tag.integer);
		fields.end();
		const longest = pathLen ? smallInteger(pathLen) : null;
		if (longest !== null && longest > 255) throw malformed("BasicConstraints: no path is as long");
		return { ca: ca !== null && boolean(ca), pathLen: longest };
	}
	get extendedKeyUsage(): ReadonlySet<string> | null {
		const extension = this.extensions.get(oids.extKeyUsage);
		if (!extension) return null;
		const fields = sequence(readDer(extension.value), "ExtKeyUsage");
		const usages = new Set<string>();
		while (!fields.done) usages.add(oid(fields.take()));
		return usages;
	}
	/** keyIdentifier of subjectKeyIdentifier, hex, or null. */
	get subjectKeyIdentifier(): string | null {
		const extension = this.extensions.get(oids.subjectKeyIdentifier);
		return extension ? toHex(octets(readDer(extension.value))) : null;
	}
	/** keyIdentifier of authorityKeyIdentifier, hex, or null. A malformed extension throws. */
	get authorityKeyIdentifier(): string | null {
		return readAuthorityKeyIdentifier(this.extensions);
	}
}

export class X509 extends TbsCertificate {
	constructor(
		/** The whole certificate. */
		readonly der: Uint8Array,
		fields: TbsFields,
		private readonly signature: Uint8Array,
	) {
		super(fields);
	}

	/** SHA-256 of the certificate, hex. */
	get fingerprint(): string {
		return createHash("sha256").update(this.der).digest("hex");
	}

	/** Was this certificate signed by that key? The algorithm must be ours and fit the key. */
	isSignedBy(issuerKey: KeyObject): boolean {
		return signatureHolds(this.algorithm, issuerKey, this.tbs, this.signature);
	}
	/** What it was signed with. */
	get algorithm(): Algorithm {
		return readAlgorithm(this.signatureAlgorithm, "Certificate");
	}
}

export function readCertificate(der: Uint8Array): X509 {
	const root = readDer(der);
	const outer = sequence(root, "Certificate");
	const fields = readTbsFields(outer.take(tag.sequence));
	const algorithm = outer.take(tag.sequence);
	const signature = bitStringOctets(outer.take(tag.bitString));
	outer.end();
	if (!equalBytes(fields.signatureAlgorithm.raw, algorithm.raw)) {
		throw malformed("Certificate: two signature algorithms");
	}
	return new X509(root.raw, fields, signature);
}

/** A TBSCertificate on its own, as it is before it is signed. */
export const readTbsCertificate = (der: Uint8Array): TbsCertificate => new TbsCertificate(readTbsFields(readDer(der)));

function readTbsFields(tbs: Element): TbsFields {
	const fields = sequence(tbs, "TBSCertificate");
	const version = readVersion(fields.optional(context(0)));
	const serialNumber = fields.take(tag.integer);
	const signatureAlgorithm = fields.take(tag.sequence);
	const issuer = fields.take(tag.sequence).raw;
	const validity = sequence(fields.take(), "Validity");
	const notBefore = time(validity.take());
	const notAfter = time(validity.take());
	validity.end();
	const subject = fields.take(tag.sequence).raw;
	const publicKeyInfo = fields.take(tag.sequence).raw;
	fields.optional(context(1, false));
	fields.optional(context(2, false));
	const wrapper = fields.optional(context(3));
	fields.end();
	if (version > 2 || (wrapper && version !== 2)) throw malformed("Certificate: version does not fit");
	unsignedHex(serialNumber);
	const extensions = wrapper ? readWrappedExtensions(wrapper) : new Map();
	return {
		tbs: tbs.raw,
		serialNumber,
		signatureAlgorithm,
		issuer,
		notBefore,
		notAfter,
		subject,
		publicKeyInfo,
		extensions,
	};
}

/** v1 is 0, and the default. */
function readVersion(wrapper: Element | null): number {
	if (wrapper === null) return 0;
	const fields = new Fields(wrapper, context(0), "Certificate: version");
	const version = smallInteger(fields.take(tag.integer));
	fields.end();
	// X.690 section 11.5: DER leaves a default value out.
	if (version === 0) throw malformed("Certificate: version 1 is left out");
	return version;
}

/** Extensions inside their `[n] EXPLICIT`. */
export function readWrappedExtensions(wrapper: Element): ReadonlyMap<string, Extension> {
	const [list] = wrapper.children;
	if (!list || wrapper.children.length !== 1) throw malformed("Extensions: unexpected form");
	return readExtensions(list);
}

/** One of each OID (RFC 5280 section 4.2). */
export function readExtensions(list: Element): ReadonlyMap<string, Extension> {
	const extensions = new Map<string, Extension>();
	const all = sequence(list, "Extensions");
	if (all.done) throw malformed("Extensions: none");
	while (!all.done) {
		const fields = sequence(all.take(), "Extension");
		const id = oid(fields.take());
		const critical = fields.optional(tag.boolean);
		const value = octets(fields.take(tag.octetString));
		fields.end();
		if (extensions.has(id)) throw malformed(`Extensions: ${id} twice`);
		if (critical !== null && !boolean(critical)) throw malformed("Extension: critical FALSE is left out");
		extensions.set(id, { critical: critical !== null, value });
	}
	return extensions;
}

/** keyIdentifier of authorityKeyIdentifier, hex, or null: certificates and lists have the same. */
export function readAuthorityKeyIdentifier(extensions: ReadonlyMap<string, Extension>): string | null {
	const extension = extensions.get(oids.authorityKeyIdentifier);
	if (!extension) return null;
	const fields = sequence(readDer(extension.value), "AuthorityKeyIdentifier");
	const keyIdentifier = fields.optional(context(0, false));
	const issuer = fields.optional(context(1));
	const serialNumber = fields.optional(context(2, false));
	fields.end();
	if ((issuer === null) !== (serialNumber === null)) throw malformed("AuthorityKeyIdentifier: issuer without serial");
	return keyIdentifier ? toHex(keyIdentifier.content) : null;
}

/** Every PEM certificate of a text, as DER. */
export function pemCertificates(pem: string): Uint8Array[] {
	const blocks = pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g);
	return [...blocks].map(([, base64 = ""]) => Buffer.from(base64, "base64"));
}
