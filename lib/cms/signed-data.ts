/**
 * Reads and verifies SignedData (RFC 5652 section 5), as strict as facts allow: attached content of type id-data, exactly
 * one SignerInfo with signed attributes, its certificate in the bag exactly once. The content is private until `verify`
 * has held, so that nobody can use bytes that nobody signed.
 */
import { createHash, timingSafeEqual, verify } from "node:crypto";
import { oids } from "../der/oids.ts";
import { context, type Element, Fields, malformed, type ReadOptions, readDer, sequence, tag } from "../der/reader.ts";
import { equalBytes, octets, oid, smallInteger } from "../der/values.ts";
import { tlv } from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import { type Digest, digestOf, readAlgorithm, signatureOf } from "./algorithms.ts";
import { readCertificate, type X509 } from "./certificate.ts";

const maxCertificates = 8;

export interface Verified {
	content: Uint8Array;
	signer: X509;
	/** The other certificates of the bag, in its order: material for a chain, nothing more. */
	others: readonly X509[];
	digest: Digest;
}

/** Attribute values by OID: the SET's elements. */
export type Attributes = ReadonlyMap<string, readonly Element[]>;

export class SignedData {
	readonly #content: Uint8Array;
	readonly #certificates: readonly X509[];
	readonly #signerInfo: SignerInfo;
	constructor(content: Uint8Array, certificates: readonly X509[], signerInfo: SignerInfo) {
		this.#content = content;
		this.#certificates = certificates;
		this.#signerInfo = signerInfo;
	}

	/** Signed attributes as found, BEFORE any verification: good for addressing an answer, for nothing else. */
	get unverifiedAttributes(): Attributes {
		return this.#signerInfo.signedAttributes ?? new Map();
	}
	/** What is said to be signed, by NOBODY so far: to show or to check a file, never to act on a message. */
	get unverifiedContent(): Uint8Array {
		return this.#content;
	}
	get unverifiedDigestOid(): string {
		return this.#signerInfo.digestOid;
	}

	/** Content and signer, once everything holds. `algorithm`, `signature` or `malformed` otherwise. */
	verify(accepted: readonly Digest[]): Verified {
		const info = this.#signerInfo;
		const digest = digestOf(info.digestOid);
		if (!accepted.includes(digest)) throw new OtaError("algorithm", `digest ${digest} is not accepted here`);
		const algorithm = signatureOf(info.signatureOid);
		if (algorithm.digest !== undefined && algorithm.digest !== digest) {
			throw new OtaError("algorithm", "SignerInfo: digest and signature algorithm do not fit");
		}
		if (info.hasParameters) throw new OtaError("algorithm", "SignerInfo: parameters where NULL or none may be");
		const signer = this.#findSigner();
		this.#checkAttributes(info, digest);
		if (signer.publicKey.asymmetricKeyType !== algorithm.key) {
			throw new OtaError("algorithm", "SignerInfo: signature algorithm and key do not fit");
		}
		if (!verify(digest, info.attributesToVerify, signer.publicKey, info.signature)) {
			throw new OtaError("signature", "SignerInfo: the signature does not hold");
		}
		checkSelfIssued(signer);
		const others = this.#certificates.filter((certificate) => !equalBytes(certificate.der, signer.der));
		return { content: this.#content, signer, others, digest };
	}

	#findSigner(): X509 {
		const { issuer, serialNumber } = this.#signerInfo;
		const named = this.#certificates.filter(
			(each) => equalBytes(each.issuer, issuer) && equalBytes(each.serialNumberDer, serialNumber),
		);
		const [signer, ...more] = named;
		if (!signer) throw new OtaError("signature", "SignedData: the signer's certificate is not enclosed");
		if (more.some((each) => !equalBytes(each.der, signer.der))) {
			throw malformed("SignedData: two certificates of one name and serial number");
		}
		return signer;
	}

	#checkAttributes(info: SignerInfo, digest: Digest): void {
		const attributes = info.signedAttributes;
		if (attributes === null) throw new OtaError("signature", "SignerInfo: no signed attributes");
		const type = single(attributes, oids.contentType);
		if (oid(type) !== oids.data) throw new OtaError("signature", "SignerInfo: contentType is not data");
		const claimed = octets(single(attributes, oids.messageDigest));
		const actual = createHash(digest).update(this.#content).digest();
		if (claimed.length !== actual.length || !timingSafeEqual(claimed, actual)) {
			throw new OtaError("signature", "SignerInfo: messageDigest is not the content's");
		}
	}
}

/** A certificate that vouches for itself proves nothing, and is still none when that is not true. */
function checkSelfIssued(signer: X509): void {
	if (!equalBytes(signer.issuer, signer.subject) || signer.isSignedBy(signer.publicKey)) return;
	throw new OtaError("signature", "SignedData: the signer's certificate is not what its key signed");
}

function single(attributes: Attributes, id: string): Element {
	const values = attributes.get(id);
	const [value] = values ?? [];
	if (!value || values?.length !== 1) throw new OtaError("signature", `SignerInfo: attribute ${id} is not there once`);
	return value;
}

interface SignerInfo {
	issuer: Uint8Array;
	serialNumber: Uint8Array;
	digestOid: string;
	signatureOid: string;
	/** Is there anything but NULL beside one of the two OIDs? None of our algorithms has parameters. */
	hasParameters: boolean;
	signature: Uint8Array;
	signedAttributes: Attributes | null;
	/** DER of SET OF Attribute, the octets that were signed. */
	attributesToVerify: Uint8Array;
}

/** ContentInfo with SignedData; BER unless told. */
export function readSignedData(bytes: Uint8Array, options: ReadOptions = { ber: true }): SignedData {
	const fields = sequence(readContentInfo(readDer(bytes, options), oids.signedData), "SignedData");
	// Section 5.1: 1 for content of type data under signers named by issuer and serial number.
	if (smallInteger(fields.take(tag.integer)) !== 1) throw malformed("SignedData: version 1 is expected");
	const digests = fields.take(tag.set);
	const encapsulated = sequence(fields.take(), "EncapsulatedContentInfo");
	if (oid(encapsulated.take()) !== oids.data) throw malformed("SignedData: content is not of type data");
	const wrapper = new Fields(encapsulated.take(context(0)), context(0), "eContent");
	const content = octets(wrapper.take());
	wrapper.end();
	encapsulated.end();
	const certificates = readCertificates(fields.optional(context(0)));
	fields.optional(context(1));
	const signerInfos = fields.take(tag.set).children;
	fields.end();
	const [signerInfo] = signerInfos;
	if (!signerInfo || signerInfos.length !== 1) throw malformed("SignedData: exactly one signer is expected");
	const info = readSignerInfo(signerInfo);
	checkDigests(digests, info);
	return new SignedData(content, certificates, info);
}

/** DigestAlgorithmIdentifiers: the one signer's, and no other. Nobody signs them. */
function checkDigests(digests: Element, { digestOid }: SignerInfo): void {
	const named = digests.children.map((each) => readAlgorithm(each, "DigestAlgorithm"));
	const [only] = named;
	const fits = named.length === 1 && only?.oid === digestOid && only.parameters === null;
	if (!fits) throw malformed("SignedData: its digests are not the signer's");
}

/** The content of a ContentInfo of the expected type. */
export function readContentInfo(element: Element, expected: string): Element {
	const fields = sequence(element, "ContentInfo");
	if (oid(fields.take()) !== expected) throw malformed("ContentInfo: another content type is expected");
	const wrapper = new Fields(fields.take(context(0)), context(0), "ContentInfo");
	fields.end();
	const content = wrapper.take();
	wrapper.end();
	return content;
}

function readCertificates(bag: Element | null): X509[] {
	const elements = bag?.children ?? [];
	if (elements.length > maxCertificates) throw malformed("SignedData: too many certificates");
	return elements.map((element) => {
		if (element.tag !== tag.sequence) throw malformed("SignedData: a certificate of an unknown kind");
		return readCertificate(element.raw);
	});
}

function readSignerInfo(element: Element): SignerInfo {
	const fields = sequence(element, "SignerInfo");
	if (smallInteger(fields.take(tag.integer)) !== 1) throw malformed("SignerInfo: version 1 is expected");
	const sid = sequence(fields.take(), "IssuerAndSerialNumber");
	const issuer = sid.take(tag.sequence).raw;
	const serialNumber = sid.take(tag.integer).raw;
	sid.end();
	const digest = readAlgorithm(fields.take(), "DigestAlgorithm");
	const attributes = fields.optional(context(0));
	const signature = readAlgorithm(fields.take(), "SignatureAlgorithm");
	const value = octets(fields.take());
	fields.optional(context(1));
	fields.end();
	return {
		issuer,
		serialNumber,
		digestOid: digest.oid,
		signatureOid: signature.oid,
		hasParameters: digest.parameters !== null || signature.parameters !== null,
		signature: value,
		signedAttributes: attributes ? readAttributes(attributes.children) : null,
		attributesToVerify: attributes ? attributesAsSigned(attributes) : new Uint8Array(),
	};
}

/** SET OF Attribute, each type once. */
export function readAttributes(elements: readonly Element[]): Attributes {
	const attributes = new Map<string, readonly Element[]>();
	for (const element of elements) {
		const fields = sequence(element, "Attribute");
		const id = oid(fields.take());
		const values = fields.take(tag.set).children;
		fields.end();
		if (attributes.has(id)) throw malformed(`Attribute ${id} stands twice`);
		attributes.set(id, values);
	}
	return attributes;
}

/** RFC 5652 section 5.4: the DER of the SET OF, whatever form it travelled in. */
function attributesAsSigned(attributes: Element): Uint8Array {
	return attributes.hasIndefinite
		? tlv(tag.set, ...attributes.children.map(definite))
		: tlv(tag.set, attributes.content);
}

function definite(element: Element): Uint8Array {
	if (!element.hasIndefinite) return element.raw;
	if (element.tag === (tag.octetString | 0x20)) return tlv(tag.octetString, octets(element));
	return tlv(element.tag, ...element.children.map(definite));
}
