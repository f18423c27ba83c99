/** The object identifiers that the device speaks, by the standards' names. */
export const oids = {
	rsaEncryption: "1.2.840.113549.1.1.1",
	sha1WithRSAEncryption: "1.2.840.113549.1.1.5",
	sha256WithRSAEncryption: "1.2.840.113549.1.1.11",
	sha384WithRSAEncryption: "1.2.840.113549.1.1.12",
	sha512WithRSAEncryption: "1.2.840.113549.1.1.13",
	ecdsaWithSHA1: "1.2.840.10045.4.1",
	ecdsaWithSHA256: "1.2.840.10045.4.3.2",
	ecdsaWithSHA384: "1.2.840.10045.4.3.3",
	ecdsaWithSHA512: "1.2.840.10045.4.3.4",
	data: "1.2.840.113549.1.7.1",
	signedData: "1.2.840.113549.1.7.2",
	envelopedData: "1.2.840.113549.1.7.3",
	tstInfo: "1.2.840.113549.1.9.16.1.4",
	contentType: "1.2.840.113549.1.9.3",
	messageDigest: "1.2.840.113549.1.9.4",
	signingTime: "1.2.840.113549.1.9.5",
	challengePassword: "1.2.840.113549.1.9.7",
	extensionRequest: "1.2.840.113549.1.9.14",
	md5: "1.2.840.113549.2.5",
	sha1: "1.3.14.3.2.26",
	sha256: "2.16.840.1.101.3.4.2.1",
	sha384: "2.16.840.1.101.3.4.2.2",
	sha512: "2.16.840.1.101.3.4.2.3",
	desEde3Cbc: "1.2.840.113549.3.7",
	aes128Cbc: "2.16.840.1.101.3.4.1.2",
	aes192Cbc: "2.16.840.1.101.3.4.1.22",
	aes256Cbc: "2.16.840.1.101.3.4.1.42",
	messageType: "2.16.840.1.113733.1.9.2",
	pkiStatus: "2.16.840.1.113733.1.9.3",
	failInfo: "2.16.840.1.113733.1.9.4",
	senderNonce: "2.16.840.1.113733.1.9.5",
	recipientNonce: "2.16.840.1.113733.1.9.6",
	transactionID: "2.16.840.1.113733.1.9.7",
	failInfoText: "1.3.6.1.5.5.7.24.1",
	subjectKeyIdentifier: "2.5.29.14",
	keyUsage: "2.5.29.15",
	subjectAltName: "2.5.29.17",
	basicConstraints: "2.5.29.19",
	authorityKeyIdentifier: "2.5.29.35",
	extKeyUsage: "2.5.29.37",
	serverAuth: "1.3.6.1.5.5.7.3.1",
	clientAuth: "1.3.6.1.5.5.7.3.2",
	userPrincipalName: "1.3.6.1.4.1.311.20.2.3",
} as const;

/** A message digest, as node:crypto names it. */
export type Digest = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

/** A content cipher, as node:crypto names it. */
export type Cipher = "aes-128-cbc" | "aes-192-cbc" | "aes-256-cbc" | "des-ede3-cbc";

/** OID, key length and IV length (bytes) of each content cipher that Apple reads. */
export const ciphers: Readonly<Record<Cipher, { oid: string; keyLength: number; ivLength: number }>> = {
	"aes-128-cbc": { oid: oids.aes128Cbc, keyLength: 16, ivLength: 16 },
	"aes-192-cbc": { oid: oids.aes192Cbc, keyLength: 24, ivLength: 16 },
	"aes-256-cbc": { oid: oids.aes256Cbc, keyLength: 32, ivLength: 16 },
	"des-ede3-cbc": { oid: oids.desEde3Cbc, keyLength: 24, ivLength: 8 },
};
