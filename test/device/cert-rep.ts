/** Judges a CertRep (RFC 8894 section 3.3.2) as Apple's client does. */
import type { KeyObject } from "node:crypto";
import { octets } from "./der-reader.ts";
import { openEnvelopedData } from "./enveloped-data.ts";
import { ensure } from "./errors.ts";
import { type Cipher, type Digest, oids } from "./oids.ts";
import { carefulReading, type Reading } from "./reading.ts";
import { readSignedData, type VerifiedData, verifySignedData } from "./signed-data-reader.ts";

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
	/** On SUCCESS of a GetCRL, DER. */
	crls: Uint8Array[];
	/** Content cipher of the envelope and digest of the signature. */
	cipher: Cipher | null;
	digest: Digest;
	signatureAlgorithm: string;
}

type Attributes = VerifiedData["attributes"];

function text(attributes: Attributes, type: string): string | null {
	const values = attributes.get(type);
	const [value] = values ?? [];
	// Of the one kind or the other: PrintableString or UTF8String (failInfoText).
	if (values?.length !== 1 || (value?.tag !== 0x13 && value?.tag !== 12)) return null;
	return Buffer.from(value.content).toString(value.tag === 12 ? "utf8" : "latin1");
}

function isPrintable(attributes: Attributes, type: string): boolean {
	return attributes.get(type)?.every(({ tag }) => tag === 0x13) ?? true;
}

/** messageType, transactionID and both nonces as they must be; answers the pkiStatus. */
function checkAttributes(attributes: Attributes, expected: CertRepExpectation, step: string): CertRep["pkiStatus"] {
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
	return pkiStatus;
}

/**
 * Verifies and opens a CertRep as Apple's client does (one signer that equals an authority, attributes, nonce, envelope).
 * A FAILURE or PENDING is returned, not thrown. Throws DeviceError of step "CertRep" on anything malformed.
 */
export function parseCertRep(
	message: Uint8Array,
	expected: CertRepExpectation,
	step = "CertRep",
	reading: Reading = carefulReading,
): CertRep {
	const verified = verifySignedData(message, step, { known: expected.authorities, reading });
	const isAuthority = expected.authorities.some((one) => Buffer.from(one).equals(verified.signer));
	ensure(isAuthority, step, "The CertRep's signer is not the RA or CA of GetCACert.");
	ensure(verified.eContentType === oids.data, step, "The CertRep's content type must be data.");
	const pkiStatus = checkAttributes(verified.attributes, expected, step);
	const { attributes, digest, signatureAlgorithm, content } = verified;
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
			crls: [],
			cipher: null,
		};
	}
	ensure(content, step, "A SUCCESS must have content.");
	const opened = openEnvelopedData(content, expected.signer, step, reading);
	const inner = readSignedData(opened.content, step, reading);
	const { certificates, crls } = inner;
	ensure(inner.signerInfos.length === 0, step, "The inner SignedData must carry certificates only.");
	ensure(certificates.length + crls.length > 0, step, "The CertRep carries no certificate.");
	ensure(certificates.length === 0 || crls.length === 0, step, "The CertRep carries certificates and lists.");
	return { ...shared, failInfo: null, failInfoText: null, certificates, crls, cipher: opened.cipher };
}
