/** What Apple's SCEP client reads out of GetCACaps and GetCACert (RFC 8894 sections 3.5 and 4.2). */
import { createHash } from "node:crypto";
import { ensure } from "./errors.ts";
import type { Cipher, Digest } from "./oids.ts";
import { carefulReading, type Reading } from "./reading.ts";
import { readSignedData } from "./signed-data-reader.ts";

/** What was agreed on. */
export interface Capabilities {
	digest: Digest;
	cipher: Cipher;
	/** PKIOperation by POST; otherwise by GET. */
	post: boolean;
	/** The items as read. */
	items: string[];
}

/** Chooses from the text of GetCACaps: split at CR and LF, compared exactly. Throws when no digest is offered (22006). */
export function chooseCapabilities(text: string, step = "GetCACaps"): Capabilities {
	const items = text.split(/[\r\n]+/).filter((item) => item !== "");
	const offers: [string, Digest][] = [
		["SHA-512", "sha512"],
		["SHA-256", "sha256"],
		["SHA-1", "sha1"],
	];
	const digest = offers.find(([item]) => items.includes(item))?.[1];
	ensure(digest, step, "Error 22006: the SCEP server offers none of SHA-512, SHA-256 and SHA-1.");
	const cipher: Cipher = items.includes("AES") ? "aes-128-cbc" : "des-ede3-cbc";
	return { digest, cipher, post: items.includes("POSTPKIOperation"), items };
}

/** The certificates of GetCACert, DER, by their roles. */
export interface ScepAuthorities {
	/** To encrypt to; signs the answers. */
	ra: Uint8Array;
	/** The top certificate, to which everything chains. */
	top: Uint8Array;
	/** All of them, as received. */
	all: Uint8Array[];
}

/**
 * Selects RA and top as Apple's client does. `application/x-x509-ca-cert`: the one certificate is both. Otherwise every
 * certificate must chain, through the others, to one top, and the first other one with keyUsage digitalSignature
 * and keyEncipherment is the RA.
 */
export function selectAuthorities(
	body: Uint8Array,
	contentType: string,
	step = "GetCACert",
	reading: Reading = carefulReading,
): ScepAuthorities {
	if (contentType === "application/x-x509-ca-cert") {
		ensure(reading.certificate(body).publicKey.asymmetricKeyType === "rsa", step, "The CA's key must be RSA.");
		return { ra: body, top: body, all: [body] };
	}
	const message = readSignedData(body, step, reading);
	ensure(message.signerInfos.length === 0, step, "GetCACert must answer certificates only.");
	return selectFrom(message.certificates, step, reading);
}

/** The selection itself, over DER certificates in the order received. */
export function selectFrom(
	certificates: readonly Uint8Array[],
	step = "GetCACert",
	reading: Reading = carefulReading,
): ScepAuthorities {
	const fields = certificates.map((one) => reading.certificate(one));
	const issuerOf = (at: number): number =>
		fields.findIndex((one, other) => other !== at && reading.isIssuedBy(fields[at] as (typeof fields)[0], one));
	const tops = new Set(fields.map((_, at) => topOf(at, issuerOf)));
	ensure(tops.size === 1, step, "The certificates of GetCACert must all chain to one top certificate.");
	const [topAt] = tops;
	const raAt = fields.findIndex(({ keyUsage }, at) => at !== topAt && keyUsage?.has(0) && keyUsage.has(2));
	const [ra, top] = [certificates[raAt], certificates[topAt ?? -1]];
	ensure(ra && top, step, "None of GetCACert's certificates may both sign and encipher keys: there is no RA.");
	const { publicKey } = reading.certificate(ra);
	ensure(publicKey.asymmetricKeyType === "rsa", step, "The RA's key must be RSA.");
	return { ra, top, all: [...certificates] };
}

function topOf(start: number, issuerOf: (at: number) => number): number {
	let at = start;
	for (let depth = 0; depth < 16; depth++) {
		const issuer = issuerOf(at);
		if (issuer === -1) return at;
		at = issuer;
	}
	return at;
}

/** CAFingerprint: SHA-1 (20 bytes) of the top certificate. Longer digests are refused by some systems. */
export function checkFingerprint(top: Uint8Array, fingerprint: Uint8Array | undefined, step = "GetCACert"): void {
	if (!fingerprint) return;
	ensure(fingerprint.length === 20, step, "CAFingerprint must be a SHA-1 digest, 20 bytes.");
	const actual = createHash("sha1").update(top).digest();
	ensure(actual.equals(fingerprint), step, "CAFingerprint is not that of the CA's top certificate.");
}
