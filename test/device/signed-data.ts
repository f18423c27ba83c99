/**
 * Builds SignedData (RFC 5652 section 5) as Apple's encoder does: BER, indefinite lengths, content in segments;
 * with knobs to bend every part for messages that must be refused.
 */
import { createHash, type KeyObject, sign } from "node:crypto";
import {
	algorithm,
	attribute,
	concat,
	context,
	indefinite,
	integer,
	octetString,
	oid,
	segmentedOctetString,
	sequence,
	set,
	setOf,
	time,
	tlv,
} from "./ber.ts";
import { readCertificate, signatureAlgorithm } from "./certificate.ts";
import { type Digest, oids } from "./oids.ts";

/** A signed attribute: its name in `oids` and its values, DER each. */
export interface SignedAttribute {
	name: keyof typeof oids;
	values: Uint8Array[];
}

/** One SignerInfo. */
export interface SignerOptions {
	/** DER; its issuer and serial number become the sid. */
	certificate: Uint8Array;
	key: KeyObject;
	/** sha256 unless told. */
	digest?: Digest;
	/** Beside contentType, messageDigest and signingTime. */
	attributes?: readonly SignedAttribute[];
	/** Absent: now. */
	signingTime?: Date;
	/** The value of the contentType attribute; absent: the eContentType. */
	contentType?: string;
	/** The value of the messageDigest attribute; absent: the digest of the content. */
	messageDigest?: Uint8Array;
	/** Attributes to leave out, or to put in twice (a second Attribute with the same values). */
	omit?: readonly (keyof typeof oids)[];
	duplicate?: readonly (keyof typeof oids)[];
	/** No signedAttrs at all: the signature is over the content itself. */
	omitSignedAttrs?: boolean;
	/** The SignatureAlgorithmIdentifier; "rsaEncryption" (Apple's) unless told. */
	signatureAlgorithm?: "rsaEncryption" | "withDigest";
	/** Flips one bit of the signature. */
	corruptSignature?: boolean;
}

/** The whole SignedData. */
export interface SignedDataOptions {
	content: Uint8Array;
	signers: readonly SignerOptions[];
	/** DER, in the order given. */
	certificates: readonly Uint8Array[];
	/** data unless told. */
	eContentType?: string;
	/** "ber" as Apple sends, unless told. */
	encoding?: "ber" | "der";
	/** Bytes per segment of the BER content; 512 unless told. */
	chunk?: number;
	/** The content that is really put in, after signing the other one. */
	contentAfterSigning?: Uint8Array;
	/** Leave the content out. */
	detached?: boolean;
	/** Bytes after the message's end. */
	trailing?: Uint8Array;
}

function signedAttributes(signer: SignerOptions, content: Uint8Array, eContentType: string, digest: Digest) {
	const messageDigest = signer.messageDigest ?? new Uint8Array(createHash(digest).update(content).digest());
	const all: SignedAttribute[] = [
		{ name: "contentType", values: [oid(signer.contentType ?? eContentType)] },
		{ name: "messageDigest", values: [octetString(messageDigest)] },
		{ name: "signingTime", values: [time(signer.signingTime ?? new Date())] },
		...(signer.attributes ?? []),
	];
	const kept = all.filter((one) => !signer.omit?.includes(one.name));
	const twice = kept.filter((one) => signer.duplicate?.includes(one.name));
	return [...kept, ...twice].map((one) => attribute(oids[one.name], ...one.values));
}

function signerInfo(signer: SignerOptions, content: Uint8Array, eContentType: string): Uint8Array {
	const digest = signer.digest ?? "sha256";
	const { issuer, serialNumber } = readCertificate(signer.certificate);
	// The signature covers the attributes as DER SET OF, whatever the message's own encoding (RFC 5652 section 5.4).
	const attributes = setOf(signedAttributes(signer, content, eContentType, digest));
	const covered = signer.omitSignedAttrs ? content : attributes;
	const signature = new Uint8Array(sign(digest, covered, signer.key));
	if (signer.corruptSignature) signature[20] = (signature[20] ?? 0) ^ 1;
	const bare = signer.signatureAlgorithm !== "withDigest" && signer.key.asymmetricKeyType === "rsa";
	const implicit = concat([Uint8Array.of(0xa0), attributes.subarray(1)]);
	return sequence(
		integer(1),
		sequence(issuer, serialNumber),
		algorithm(oids[digest]),
		...(signer.omitSignedAttrs ? [] : [implicit]),
		bare ? algorithm(oids.rsaEncryption) : signatureAlgorithm(signer.key, digest),
		octetString(signature),
	);
}

/** ContentInfo with SignedData. */
export function buildSignedData(options: SignedDataOptions): Uint8Array {
	const eContentType = options.eContentType ?? oids.data;
	const content = options.contentAfterSigning ?? options.content;
	const ber = options.encoding !== "der";
	const wrap = (tag: number, ...children: Uint8Array[]): Uint8Array =>
		ber ? indefinite(tag, children) : tlv(tag, concat(children));
	const octets = ber ? segmentedOctetString(content, options.chunk ?? 512) : octetString(content);
	const digests = [...new Set(options.signers.map((one) => one.digest ?? "sha256"))];
	const signedData = wrap(
		0x30,
		integer(eContentType === oids.data ? 1 : 3),
		set(...digests.map((digest) => algorithm(oids[digest]))),
		wrap(0x30, oid(eContentType), ...(options.detached ? [] : [wrap(0xa0, octets)])),
		...(options.certificates.length === 0 ? [] : [context(0, ...options.certificates)]),
		set(...options.signers.map((one) => signerInfo(one, options.content, eContentType))),
	);
	const message = wrap(0x30, oid(oids.signedData), wrap(0xa0, signedData));
	return options.trailing ? concat([message, options.trailing]) : message;
}
