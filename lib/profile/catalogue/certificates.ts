/** Certificates and identities: carried in the profile, or fetched by SCEP and ACME. */
import { array, boolean, data, dictionary, integer, payload, string } from "./notation.ts";

const required = true;
const secret = true;

export const root = payload("com.apple.security.root", "Root certificate", "iOS 4.0; macOS 10.7", [
	string("PayloadCertificateFileName", { title: "Name of the file" }),
	data("PayloadContent", { title: "Content", required }),
]);

export const pkcs1 = payload("com.apple.security.pkcs1", "Certificate", "iOS 4.0; macOS 10.7", [
	string("PayloadCertificateFileName", { title: "Name of the file" }),
	data("PayloadContent", { title: "Content", required }),
]);

export const pem = payload("com.apple.security.pem", "Certificate (PEM)", "iOS 4.0; macOS 10.7", [
	string("PayloadCertificateFileName", { title: "Name of the file" }),
	data("PayloadContent", { title: "Content", required }),
]);

export const pkcs12 = payload("com.apple.security.pkcs12", "Identity in a PKCS #12 file", "iOS 4.0; macOS 10.7", [
	string("PayloadCertificateFileName", { title: "Name of the file" }),
	data("PayloadContent", { title: "Content", required, secret }),
	string("Password", { title: "Password", secret }),
	boolean("AllowAllAppsAccess", { title: "All apps may use the key", on: "iOS none; macOS 10.10", default: false }),
	boolean("KeyIsExtractable", { title: "Key can be exported", on: "iOS none; macOS 10.15", default: true }),
]);

export const scep = payload("com.apple.security.scep", "Identity by SCEP", "iOS 4.0; macOS 10.7", [
	dictionary(
		"PayloadContent",
		[
			string("URL", { title: "Address", required }),
			string("Name", { title: "Name" }),
			array(
				"Subject",
				array(
					"SCEPSubjectArrayInnerArray",
					array("SCEPSubjectArrayPair", string("SCEPSubjectArrayPairItem", { count: { min: 2, max: 2 } })),
				),
				{ title: "Subject of the certificate" },
			),
			string("Challenge", { title: "Challenge", secret }),
			integer("Keysize", { title: "Bits of the key", oneOf: [1024, 2048, 4096], default: 1024 }),
			string("Key Type", { title: "Kind of key", default: "RSA" }),
			integer("Key Usage", { title: "Use of the key (1 sign, 4 encrypt, 5 both)", on: "macOS 10.11", default: 0 }),
			data("CAFingerprint", { title: "Fingerprint of the CA's certificate" }),
			integer("Retries", { title: "How often to ask again", on: "macOS 10.10", default: 3 }),
			integer("RetryDelay", { title: "Time between (seconds)", on: "macOS 10.10", default: 10 }),
			dictionary(
				"SubjectAltName",
				[
					string("rfc822Name", { title: "E-mail address" }),
					string("dNSName", { title: "DNS name" }),
					string("uniformResourceIdentifier", { title: "URI" }),
					string("ntPrincipalName", { title: "NT principal" }),
				],
				{ title: "Further names" },
			),
			boolean("KeyIsExtractable", { title: "Key can be exported", on: "macOS 10.13.4", default: true }),
			boolean("AllowAllAppsAccess", { title: "All apps may use the key", on: "macOS 10.10", default: false }),
		],
		{ title: "Content", required },
	),
]);

export const acme = payload("com.apple.security.acme", "Identity by ACME", "iOS 16.0; macOS 13.1", [
	string("DirectoryURL", { title: "Address of the directory", required }),
	string("ClientIdentifier", { title: "Identifier of the client", required, secret }),
	integer("KeySize", { title: "Bits of the key", required }),
	string("KeyType", { title: "Kind of key", required, oneOf: ["RSA", "ECSECPrimeRandom"] }),
	boolean("HardwareBound", { title: "Key in the Secure Enclave", required }),
	array(
		"Subject",
		array(
			"ACMESubjectArrayInnerArray",
			array("ACMESubjectArrayPair", string("ACMESubjectArrayPairItem", { count: { min: 2, max: 2 } })),
		),
		{ title: "Subject of the certificate", required },
	),
	dictionary(
		"SubjectAltName",
		[
			string("rfc822Name", { title: "E-mail address" }),
			string("dNSName", { title: "DNS name" }),
			string("uniformResourceIdentifier", { title: "URI" }),
			string("ntPrincipalName", { title: "NT principal" }),
		],
		{ title: "Further names" },
	),
	integer("UsageFlags", { title: "Use of the key (1 sign, 4 encrypt, 5 both)" }),
	array("ExtendedKeyUsage", string("OID"), { title: "Extended key usage (OIDs)" }),
	boolean("Attest", { title: "Prove the device to the server", default: false }),
	boolean("KeyIsExtractable", { title: "Key can be exported", on: "iOS none", default: true }),
	boolean("AllowAllAppsAccess", { title: "All apps may use the key", on: "iOS none", default: false }),
]);

export const certificateTransparency = payload(
	"com.apple.security.certificatetransparency",
	"Certificate transparency",
	"iOS 12.1.1; macOS 10.14.2",
	[
		array(
			"DisabledForCerts",
			dictionary("SubjectPublicKeyInfoHashDict", [
				string("Algorithm", { title: "Hash", required, oneOf: ["sha256"] }),
				data("Hash", { title: "Digest of the public key", required }),
			]),
			{ title: "Public keys that are exempt" },
		),
		array("DisabledForDomains", string("domain"), { title: "Domains that are exempt" }),
	],
);
