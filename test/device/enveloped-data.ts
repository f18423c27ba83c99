/**
 * Builds EnvelopedData (RFC 5652 section 6) as Apple's SCEP client does, and opens what the server encrypted
 * to the device: RSAES-PKCS1-v1_5 key transport, CBC content.
 */
import {
	constants,
	createCipheriv,
	createDecipheriv,
	type KeyObject,
	privateDecrypt,
	publicEncrypt,
	randomBytes,
} from "node:crypto";
import {
	algorithm,
	concat,
	indefinite,
	integer,
	octetString,
	oid,
	segmentedOctetString,
	sequence,
	set,
	tlv,
} from "./ber.ts";
import { type Element, isContext, octets, oidOf, sequenceOf, setMembers } from "./der-reader.ts";
import { DeviceError, ensure } from "./errors.ts";
import { type Cipher, ciphers, oids } from "./oids.ts";
import { carefulReading, type Reading } from "./reading.ts";

/** The EnvelopedData and its knobs. */
export interface EnvelopedDataOptions {
	content: Uint8Array;
	/** DER certificates, one RecipientInfo each. */
	recipients: readonly Uint8Array[];
	/** aes-128-cbc unless told. */
	cipher?: Cipher;
	encoding?: "ber" | "der";
	chunk?: number;
	/** Content key and IV; random unless told. Their lengths are not checked. */
	contentKey?: Uint8Array;
	iv?: Uint8Array;
	/** The raw RSA block to encrypt instead of a well-padded content key: modulus-length bytes, or made from them. */
	rsaBlock?: Uint8Array | ((contentKey: Uint8Array, modulusLength: number) => Uint8Array);
	/** Claimed instead of the cipher's own OID. */
	cipherOid?: string;
	/** Changes the ciphertext before it is put in. */
	tamperCiphertext?: (ciphertext: Uint8Array) => Uint8Array;
	trailing?: Uint8Array;
	/** Of the recipients' certificates; careful unless told. */
	reading?: Reading;
}

/** The shapes of a PKCS#1 v1.5 block that a decrypter must treat alike (RFC 3218). */
export const blockShapes = [
	"good",
	"bad lead",
	"bad block type",
	"short padding",
	"no separator",
	"separator early",
	"wrong key length",
	"wrong key",
] as const;
export type BlockShape = (typeof blockShapes)[number];

/** An encryption block (RFC 8017 section 7.2.1) of the given shape around `contentKey`. */
export function pkcs1Block(shape: BlockShape, contentKey: Uint8Array, modulusLength: number): Uint8Array {
	const key =
		shape === "wrong key length"
			? contentKey.subarray(0, contentKey.length - 1)
			: shape === "wrong key"
				? new Uint8Array(randomBytes(contentKey.length))
				: contentKey;
	const block = Uint8Array.from(randomBytes(modulusLength), (byte) => byte || 1);
	const separator = modulusLength - key.length - 1;
	block.set([0, 2], 0);
	block[separator] = 0;
	block.set(key, separator + 1);
	if (shape === "bad lead") block[0] = 1;
	if (shape === "bad block type") block[1] = 1;
	if (shape === "short padding") block[6] = 0;
	if (shape === "separator early") block[separator - 3] = 0;
	if (shape === "no separator") for (let at = 2; at < modulusLength; at++) block[at] ||= 1;
	return block;
}

function recipientInfo(certificate: Uint8Array, contentKey: Uint8Array, options: EnvelopedDataOptions) {
	const { issuer, serialNumber, publicKey } = (options.reading ?? carefulReading).certificate(certificate);
	const { rsaBlock } = options;
	const modulusLength = (publicKey.asymmetricKeyDetails?.modulusLength ?? 2048) / 8;
	const block = typeof rsaBlock === "function" ? rsaBlock(contentKey, modulusLength) : rsaBlock;
	const encryptedKey = block
		? publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block)
		: publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, contentKey);
	return sequence(
		integer(0),
		sequence(issuer, serialNumber),
		algorithm(oids.rsaEncryption),
		octetString(new Uint8Array(encryptedKey)),
	);
}

/** ContentInfo with EnvelopedData. */
export function buildEnvelopedData(options: EnvelopedDataOptions): Uint8Array {
	const cipher = options.cipher ?? "aes-128-cbc";
	const suite = ciphers[cipher];
	const contentKey = options.contentKey ?? new Uint8Array(randomBytes(suite.keyLength));
	const iv = options.iv ?? new Uint8Array(randomBytes(suite.ivLength));
	const encryptor = createCipheriv(cipher, contentKey, iv);
	const plain = concat([encryptor.update(options.content), encryptor.final()]);
	const ciphertext = options.tamperCiphertext?.(plain) ?? plain;
	const ber = options.encoding !== "der";
	const wrap = (tag: number, ...children: Uint8Array[]): Uint8Array =>
		ber ? indefinite(tag, children) : tlv(tag, concat(children));
	const encrypted = ber ? segmentedOctetString(ciphertext, options.chunk ?? 512, 0xa0) : tlv(0x80, ciphertext);
	const envelopedData = wrap(
		0x30,
		integer(0),
		set(...options.recipients.map((one) => recipientInfo(one, contentKey, options))),
		wrap(0x30, oid(oids.data), algorithm(options.cipherOid ?? suite.oid, octetString(iv)), encrypted),
	);
	const message = wrap(0x30, oid(oids.envelopedData), wrap(0xa0, envelopedData));
	return options.trailing ? concat([message, options.trailing]) : message;
}

function unpad(block: Uint8Array, step: string): Uint8Array {
	const separator = block.indexOf(0, 2);
	ensure(block[0] === 0 && block[1] === 2 && separator >= 10, step, "The content key is not PKCS#1 v1.5 padded.");
	return block.subarray(separator + 1);
}

/**
 * Opens EnvelopedData as Apple's client does: exactly one KeyTransRecipientInfo that names `certificate` by issuer and serial
 * number, rsaEncryption, a CBC cipher that Apple reads, id-data inside. Throws DeviceError of `step`.
 */
export function openEnvelopedData(
	message: Uint8Array,
	identity: { certificate: Uint8Array; privateKey: KeyObject },
	step: string,
	reading: Reading = carefulReading,
): { content: Uint8Array; cipher: Cipher } {
	const [type, wrapped] = sequenceOf(reading.parse(message, step), step);
	ensure(oidOf(type, step) === oids.envelopedData, step, "The encrypted content is not EnvelopedData.");
	ensure(isContext(wrapped, 0), step, "The EnvelopedData is missing.");
	const [, recipients, encrypted, ...more] = sequenceOf(wrapped.members[0], step);
	ensure(more.length === 0, step, "The EnvelopedData has an unexpected shape.");
	const [recipient, ...others] = setMembers(recipients, step);
	ensure(recipient && others.length === 0, step, "The EnvelopedData must have exactly one recipient.");
	const contentKey = unwrapKey(recipient, identity, step, reading);
	const [contentType, algorithmId, ciphertext] = sequenceOf(encrypted, step);
	ensure(oidOf(contentType, step) === oids.data, step, "The encrypted content's type must be data.");
	const [cipherId, parameters] = sequenceOf(algorithmId, step);
	const found = Object.entries(ciphers).find(([, one]) => one.oid === oidOf(cipherId, step));
	ensure(found, step, `Apple's client does not read the content cipher ${oidOf(cipherId, step)}.`);
	ensure(contentKey.length === found[1].keyLength, step, "The content key's length does not fit the cipher.");
	try {
		const decryptor = createDecipheriv(found[0], contentKey, octets(parameters, step));
		const content = concat([decryptor.update(octets(ciphertext, step)), decryptor.final()]);
		return { content, cipher: found[0] as Cipher };
	} catch (cause) {
		throw new DeviceError(step, "The encrypted content does not decrypt.", { cause });
	}
}

function unwrapKey(
	recipient: Element,
	identity: { certificate: Uint8Array; privateKey: KeyObject },
	step: string,
	reading: Reading,
): Uint8Array {
	const [version, rid, transport, encryptedKey] = sequenceOf(recipient, step);
	const isByIssuer = version?.tag === 2 && version.content.length === 1 && version.content[0] === 0;
	ensure(isByIssuer && rid, step, "The recipient is not by issuer.");
	const { issuer, serialNumber } = reading.certificate(identity.certificate);
	ensure(
		Buffer.compare(rid.raw, sequence(issuer, serialNumber)) === 0,
		step,
		"The recipient does not name this device's certificate.",
	);
	const [algorithmId] = sequenceOf(transport, step);
	ensure(oidOf(algorithmId, step) === oids.rsaEncryption, step, "The key transport must be rsaEncryption.");
	try {
		const padding = constants.RSA_NO_PADDING;
		return unpad(privateDecrypt({ key: identity.privateKey, padding }, octets(encryptedKey, step)), step);
	} catch (cause) {
		if (cause instanceof DeviceError) throw cause;
		throw new DeviceError(step, "The content key does not decrypt with this device's key.", { cause });
	}
}
