/** SCEP messages (RFC 8894 section 3) from the client's side: PKCSReq as Apple builds it, CertRep as Apple judges it. */
import { createHash, createPublicKey, type KeyObject, randomBytes, randomUUID } from "node:crypto";
import type * as asn1js from "asn1js";
import { octetString, string } from "./ber.ts";
import { buildCertificate, publicKeyInfo } from "./certificate.ts";
import { buildCsr, type CsrOptions } from "./csr.ts";
import { octets, rawBytes } from "./der-reader.ts";
import { buildEnvelopedData, type EnvelopedDataOptions, openEnvelopedData } from "./enveloped-data.ts";
import { ensure } from "./errors.ts";
import { type Cipher, type Digest, oids } from "./oids.ts";
import { buildSignedData, type SignedDataOptions, type SignerOptions } from "./signed-data.ts";
import { readSignedData, verifySignedData } from "./signed-data-reader.ts";

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
	const der = isRsa ? publicKey.export({ type: "pkcs1", format: "der" }) : publicKeyInfo(publicKey);
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

/** What a CertRep answers to. */
export interface CertRepExpectation {
	/** Certificates that may sign: the RA (or CA) of GetCACert, DER. */
	authorities: readonly Uint8Array[];
	/** The request's signer: the envelope is addressed to it. */
	signer: { certificate: Uint8Array; privateKey: KeyObject };
	transactionID: string;
	senderNonce: Uint8Array;
}

/** A CertRep that is what it claims to be. */
export interface CertRep {
	/** "0" SUCCESS, "2" FAILURE, "3" PENDING. */
	pkiStatus: "0" | "2" | "3";
	/** On FAILURE: 0 badAlg, 1 badMessageCheck, 2 badRequest, 3 badTime, 4 badCertId. */
	failInfo: number | null;
	failInfoText: string | null;
	/** On SUCCESS, DER; element 0 is THE certificate. */
	certificates: Uint8Array[];
	/** Content cipher of the envelope and digest of the signature. */
	cipher: Cipher | null;
	digest: Digest;
	signatureAlgorithm: string;
}

function text(attributes: ReadonlyMap<string, readonly asn1js.AsnType[]>, type: string): string | null {
	const values = attributes.get(type);
	if (values?.length !== 1) return null;
	return (values[0] as asn1js.PrintableString).valueBlock.value ?? null;
}

function isPrintable(attributes: ReadonlyMap<string, readonly asn1js.AsnType[]>, type: string): boolean {
	return attributes.get(type)?.every((one) => rawBytes(one)[0] === 0x13) ?? true;
}

/**
 * Verifies and opens a CertRep as Apple's client does (one signer that equals an authority, attributes, nonce, envelope).
 * A FAILURE or PENDING is returned, not thrown. Throws DeviceError of step "CertRep" on anything malformed.
 */
export function parseCertRep(message: Uint8Array, expected: CertRepExpectation, step = "CertRep"): CertRep {
	const verified = verifySignedData(message, step, { known: expected.authorities });
	const isAuthority = expected.authorities.some((one) => Buffer.from(one).equals(verified.signer));
	ensure(isAuthority, step, "The CertRep's signer is not the RA or CA of GetCACert.");
	ensure(verified.eContentType === oids.data, step, "The CertRep's content type must be data.");
	const { attributes } = verified;
	for (const name of ["messageType", "pkiStatus", "transactionID", "failInfo"] as const) {
		ensure(isPrintable(attributes, oids[name]), step, `The attribute ${name} must be a PrintableString.`);
	}
	ensure(text(attributes, oids.messageType) === "3", step, "The answer's messageType must be 3 (CertRep).");
	ensure(
		text(attributes, oids.transactionID) === expected.transactionID,
		step,
		"The transactionID is not the request's.",
	);
	const nonce = attributes.get(oids.recipientNonce)?.[0];
	ensure(
		nonce && Buffer.from(octets(nonce, step)).equals(expected.senderNonce),
		step,
		"The recipientNonce is not ours.",
	);
	const senderNonce = attributes.get(oids.senderNonce)?.[0];
	ensure(senderNonce && octets(senderNonce, step).length === 16, step, "The CertRep needs a senderNonce of 16 bytes.");
	const pkiStatus = text(attributes, oids.pkiStatus);
	ensure(pkiStatus === "0" || pkiStatus === "2" || pkiStatus === "3", step, "The pkiStatus must be 0, 2 or 3.");
	const { digest, signatureAlgorithm, content } = verified;
	const shared = { pkiStatus, digest, signatureAlgorithm } as const;
	if (pkiStatus !== "0") {
		const failInfo = text(attributes, oids.failInfo);
		ensure(pkiStatus === "3" || failInfo !== null, step, "A FAILURE must say its failInfo.");
		const failInfoText = text(attributes, oids.failInfoText);
		return {
			...shared,
			failInfo: failInfo === null ? null : Number(failInfo),
			failInfoText,
			certificates: [],
			cipher: null,
		};
	}
	ensure(content, step, "A SUCCESS must have content.");
	const opened = openEnvelopedData(content, expected.signer, step);
	const inner = readSignedData(opened.content, step);
	ensure(inner.signerInfos.length === 0, step, "The inner SignedData must carry certificates only.");
	ensure(inner.certificates.length > 0, step, "The CertRep carries no certificate.");
	return { ...shared, failInfo: null, failInfoText: null, certificates: inner.certificates, cipher: opened.cipher };
}
