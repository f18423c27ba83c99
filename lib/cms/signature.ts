/**
 * Verifies one signature of X.509, PKCS#10 or CMS by the table of algorithms, and reads the public keys that may make
 * one: RSA as RFC 3279 section 2.3.1 encodes it, EC on a named curve (RFC 5480 section 2.1.1), nothing else.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { oids } from "../der/oids.ts";
import { type Element, malformed, readDer, sequence, tag } from "../der/reader.ts";
import { bitStringOctets, equalBytes, oid, unsignedHex } from "../der/values.ts";
import { algorithmIdentifier, nullValue, objectIdentifier } from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import { type Algorithm, type Digest, readAlgorithm, signatureOf } from "./algorithms.ts";

/**
 * Does the signature hold? False as well when algorithm and key are of different kinds. `algorithm` when it is none
 * of ours, when it names no digest, or when it comes with parameters: none of ours has any.
 */
export function signatureHolds(
	algorithm: Algorithm,
	key: KeyObject,
	message: Uint8Array,
	signature: Uint8Array,
): boolean {
	const { digest, key: kind } = signatureOf(algorithm.oid);
	if (digest === undefined || algorithm.parameters !== null) {
		throw new OtaError("algorithm", "signature algorithm without a digest, or with parameters");
	}
	return key.asymmetricKeyType === kind && verify(digest, message, key, signature);
}

/** The digest that a signature algorithm names. */
export function digestOfSignature(algorithm: Algorithm): Digest | undefined {
	return signatureOf(algorithm.oid).digest;
}

/** Any key that node:crypto reads; `malformed` otherwise. For a key that nobody is going to trust. */
export function readPublicKey(publicKeyInfo: Uint8Array): KeyObject {
	try {
		return createPublicKey({ key: Buffer.from(publicKeyInfo), format: "der", type: "spki" });
	} catch (cause) {
		throw Object.assign(malformed("SubjectPublicKeyInfo cannot be read"), { cause });
	}
}

/** RSAPublicKey (RFC 8017 section A.1.1): a seventeenth of the time that OpenSSL takes to find out what an SPKI holds. */
function readRsaKey(key: Uint8Array): KeyObject {
	try {
		return createPublicKey({ key: Buffer.from(key), format: "der", type: "pkcs1" });
	} catch (cause) {
		throw Object.assign(malformed("RSAPublicKey cannot be read"), { cause });
	}
}

/** DER of the AlgorithmIdentifiers that a key may have. */
const rsaKey = algorithmIdentifier(oids.rsaEncryption, nullValue());
const ecKeys: readonly Uint8Array[] = [oids.prime256v1, oids.secp384r1].map((curve) =>
	algorithmIdentifier(oids.ecPublicKey, objectIdentifier(curve)),
);

/**
 * The public key of a certificate: `algorithm` for anything but RSA and the two curves (parameters spelled out are a
 * curve of the sender's choice, CVE-2020-0601), `malformed` when it is not DER or no point of its curve.
 */
export function readCertifiedKey(publicKeyInfo: Uint8Array): KeyObject {
	const info = sequence(readDer(publicKeyInfo), "SubjectPublicKeyInfo");
	const algorithm = info.take(tag.sequence).raw;
	const key = bitStringOctets(info.take(tag.bitString));
	info.end();
	if (equalBytes(algorithm, rsaKey)) {
		checkRsaKey(key);
		return readRsaKey(key);
	}
	if (!ecKeys.some((known) => equalBytes(known, algorithm))) {
		throw new OtaError("algorithm", "public key of a kind or a curve that is not accepted");
	}
	return readPublicKey(publicKeyInfo);
}

/**
 * The key of a request that proves its possession, before anybody asks whether it is one to certify. Of EC keys on
 * parameters spelled out only points that are written whole are read: to decompress one, OpenSSL takes a square root modulo
 * a number of the sender's choice, a tenth of a second at 661 bits. `malformed` otherwise.
 */
export function readProvenKey(publicKeyInfo: Uint8Array): KeyObject {
	const info = sequence(readDer(publicKeyInfo), "SubjectPublicKeyInfo");
	const identifier = info.take();
	const algorithm = readAlgorithm(identifier, "SubjectPublicKeyInfo");
	const point = bitStringOctets(info.take(tag.bitString));
	info.end();
	if (equalBytes(identifier.raw, rsaKey)) return readRsaKey(point);
	const { parameters } = algorithm;
	if (algorithm.oid === oids.ecPublicKey && parameters !== null && parameters.tag !== tag.oid) {
		checkSpelledOut(parameters, point);
	}
	return readPublicKey(publicKeyInfo);
}

/** SpecifiedECDomain (RFC 3279 section 2.3.5) over a prime field of at most 521 bits. */
function checkSpelledOut(parameters: Element, point: Uint8Array): void {
	const domain = sequence(parameters, "ECParameters");
	domain.take(tag.integer);
	const field = sequence(domain.take(), "FieldID");
	if (oid(field.take()) !== primeField) throw malformed("ECParameters: not a prime field");
	if (field.take(tag.integer).content.length > 67) throw malformed("ECParameters: the field is too large");
	domain.take(tag.sequence);
	const base = domain.take(tag.octetString).content;
	if (base[0] !== uncompressed || point[0] !== uncompressed) throw malformed("ECParameters: a compressed point");
}

/** RFC 3279 section 2.3.5. */
const primeField = "1.2.840.10045.1.1";
/** SEC 1 section 2.3.3. */
const uncompressed = 4;

/** OpenSSL takes BER here. */
function checkRsaKey(key: Uint8Array): void {
	const fields = sequence(readDer(key), "RSAPublicKey");
	unsignedHex(fields.take());
	unsignedHex(fields.take());
	fields.end();
}
