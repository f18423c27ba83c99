/** Builds PKCSReq (RFC 8894 section 3.3.1) as Apple's client does, and in every way that a server must refuse. */
import { createHash, createPublicKey, type KeyObject, randomBytes, randomUUID } from "node:crypto";
import { octetString, string } from "./ber.ts";
import { buildCertificate, publicKeyInfo, rsaPublicKey } from "./certificate.ts";
import { buildCsr, type CsrOptions } from "./csr.ts";
import { buildEnvelopedData, type EnvelopedDataOptions } from "./enveloped-data.ts";
import type { Cipher, Digest } from "./oids.ts";
import { buildSignedData, type SignedDataOptions, type SignerOptions } from "./signed-data.ts";

/** iPhone: CN = random UUID. Mac: CN=MDM SCEP SIGNER, keyUsage digitalSignature alone. */
export type SignerStyle = "iphone" | "mac";

/** The PKCSReq and its knobs. The CSR's own knobs are those of CsrOptions. */
export interface PkcsReqOptions extends CsrOptions {
	/** RA certificates (DER) to encrypt to, one RecipientInfo each. */
	recipients: readonly Uint8Array[];
	/** Who signs the message: a certificate that exists (renewal, forgery) ... */
	signer?: { certificate: Uint8Array; privateKey: KeyObject };
	/** ... or the key of a self-signed one; the CSR's key unless told. */
	signerKey?: KeyObject;
	signerStyle?: SignerStyle;
	/** Put in the message's bag instead of the signer's certificate. */
	certificates?: readonly Uint8Array[];
	/** "19" unless told. */
	messageType?: string;
	/** Upper-case hex SHA-1 of the PKCS#1 public key unless told. */
	transactionID?: string;
	/** 16 random bytes unless told. */
	senderNonce?: Uint8Array;
	/** Of the CMS signature; sha256 unless told. */
	messageDigestAlgorithm?: Digest;
	/** aes-128-cbc unless told. */
	cipher?: Cipher;
	encoding?: "ber" | "der";
	/** Encrypted instead of the CSR. */
	enveloped?: Uint8Array;
	/** Further knobs of the EnvelopedData (rsaBlock, iv, tamperCiphertext ...), of the SignerInfo (omit, duplicate ...), of the SignedData. */
	envelope?: Partial<EnvelopedDataOptions>;
	signerInfo?: Partial<SignerOptions>;
	signedData?: Partial<SignedDataOptions>;
	/** A second SignerInfo by this signer, or none at all. */
	secondSigner?: { certificate: Uint8Array; privateKey: KeyObject };
	noSigner?: boolean;
	/** Bytes after the message's end. */
	trailing?: Uint8Array;
}

/** A PKCSReq with what is needed to judge its answer. */
export interface PkcsReq {
	message: Uint8Array;
	transactionID: string;
	senderNonce: Uint8Array;
	csr: Uint8Array;
	/** What signed the message; the answer is encrypted to it. */
	signer: { certificate: Uint8Array; privateKey: KeyObject };
}

/** Upper-case hex SHA-1 of the PKCS#1 RSAPublicKey. */
export function transactionIdOf(key: KeyObject): string {
	const publicKey = key.type === "private" ? createPublicKey(key) : key;
	const isRsa = publicKey.asymmetricKeyType === "rsa";
	const der = isRsa ? rsaPublicKey(publicKey) : publicKeyInfo(publicKey);
	return createHash("sha1").update(der).digest("hex").toUpperCase();
}

/** The throw-away certificate that signs a first request. */
export function selfSignedSigner(
	key: KeyObject,
	style: SignerStyle = "iphone",
): { certificate: Uint8Array; privateKey: KeyObject } {
	const day = 86_400_000;
	const certificate = buildCertificate({
		subject: [["CN", style === "mac" ? "MDM SCEP SIGNER" : randomUUID().toUpperCase()]],
		key,
		serialNumber: Uint8Array.of(1),
		notBefore: new Date(Date.now() - day),
		notAfter: new Date(Date.now() + 365 * day),
		keyUsage: style === "mac" ? [0] : [0, 2],
	});
	return { certificate, privateKey: key };
}

/** A PKCSReq (RFC 8894 section 3.3.1) in Apple's encoding. */
export function buildPkcsReq(options: PkcsReqOptions): PkcsReq {
	const csr = buildCsr(options);
	const signer = options.signer ?? selfSignedSigner(options.signerKey ?? options.key, options.signerStyle);
	const transactionID = options.transactionID ?? transactionIdOf(options.publicKey ?? options.key);
	const senderNonce = options.senderNonce ?? new Uint8Array(randomBytes(16));
	const encoding = options.encoding ?? "ber";
	const content = buildEnvelopedData({
		content: options.enveloped ?? csr,
		recipients: options.recipients,
		...(options.cipher ? { cipher: options.cipher } : {}),
		encoding,
		...options.envelope,
	});
	const signerInfo = (by: { certificate: Uint8Array; privateKey: KeyObject }): SignerOptions => ({
		certificate: by.certificate,
		key: by.privateKey,
		digest: options.messageDigestAlgorithm ?? "sha256",
		attributes: [
			{ name: "messageType", values: [string(options.messageType ?? "19", "printable")] },
			{ name: "transactionID", values: [string(transactionID, "printable")] },
			{ name: "senderNonce", values: [octetString(senderNonce)] },
		],
		...options.signerInfo,
	});
	const second = options.secondSigner ? [options.secondSigner] : [];
	const signers = options.noSigner ? [] : [signer, ...second].map(signerInfo);
	const message = buildSignedData({
		content,
		signers,
		certificates: options.certificates ?? [signer, ...second].map((one) => one.certificate),
		encoding,
		...(options.trailing ? { trailing: options.trailing } : {}),
		...options.signedData,
	});
	return { message, transactionID, senderNonce, csr, signer };
}
