/**
 * The issuing CA's certification request (PKCS#10, RFC 2986) for a root that is kept elsewhere: signed by the CA's key in
 * the token, verified outside before anybody sees it. It asks for what a ceremony of ours would give (RFC 5280 section 4.2.1).
 */
import { createHash, type KeyObject, verify } from "node:crypto";
import { signatureOid } from "../cms/algorithms.ts";
import { keyUsageBit } from "../cms/certificate.ts";
import { writeName } from "../der/name.ts";
import { oids } from "../der/oids.ts";
import { malformed, readDer, sequence, tag } from "../der/reader.ts";
import { bitStringOctets, equalBytes } from "../der/values.ts";
import {
	algorithmIdentifier,
	bitString,
	boolean,
	contextOf,
	integer,
	namedBitString,
	nullValue,
	objectIdentifier,
	octetString,
	sequenceOf,
	setOf,
} from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import type { SubjectName } from "../ports.ts";
import { type CeremonySigner, importPublicKey } from "./ceremony-certificate.ts";

/** PEM. `hsm_refused` when the signature that came back does not hold, `key_policy` for a key that is neither RSA nor EC. */
export async function signRequest(subject: SubjectName, signer: CeremonySigner): Promise<string> {
	const info = requestInfo(subject, signer.publicKey);
	const key = importPublicKey(signer.publicKey);
	const signature = await signer.sign("sha256", info);
	if (!verify("sha256", info, key, signature)) {
		throw new OtaError("hsm_refused", "The signature on the certification request does not hold.");
	}
	return pem(sequenceOf(info, signatureAlgorithm(key), bitString(signature)));
}

/**
 * What is wrong with a request that lies there already, or null: it must be the one that a ceremony would sign now, but for
 * the signature's own octets. Whoever put another one there would have the root certify their key.
 */
export function requestFault(text: string, subject: SubjectName, publicKey: Uint8Array): string | null {
	try {
		const der = pemRequest(text);
		const fields = sequence(readDer(der), "CertificationRequest");
		const info = fields.take(tag.sequence);
		const algorithm = fields.take(tag.sequence);
		const signature = bitStringOctets(fields.take(tag.bitString));
		fields.end();
		const own = sequence(info, "CertificationRequestInfo");
		own.take(tag.integer);
		const [name, spki] = [own.take(tag.sequence).raw, own.take(tag.sequence).raw];
		if (!equalBytes(spki, publicKey)) return "it is for another key than the issuing CA's";
		if (!equalBytes(name, writeName(subject))) return "it has another subject than the plan";
		if (!equalBytes(info.raw, requestInfo(subject, publicKey)))
			return "it asks for something else than a ceremony does";
		const key = importPublicKey(publicKey);
		const holds = equalBytes(algorithm.raw, signatureAlgorithm(key)) && verify("sha256", info.raw, key, signature);
		return holds ? null : "its signature does not hold";
	} catch (error) {
		if (error instanceof OtaError) return "it is no certification request (PKCS#10)";
		throw error;
	}
}

/** One block and nothing around it, as we write it: another reader could choose another block. */
function pemRequest(text: string): Uint8Array {
	const base64 = text.split("\n").slice(1, -2).join("");
	const der = Buffer.from(base64, "base64");
	if (pem(der) !== text) throw malformed("CertificationRequest: not PEM as it is written here");
	return der;
}

/** CertificationRequestInfo (RFC 2986 section 4.1). */
const requestInfo = (subject: SubjectName, publicKey: Uint8Array): Uint8Array =>
	sequenceOf(
		integer(0),
		writeName(subject),
		publicKey,
		contextOf(0, sequenceOf(objectIdentifier(oids.extensionRequest), setOf(requestedExtensions(publicKey)))),
	);

const signatureAlgorithm = (key: KeyObject): Uint8Array =>
	key.asymmetricKeyType === "rsa"
		? algorithmIdentifier(signatureOid("rsa", "sha256"), nullValue())
		: algorithmIdentifier(signatureOid("ec", "sha256"));

/** A CA with none below it, that signs certificates and revocation lists. */
function requestedExtensions(publicKey: Uint8Array): Uint8Array {
	const { keyCertSign, cRLSign } = keyUsageBit;
	return sequenceOf(
		extension(oids.basicConstraints, true, sequenceOf(boolean(true), integer(0))),
		extension(oids.keyUsage, true, namedBitString(keyCertSign, cRLSign)),
		extension(oids.subjectKeyIdentifier, false, octetString(keyIdentifier(publicKey))),
	);
}

const extension = (id: string, critical: boolean, value: Uint8Array): Uint8Array =>
	sequenceOf(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));

/** RFC 5280 section 4.2.1.2, method 1. */
function keyIdentifier(publicKey: Uint8Array): Uint8Array {
	const fields = sequence(readDer(publicKey), "SubjectPublicKeyInfo");
	fields.take();
	return createHash("sha1").update(bitStringOctets(fields.take())).digest();
}

function pem(der: Uint8Array): string {
	const lines =
		Buffer.from(der)
			.toString("base64")
			.match(/.{1,64}/g) ?? [];
	return ["-----BEGIN CERTIFICATE REQUEST-----", ...lines, "-----END CERTIFICATE REQUEST-----", ""].join("\n");
}
