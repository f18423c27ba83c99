/**
 * The issuing CA's certification request (PKCS#10, RFC 2986) for a root that is kept elsewhere: signed by the CA's key in
 * the token, verified outside before anybody sees it. It asks for what a ceremony of ours would give (RFC 5280 section 4.2.1).
 */
import { createHash, verify } from "node:crypto";
import { signatureOid } from "../cms/algorithms.ts";
import { keyUsageBit } from "../cms/certificate.ts";
import { writeName } from "../der/name.ts";
import { oids } from "../der/oids.ts";
import { readDer, sequence } from "../der/reader.ts";
import { bitStringOctets } from "../der/values.ts";
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
	const info = sequenceOf(
		integer(0),
		writeName(subject),
		signer.publicKey,
		contextOf(0, sequenceOf(objectIdentifier(oids.extensionRequest), setOf(requestedExtensions(signer.publicKey)))),
	);
	const key = importPublicKey(signer.publicKey);
	const signature = await signer.sign("sha256", info);
	if (!verify("sha256", info, key, signature)) {
		throw new OtaError("hsm_refused", "The signature on the certification request does not hold.");
	}
	const algorithm =
		key.asymmetricKeyType === "rsa"
			? algorithmIdentifier(signatureOid("rsa", "sha256"), nullValue())
			: algorithmIdentifier(signatureOid("ec", "sha256"));
	return pem(sequenceOf(info, algorithm, bitString(signature)));
}

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
