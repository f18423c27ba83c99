/** Object identifiers in use, by their names in the standards (RFC 5280, 5652, 3370, 5754, 8894, 2985). */
export const oids = {
	// RFC 5652
	data: "1.2.840.113549.1.7.1",
	signedData: "1.2.840.113549.1.7.2",
	envelopedData: "1.2.840.113549.1.7.3",
	authEnvelopedData: "1.2.840.113549.1.9.16.1.23",
	contentType: "1.2.840.113549.1.9.3",
	messageDigest: "1.2.840.113549.1.9.4",
	signingTime: "1.2.840.113549.1.9.5",
	// RFC 2985
	challengePassword: "1.2.840.113549.1.9.7",
	extensionRequest: "1.2.840.113549.1.9.14",
	// digests
	sha1: "1.3.14.3.2.26",
	sha256: "2.16.840.1.101.3.4.2.1",
	sha384: "2.16.840.1.101.3.4.2.2",
	sha512: "2.16.840.1.101.3.4.2.3",
	// keys and signatures
	rsaEncryption: "1.2.840.113549.1.1.1",
	sha1WithRsa: "1.2.840.113549.1.1.5",
	sha256WithRsa: "1.2.840.113549.1.1.11",
	sha384WithRsa: "1.2.840.113549.1.1.12",
	sha512WithRsa: "1.2.840.113549.1.1.13",
	ecPublicKey: "1.2.840.10045.2.1",
	ecdsaWithSha1: "1.2.840.10045.4.1",
	ecdsaWithSha256: "1.2.840.10045.4.3.2",
	ecdsaWithSha384: "1.2.840.10045.4.3.3",
	ecdsaWithSha512: "1.2.840.10045.4.3.4",
	prime256v1: "1.2.840.10045.3.1.7",
	secp384r1: "1.3.132.0.34",
	// content ciphers
	aes128Cbc: "2.16.840.1.101.3.4.1.2",
	aes192Cbc: "2.16.840.1.101.3.4.1.22",
	aes256Cbc: "2.16.840.1.101.3.4.1.42",
	desEde3Cbc: "1.2.840.113549.3.7",
	// RFC 5280
	subjectKeyIdentifier: "2.5.29.14",
	keyUsage: "2.5.29.15",
	subjectAltName: "2.5.29.17",
	basicConstraints: "2.5.29.19",
	cRLDistributionPoints: "2.5.29.31",
	authorityKeyIdentifier: "2.5.29.35",
	extKeyUsage: "2.5.29.37",
	anyExtendedKeyUsage: "2.5.29.37.0",
	authorityInfoAccess: "1.3.6.1.5.5.7.1.1",
	ocsp: "1.3.6.1.5.5.7.48.1",
	serverAuth: "1.3.6.1.5.5.7.3.1",
	clientAuth: "1.3.6.1.5.5.7.3.2",
	emailProtection: "1.3.6.1.5.5.7.3.4",
	// RFC 8894 section 3.2.1
	scepMessageType: "2.16.840.1.113733.1.9.2",
	scepPkiStatus: "2.16.840.1.113733.1.9.3",
	scepFailInfo: "2.16.840.1.113733.1.9.4",
	scepSenderNonce: "2.16.840.1.113733.1.9.5",
	scepRecipientNonce: "2.16.840.1.113733.1.9.6",
	scepTransactionID: "2.16.840.1.113733.1.9.7",
	scepFailInfoText: "1.3.6.1.5.5.7.24.1",
} as const;

/** Attribute types of a distinguished name by their short names (RFC 4514 section 3, RFC 4519). */
export const nameAttributes: Readonly<Record<string, string>> = {
	CN: "2.5.4.3",
	serialNumber: "2.5.4.5",
	C: "2.5.4.6",
	L: "2.5.4.7",
	ST: "2.5.4.8",
	O: "2.5.4.10",
	OU: "2.5.4.11",
	UID: "0.9.2342.19200300.100.1.1",
	emailAddress: "1.2.840.113549.1.9.1",
};
