/** Which (digest, signature, key) triples and content ciphers exist for us (RFC 3370, 5754, 3565), by OID. */

import { oids } from "../der/oids.ts";
import { type Element, sequence, tag } from "../der/reader.ts";
import { oid } from "../der/values.ts";
import { OtaError } from "../errors.ts";

export type Digest = "sha1" | "sha256" | "sha384" | "sha512";

/** AlgorithmIdentifier: the OID, and the parameters' element unless absent or NULL. */
export interface Algorithm {
	oid: string;
	parameters: Element | null;
}

export function readAlgorithm(element: Element, what: string): Algorithm {
	const fields = sequence(element, what);
	const dotted = oid(fields.take());
	const parameters = fields.done ? null : fields.take();
	fields.end();
	return { oid: dotted, parameters: parameters?.tag === tag.null ? null : parameters };
}

const digests: Readonly<Record<string, Digest>> = {
	[oids.sha1]: "sha1",
	[oids.sha256]: "sha256",
	[oids.sha384]: "sha384",
	[oids.sha512]: "sha512",
};
export const digestOids: Readonly<Record<Digest, string>> = {
	sha1: oids.sha1,
	sha256: oids.sha256,
	sha384: oids.sha384,
	sha512: oids.sha512,
};

/** The digest of an AlgorithmIdentifier's OID; `algorithm` when it is none of ours. */
export function digestOf(dotted: string): Digest {
	const digest = digests[dotted];
	if (digest === undefined) throw new OtaError("algorithm", `digest ${dotted} is not accepted`);
	return digest;
}

interface SignatureAlgorithm {
	key: "rsa" | "ec";
	/** Undefined: `rsaEncryption`, which leaves the digest to SignerInfo. */
	digest?: Digest;
}
const signatures: Readonly<Record<string, SignatureAlgorithm>> = {
	[oids.rsaEncryption]: { key: "rsa" },
	[oids.sha1WithRsa]: { key: "rsa", digest: "sha1" },
	[oids.sha256WithRsa]: { key: "rsa", digest: "sha256" },
	[oids.sha384WithRsa]: { key: "rsa", digest: "sha384" },
	[oids.sha512WithRsa]: { key: "rsa", digest: "sha512" },
	[oids.ecdsaWithSha1]: { key: "ec", digest: "sha1" },
	[oids.ecdsaWithSha256]: { key: "ec", digest: "sha256" },
	[oids.ecdsaWithSha384]: { key: "ec", digest: "sha384" },
	[oids.ecdsaWithSha512]: { key: "ec", digest: "sha512" },
};

/** The signature algorithm of an OID; `algorithm` when it is none of ours (RSASSA-PSS, DSA, EdDSA, MD5). */
export function signatureOf(dotted: string): SignatureAlgorithm {
	const signature = signatures[dotted];
	if (signature === undefined) throw new OtaError("algorithm", `signature algorithm ${dotted} is not accepted`);
	return signature;
}

/** Signature OID of X.509 and CMS for a key's type and a digest; null parameters where RFC 4055 wants NULL. */
export function signatureOid(key: "rsa" | "ec", digest: "sha256" | "sha384" | "sha512"): string {
	const table = {
		rsa: { sha256: oids.sha256WithRsa, sha384: oids.sha384WithRsa, sha512: oids.sha512WithRsa },
		ec: { sha256: oids.ecdsaWithSha256, sha384: oids.ecdsaWithSha384, sha512: oids.ecdsaWithSha512 },
	};
	return table[key][digest];
}

export interface Cipher {
	oid: string;
	/** node:crypto's name. */
	name: "aes-128-cbc" | "aes-192-cbc" | "aes-256-cbc" | "des-ede3-cbc";
	keyLength: 16 | 24 | 32;
	blockLength: 8 | 16;
}
export const ciphers: readonly Cipher[] = [
	{ oid: oids.aes128Cbc, name: "aes-128-cbc", keyLength: 16, blockLength: 16 },
	{ oid: oids.aes192Cbc, name: "aes-192-cbc", keyLength: 24, blockLength: 16 },
	{ oid: oids.aes256Cbc, name: "aes-256-cbc", keyLength: 32, blockLength: 16 },
	{ oid: oids.desEde3Cbc, name: "des-ede3-cbc", keyLength: 24, blockLength: 8 },
];
