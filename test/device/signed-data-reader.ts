/** Verifies SignedData (RFC 5652 section 5.6) as Apple's client does: exactly one signer, messageDigest compared, signature checked. */
import { createHash, verify } from "node:crypto";
import { derFault, type Element, isContext, octets, oidOf, sequenceOf, setMembers } from "./der-reader.ts";
import { DeviceError, ensure } from "./errors.ts";
import { type Digest, oids } from "./oids.ts";
import { carefulReading, type Reading } from "./reading.ts";

/** A SignedData whose signature holds. Who the signer is remains to be judged. */
export interface VerifiedData {
	/** null when the eContent is absent. */
	content: Uint8Array | null;
	eContentType: string;
	/** DER of the signer's certificate, taken from the message or from `known`. */
	signer: Uint8Array;
	/** DER of every certificate in the message. */
	certificates: Uint8Array[];
	/** Values of the signed attributes by OID; each attribute occurs once. */
	attributes: ReadonlyMap<string, readonly Element[]>;
	digest: Digest;
	/** OID of SignerInfo.signatureAlgorithm. */
	signatureAlgorithm: string;
}

interface SignedDataParts {
	eContentType: string;
	content: Uint8Array | null;
	certificates: Uint8Array[];
	crls: Uint8Array[];
	signerInfos: readonly Element[];
}

/** The parts of a ContentInfo with SignedData, unverified. */
export function readSignedData(message: Uint8Array, step: string, reading: Reading): SignedDataParts {
	const [type, wrapped] = sequenceOf(reading.parse(message, step), step);
	ensure(oidOf(type, step) === oids.signedData && isContext(wrapped, 0), step, "The answer is not SignedData.");
	const parts = sequenceOf(wrapped.members[0], step);
	const [contentType, content] = sequenceOf(parts[2], step);
	const bag = parts.find((part) => isContext(part, 0));
	const lists = parts.find((part) => isContext(part, 1));
	return {
		eContentType: oidOf(contentType, step),
		content: isContext(content, 0) ? octets(content.members[0], step) : null,
		certificates: (bag?.members ?? []).map(({ raw }) => raw),
		crls: (lists?.members ?? []).map(({ raw }) => raw),
		signerInfos: setMembers(parts.at(-1), step),
	};
}

const digests: readonly Digest[] = ["sha1", "sha256", "sha384", "sha512"];

function digestOf(element: Element | undefined, step: string): Digest {
	const [identifier] = sequenceOf(element, step);
	const found = digests.find((one) => oids[one] === oidOf(identifier, step));
	ensure(found, step, `The digest algorithm ${oidOf(identifier, step)} is not known.`);
	return found;
}

type Attributes = Map<string, readonly Element[]>;

function readAttributes(members: readonly Element[], step: string): Attributes {
	const attributes: Attributes = new Map();
	for (const one of members) {
		const [type, values] = sequenceOf(one, step);
		const identifier = oidOf(type, step);
		ensure(!attributes.has(identifier), step, `The signed attribute ${identifier} is there twice.`);
		attributes.set(identifier, setMembers(values, step));
	}
	return attributes;
}

function checkAttributes(attributes: Attributes, parts: SignedDataParts, digest: Digest, step: string) {
	const contentType = attributes.get(oids.contentType);
	ensure(contentType?.length === 1, step, "The signed attribute contentType is missing.");
	ensure(oidOf(contentType[0], step) === parts.eContentType, step, "The signed contentType is not the content's.");
	const messageDigest = attributes.get(oids.messageDigest);
	ensure(messageDigest?.length === 1, step, "The signed attribute messageDigest is missing.");
	const computed = createHash(digest)
		.update(parts.content ?? new Uint8Array(0))
		.digest();
	ensure(computed.equals(octets(messageDigest[0], step)), step, "The messageDigest is not the digest of the content.");
}

/**
 * Verifies the one signature of `message`. `known` are certificates that the device already holds; `der` demands
 * strict DER. Throws DeviceError of `step`.
 */
export function verifySignedData(
	message: Uint8Array,
	step: string,
	options: { known?: readonly Uint8Array[]; der?: boolean; reading?: Reading } = {},
): VerifiedData {
	const reading = options.reading ?? carefulReading;
	const fault = options.der ? derFault(message) : null;
	ensure(fault === null, step, `The message must be DER, but it has ${fault}.`);
	const parts = readSignedData(message, step, reading);
	ensure(parts.signerInfos.length === 1, step, `There must be exactly one signer, not ${parts.signerInfos.length}.`);
	const [, sid, digestAlgorithm, signedAttrs, signatureId, signature] = sequenceOf(parts.signerInfos[0], step);
	ensure(isContext(signedAttrs, 0), step, "The signer has no signed attributes.");
	const digest = digestOf(digestAlgorithm, step);
	const attributes = readAttributes(signedAttrs.members, step);
	checkAttributes(attributes, parts, digest, step);
	const signer = findSigner(sid, [...parts.certificates, ...(options.known ?? [])], step, reading);
	// The signature covers the attributes as a SET, not as the [0] they travel as (RFC 5652 section 5.4).
	const covered = new Uint8Array(signedAttrs.raw);
	covered[0] = 0x31;
	const { publicKey } = reading.certificate(signer);
	const holds = verify(digest, covered, publicKey, octets(signature, step));
	ensure(holds, step, "The signature does not hold.");
	return {
		content: parts.content,
		eContentType: parts.eContentType,
		signer,
		certificates: parts.certificates,
		attributes,
		digest,
		signatureAlgorithm: oidOf(sequenceOf(signatureId, step)[0], step),
	};
}

function findSigner(sid: Element | undefined, pool: readonly Uint8Array[], step: string, reading: Reading): Uint8Array {
	const [issuer, serialNumber] = sequenceOf(sid, step);
	if (!issuer || !serialNumber) throw new DeviceError(step, "The signer is not named by issuer and serial number.");
	const found = pool.find((one) => {
		const fields = reading.certificate(one);
		return isSame(fields.issuer, issuer.raw) && isSame(fields.serialNumber, serialNumber.raw);
	});
	ensure(found, step, "The signer's certificate is not in the message.");
	return found;
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
