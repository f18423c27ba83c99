/**
 * EnvelopedData (RFC 5652 section 6) with RSAES-PKCS1-v1_5 key transport and a CBC cipher: written for one recipient,
 * read when it names exactly one recipient, us. Whatever goes wrong once the private key comes into play is one and the same
 * `decryption` failure (RFC 3218).
 */
import { constants, createCipheriv, createDecipheriv, publicEncrypt } from "node:crypto";
import { oids } from "../der/oids.ts";
import { context, type Element, type ReadOptions, readDer, sequence, tag } from "../der/reader.ts";
import { equalBytes, octets, oid, smallInteger } from "../der/values.ts";
import {
	algorithmIdentifier,
	contextOf,
	contextPrimitive,
	integer,
	nullValue,
	objectIdentifier,
	octetString,
	sequenceOf,
	setOf,
} from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import type { Keys, Random } from "../ports.ts";
import { type Algorithm, type Cipher, ciphers, readAlgorithm } from "./algorithms.ts";
import type { X509 } from "./certificate.ts";
import { readContentInfo } from "./signed-data.ts";

export interface EnvelopedData {
	issuer: Uint8Array;
	serialNumber: Uint8Array;
	encryptedKey: Uint8Array;
	cipher: Cipher;
	iv: Uint8Array;
	ciphertext: Uint8Array;
}

const undecipherable = (why: string): OtaError => new OtaError("decryption", `EnvelopedData: ${why}`);

/** Encrypts to one certificate, named by issuer and serial number, and to nobody else. */
export function envelop(content: Uint8Array, recipient: X509, cipherName: Cipher["name"], random: Random): Uint8Array {
	const cipher = ciphers.find((each) => each.name === cipherName) as Cipher;
	const key = random(cipher.keyLength);
	const iv = random(cipher.blockLength);
	const encryption = createCipheriv(cipher.name, key, iv);
	const ciphertext = Buffer.concat([encryption.update(content), encryption.final()]);
	const encryptedKey = publicEncrypt({ key: recipient.publicKey, padding: constants.RSA_PKCS1_PADDING }, key);
	const recipientInfo = sequenceOf(
		integer(0),
		sequenceOf(recipient.issuer, recipient.serialNumberDer),
		algorithmIdentifier(oids.rsaEncryption, nullValue()),
		octetString(encryptedKey),
	);
	const encrypted = sequenceOf(
		objectIdentifier(oids.data),
		algorithmIdentifier(cipher.oid, octetString(iv)),
		contextPrimitive(0, ciphertext),
	);
	const data = sequenceOf(integer(0), setOf(recipientInfo), encrypted);
	return sequenceOf(objectIdentifier(oids.envelopedData), contextOf(0, data));
}

/** ContentInfo with EnvelopedData; BER unless told. `decryption` for shapes we have no key for, `algorithm` for ciphers. */
export function readEnvelopedData(bytes: Uint8Array, options: ReadOptions = { ber: true }): EnvelopedData {
	const root = readDer(bytes, options);
	const [type] = root.children;
	if (type?.tag === tag.oid && oid(type) === oids.authEnvelopedData) {
		throw new OtaError("algorithm", "AuthEnvelopedData is not accepted");
	}
	const fields = sequence(readContentInfo(root, oids.envelopedData), "EnvelopedData");
	// Section 6.1: 0 for one recipient named by issuer and serial number, and nothing that is optional.
	if (smallInteger(fields.take(tag.integer)) !== 0) throw undecipherable("another version than 0");
	const [recipient, ...others] = fields.take(tag.set).children;
	if (!recipient || others.length > 0) throw undecipherable("exactly one recipient is expected");
	const encrypted = sequence(fields.take(), "EncryptedContentInfo");
	fields.end();
	if (oid(encrypted.take()) !== oids.data) throw undecipherable("content is not of type data");
	const { cipher, iv } = readCipher(readAlgorithm(encrypted.take(), "ContentEncryptionAlgorithm"));
	const ciphertext = octets(encrypted.take(), context(0, false));
	encrypted.end();
	return { ...readRecipient(recipient), cipher, iv, ciphertext };
}

function readRecipient(element: Element): Pick<EnvelopedData, "issuer" | "serialNumber" | "encryptedKey"> {
	if (element.tag !== tag.sequence) throw undecipherable("recipient of another kind than key transport");
	const fields = sequence(element, "KeyTransRecipientInfo");
	if (smallInteger(fields.take(tag.integer)) !== 0) throw undecipherable("recipient of another version than 0");
	const name = fields.take();
	if (name.tag !== tag.sequence) throw undecipherable("recipient not named by issuer and serial number");
	const rid = sequence(name, "IssuerAndSerialNumber");
	const issuer = rid.take(tag.sequence).raw;
	const serialNumber = rid.take(tag.integer).raw;
	rid.end();
	const transport = readAlgorithm(fields.take(), "KeyEncryptionAlgorithm");
	const encryptedKey = octets(fields.take());
	fields.end();
	if (transport.oid !== oids.rsaEncryption || transport.parameters !== null) {
		throw new OtaError("algorithm", `key transport ${transport.oid} is not accepted`);
	}
	return { issuer, serialNumber, encryptedKey };
}

function readCipher(algorithm: Algorithm): { cipher: Cipher; iv: Uint8Array } {
	const cipher = ciphers.find((each) => each.oid === algorithm.oid);
	if (!cipher) throw new OtaError("algorithm", `content cipher ${algorithm.oid} is not accepted`);
	const iv = algorithm.parameters ? octets(algorithm.parameters) : new Uint8Array();
	return { cipher, iv };
}

/** The content, by the RA key. Every failure is the same `decryption`. */
export async function openEnvelopedData(
	envelope: EnvelopedData,
	recipient: X509,
	unwrap: Keys["unwrap"],
): Promise<Uint8Array> {
	const ours =
		equalBytes(envelope.issuer, recipient.issuer) && equalBytes(envelope.serialNumber, recipient.serialNumberDer);
	if (!ours) throw undecipherable("it is for another recipient");
	const size = (recipient.publicKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
	if (envelope.encryptedKey.length !== size) throw undecipherable("encrypted key of a wrong size");
	const key = await unwrap(envelope.encryptedKey, envelope.cipher.keyLength);
	const { cipher, iv, ciphertext } = envelope;
	if (iv.length !== cipher.blockLength || ciphertext.length % cipher.blockLength !== 0 || ciphertext.length === 0) {
		throw undecipherable("it cannot be opened");
	}
	const decipher = createDecipheriv(cipher.name, key, iv);
	try {
		return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
	} catch {
		throw undecipherable("it cannot be opened");
	}
}
