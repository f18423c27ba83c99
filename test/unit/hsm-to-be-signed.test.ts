import { randomBytes } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import type { Issuer } from "../../hsm/agent/issuer.ts";
import { checkToBeSigned, readIssuer, type Signable } from "../../hsm/agent/to-be-signed.ts";
import { buildKeyProof } from "../../lib/ca/key-proof.ts";
import { buildLeaf } from "../../lib/ca/template.ts";
import { readCertificate } from "../../lib/cms/certificate.ts";
import * as der from "../../lib/der/writer.ts";
import type { HashName } from "../../lib/ports.ts";
import { newKeyPair } from "../device/key-pair.ts";
import {
	after,
	basicConstraints,
	clientAuth,
	cRLNumber,
	deviceExtensions,
	extendedKeyUsage,
	extension,
	keyUsage,
	nameOf,
	plain,
	reason,
	rsaKey,
	rsaWith,
	subjectKeyIdentifier,
	tbsCertificate,
	tbsCertList,
} from "../harness/to-be-signed.ts";

const spki = newKeyPair("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "der" });
const signed = (subject: string, publicKeyInfo: Uint8Array, extensions: Uint8Array[] = []): Uint8Array =>
	der.sequenceOf(
		tbsCertificate({ subject: nameOf(subject), publicKeyInfo, extensions, validity: [-1, 1000] }),
		rsaWith.sha256,
		der.bitString(randomBytes(256)),
	);
const issuer = readIssuer(signed("ca", spki));

/** What it is refused with; null when it is signed. */
function refusal(
	message: Uint8Array,
	hash: HashName = "sha256",
	of: Issuer | null = issuer,
	signable?: Signable,
): string | null {
	try {
		checkToBeSigned(message, hash, of, new Date(), signable);
		return null;
	} catch (error) {
		expect(error).toMatchObject({ code: "hsm_refused" });
		return (error as Error).message;
	}
}

/** A device's certificate with one of its four extensions in other words, or one more. */
const bent = (at: number, value: Uint8Array): Uint8Array =>
	tbsCertificate({ extensions: deviceExtensions.map((one, index) => (index === at ? value : one)) });
const without = (at: number): Uint8Array =>
	tbsCertificate({ extensions: deviceExtensions.filter((_, index) => index !== at) });
const withMore = (value: Uint8Array): Uint8Array => tbsCertificate({ extensions: [...deviceExtensions, value] });
const constraints = 0;
const usage = 1;
const purpose = 2;
const keyIdentifier = 3;
const emailProtection = "1.3.6.1.5.5.7.3.4";
const address = (text: string): Uint8Array => der.contextPrimitive(6, Buffer.from(text));
const distributionPoint = (text: string, ...more: Uint8Array[]): Uint8Array =>
	plain("2.5.29.31", der.sequenceOf(der.sequenceOf(der.contextOf(0, der.contextOf(0, address(text))), ...more)));
const access = (text: string, method = "1.3.6.1.5.5.7.48.1"): Uint8Array =>
	plain("1.3.6.1.5.5.7.1.1", der.sequenceOf(der.sequenceOf(der.objectIdentifier(method), address(text))));
const mail = der.contextPrimitive(1, Buffer.from("a@example.com"));

describe("the CA role", () => {
	it.each([
		["a device's certificate", tbsCertificate()],
		["one for mail and profiles", bent(purpose, extendedKeyUsage(emailProtection))],
		["one for signatures alone", bent(usage, keyUsage(0))],
		["one with names", withMore(plain("2.5.29.17", der.sequenceOf(mail)))],
		["one that says where revocation is told", withMore(distributionPoint("http://pki.example.com/crl"))],
		["one that says who answers", withMore(access("http://pki.example.com/ocsp"))],
		["one of 398 days", tbsCertificate({ validity: [0, 398] })],
		["a revocation list", tbsCertList()],
		["an empty revocation list", tbsCertList({ revoked: 0 })],
		["a list that gives no reasons", tbsCertList({ entry: [] })],
		["a list of ten days", tbsCertList({ updates: [0, 10] })],
		["a list of twenty thousand", tbsCertList({ revoked: 20_000 })],
	])("signs %s", (_, message) => {
		expect(refusal(message)).toBeNull();
	});

	it("signs what the template makes", () => {
		const key = newKeyPair("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "der" });
		const identifier = [plain("2.5.29.14", der.octetString(Buffer.alloc(20, 9)))];
		const ca = signed("ca", spki, identifier);
		for (const purpose of ["identity", "client"] as const) {
			const { tbs } = buildLeaf(
				{
					publicKeyInfo: key,
					purpose,
					subject: [
						["O", "Example"],
						["CN", "alice@example.com"],
						["serialNumber", "F2LZ"],
					],
					subjectAltName: { rfc822Name: "alice@example.com" },
					now: new Date(),
				},
				readCertificate(ca),
				randomBytes,
			);
			expect(refusal(tbs, "sha256", readIssuer(ca))).toBeNull();
			// Of a CA with another identifier, or none, it is not.
			expect(refusal(tbs)).toContain("authorityKeyIdentifier");
		}
	});

	it.each(["sha256", "sha384", "sha512"] as const)("signs with %s what says so", (hash) => {
		expect(refusal(tbsCertificate({ algorithm: rsaWith[hash] }), hash)).toBeNull();
		const other = hash === "sha256" ? "sha512" : "sha256";
		expect(refusal(tbsCertificate({ algorithm: rsaWith[hash] }), other)).toContain("signature algorithm");
		expect(refusal(tbsCertList({ algorithm: rsaWith[hash] }), other)).toContain("signature algorithm");
	});

	it("signs the proof of its key, which no verifier takes for a certificate", () => {
		const whole = readCertificate(signed("ca", spki));
		const tbs = buildKeyProof(whole, new Date(), randomBytes);
		expect(refusal(tbs)).toBeNull();
		const proof = readCertificate(der.sequenceOf(tbs, rsaWith.sha256, der.bitString(randomBytes(256))));
		expect(proof.notAfter.getTime()).toBeLessThanOrEqual(Date.now());
		expect([...proof.extensions].map(([id, { critical }]) => [id, critical])).toEqual([
			["1.3.6.1.4.1.11129.2.4.3", true],
		]);
		const later = buildKeyProof(whole, after(1), randomBytes);
		expect(refusal(later)).toContain("proof is not over");
	});

	it("signs lists alone once it has a successor", () => {
		expect(refusal(tbsCertList(), "sha256", issuer, "lists")).toBeNull();
		expect(refusal(tbsCertificate(), "sha256", issuer, "lists")).toContain("issues no certificates");
	});

	it("signs with an EC key what names ECDSA, and nothing that names RSA", () => {
		const key = newKeyPair("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "der" });
		const ec = readIssuer(signed("ca", key));
		const ecdsa = der.algorithmIdentifier("1.2.840.10045.4.3.2");
		expect(refusal(tbsCertificate({ algorithm: ecdsa }), "sha256", ec)).toBeNull();
		expect(refusal(tbsCertificate(), "sha256", ec)).toContain("signature algorithm");
		expect(refusal(tbsCertificate({ algorithm: ecdsa }))).toContain("signature algorithm");
	});

	const oldConstraints = der.sequenceOf(der.objectIdentifier("2.5.29.10"), der.octetString(der.sequenceOf()));
	/** 2.5.29.19 for who counts arcs in 32 bits. */
	const wide = der.sequenceOf(
		Uint8Array.of(6, 7, 0x55, 0x1d, 0x90, 0x80, 0x80, 0x80, 0x13),
		der.octetString(der.sequenceOf(der.boolean(true))),
	);
	const extensions: [what: string, message: Uint8Array, words: string][] = [
		["a CA", bent(constraints, basicConstraints(der.boolean(true))), "basicConstraints"],
		["cA FALSE outright", bent(constraints, basicConstraints(der.boolean(false))), "basicConstraints"],
		["a CA with BER's TRUE", bent(constraints, basicConstraints(Uint8Array.of(1, 1, 1))), "basicConstraints"],
		["a path length of no CA", bent(constraints, basicConstraints(der.integer(0))), "basicConstraints"],
		["a second basicConstraints", withMore(basicConstraints(der.boolean(true))), "twice"],
		["keyCertSign", bent(usage, keyUsage(0, 5)), "keyUsage"],
		["cRLSign", bent(usage, keyUsage(0, 6)), "keyUsage"],
		["no bit of keyUsage", bent(usage, extension("2.5.29.15", Uint8Array.of(3, 1, 0))), "keyUsage"],
		["OCSPSigning", bent(purpose, extendedKeyUsage("1.3.6.1.5.5.7.3.9")), "extKeyUsage"],
		["OCSPSigning beside another", bent(purpose, extendedKeyUsage(clientAuth, "1.3.6.1.5.5.7.3.9")), "extKeyUsage"],
		["serverAuth", bent(purpose, extendedKeyUsage("1.3.6.1.5.5.7.3.1")), "extKeyUsage"],
		["codeSigning", bent(purpose, extendedKeyUsage("1.3.6.1.5.5.7.3.3")), "extKeyUsage"],
		["any purpose", bent(purpose, extendedKeyUsage("2.5.29.37.0")), "extKeyUsage"],
		["no extension", tbsCertificate({ extensions: [] }), "is missing"],
		["no basicConstraints", without(constraints), "2.5.29.19 is missing"],
		["no keyUsage", without(usage), "2.5.29.15 is missing"],
		["no extKeyUsage", without(purpose), "2.5.29.37 is missing"],
		["no subjectKeyIdentifier", without(keyIdentifier), "2.5.29.14 is missing"],
		["basicConstraints that are not critical", bent(constraints, plain("2.5.29.19", der.sequenceOf())), "critical"],
		["the basicConstraints of old", withMore(oldConstraints), "2.5.29.10 is none"],
		["an OID that overflows into another", withMore(wide), "is none"],
		["a list of another issuer's", withMore(distributionPoint("http://x/", der.contextOf(2))), "cRLDistributionPoints"],
		["a list in a file", withMore(distributionPoint("file:///etc/passwd")), "cRLDistributionPoints"],
		["another kind of access", withMore(access("http://x/", "1.3.6.1.5.5.7.48.2")), "authorityInfoAccess"],
		[
			"a DNS name with a NUL in it",
			withMore(plain("2.5.29.17", der.sequenceOf(der.contextPrimitive(2, Buffer.from("a\0b"))))),
			"subjectAltName",
		],
		["a Netscape CA", withMore(plain("2.16.840.1.113730.1.1", der.namedBitString(5))), "is none"],
		[
			"an IP address as a name",
			withMore(plain("2.5.29.17", der.sequenceOf(der.contextPrimitive(7, Buffer.alloc(4))))),
			"subjectAltName",
		],
		[
			"another authority's key",
			withMore(plain("2.5.29.35", der.sequenceOf(der.contextPrimitive(0, Buffer.alloc(20))))),
			"authorityKeyIdentifier",
		],
	];
	const certificates: [what: string, message: Uint8Array, words: string][] = [
		["a foreign issuer", tbsCertificate({ issuer: "another-ca" }), "issuer is not the CA"],
		["a subject that is the CA", tbsCertificate({ subject: nameOf("ca") }), "subject is the CA"],
		[
			"a subject that is the CA but for case and blanks",
			tbsCertificate({ subject: nameOf(" CA ") }),
			"subject is the CA",
		],
		[
			"a subject that is the CA but for what is not seen",
			tbsCertificate({ subject: nameOf("c\u200ba") }),
			"plain name",
		],
		["a subject with a soft hyphen", tbsCertificate({ subject: nameOf("c\u00ada") }), "plain name"],
		[
			"a subject that takes minutes to compare",
			tbsCertificate({ subject: nameOf(`a${"\u0315\u0300".repeat(1500)}`) }),
			"longer than its limit",
		],
		["no subject", tbsCertificate({ subject: der.sequenceOf() }), "plain name"],
		["the CA's key", tbsCertificate({ publicKeyInfo: spki }), "key is the CA's"],
		["a key of 1024 bits", tbsCertificate({ publicKeyInfo: rsaKey(128) }), "RSA of 2048"],
		["exponent 3", tbsCertificate({ publicKeyInfo: rsaKey(256, 3) }), "RSA of 2048"],
		["399 days", tbsCertificate({ validity: [0, 399] }), "more than 398 days"],
		["a start last month", tbsCertificate({ validity: [-30, 300] }), "within an hour"],
		["a start to come", tbsCertificate({ validity: [1, 300] }), "within an hour"],
		["an end before its start", tbsCertificate({ validity: [0, -1] }), "no time"],
		["version 1", tbsCertificate({ version: [], extensions: [] }), "INTEGER"],
		["version 2", tbsCertificate({ version: [der.contextOf(0, der.integer(1))] }), "version is not 3"],
		["a negative serial number", tbsCertificate({ serial: Uint8Array.of(2, 1, 0xff) }), "negative"],
		["serial number 0", tbsCertificate({ serial: der.integer(0) }), "serial number"],
		["a serial number of 21 octets", tbsCertificate({ serial: der.integer(Buffer.alloc(20, 0xff)) }), "serial number"],
		["an even modulus", tbsCertificate({ publicKeyInfo: rsaKey(256, 65_537, 0xd4) }), "RSA of 2048"],
		["a modulus of 2041 bits", tbsCertificate({ publicKeyInfo: rsaKey(256, 65_537, 0x01) }), "RSA of 2048"],
		[
			"a certificate as large as a list",
			tbsCertificate({ more: [der.octetString(Buffer.alloc(20_000))] }),
			"larger than its limit",
		],
		[
			"unique identifiers",
			tbsCertificate({ extensions: [], more: [der.contextPrimitive(1, Uint8Array.of(0, 1))] }),
			"field",
		],
		["a field behind the last", tbsCertificate({ more: [der.nullValue()] }), "unexpected field"],
		["trailing octets", Buffer.concat([tbsCertificate(), Uint8Array.of(0)]), "trailing"],
		["a whole certificate", signed("device", spki), "TBSCertList"],
	];
	const deltaIndicator = extension("2.5.29.27", der.integer(1));
	const lists: [what: string, message: Uint8Array, words: string][] = [
		["a foreign list", tbsCertList({ issuer: "another-ca" }), "issuer is not the CA"],
		["a list of version 1", tbsCertList({ version: [] }), "TBSCertList"],
		["a list without nextUpdate", tbsCertList({ updates: [0] }), "time expected"],
		["a list for eleven days", tbsCertList({ updates: [0, 11] }), "ten days"],
		["a list of yesterday", tbsCertList({ updates: [-1, 7] }), "of this hour"],
		["a list without a number", tbsCertList({ extensions: [] }), "no number"],
		[
			"a list with a number below nothing",
			tbsCertList({ extensions: [plain("2.5.29.20", Uint8Array.of(2, 1, 0xff))] }),
			"negative",
		],
		["a delta list", tbsCertList({ extensions: [cRLNumber(), deltaIndicator] }), "other extensions"],
		["a list that takes entries back", tbsCertList({ entry: [reason(8)] }), "more than a reason"],
		["a list with reason 7", tbsCertList({ entry: [reason(7)] }), "more than a reason"],
		[
			"an entry of another issuer",
			tbsCertList({ entry: [plain("2.5.29.29", der.sequenceOf())] }),
			"more than a reason",
		],
		["a list with a field behind the last", tbsCertList({ more: [der.nullValue()] }), "unexpected field"],
	];
	const rest: [what: string, message: Uint8Array, words: string][] = [
		["nothing", new Uint8Array(), "truncated"],
		["random octets", randomBytes(32), ""],
		["a SET of attributes", der.setOf(der.sequenceOf(der.objectIdentifier("1.2.840.113549.1.9.3"))), "TBSCertList"],
		["an empty SEQUENCE", der.sequenceOf(), "TBSCertList"],
		["a CertificationRequestInfo", der.sequenceOf(der.integer(0), nameOf("ca"), spki), "version is not 2"],
		["text", Buffer.from("Key ceremony\n"), ""],
		["three megabytes", Buffer.alloc(3 << 20, 0x30), "larger than its limit"],
	];
	it.each([...extensions, ...certificates, ...lists, ...rest])("refuses %s", (_, message, words) => {
		expect(refusal(message)).toContain(words);
	});

	it("tells all that is wrong", () => {
		const words = refusal(
			tbsCertificate({
				issuer: "x",
				extensions: [basicConstraints(der.boolean(true)), keyUsage(5, 6), subjectKeyIdentifier()],
			}),
		);
		for (const fault of ["issuer", "basicConstraints", "keyUsage", "2.5.29.37 is missing"])
			expect(words).toContain(fault);
	});

	it("tells little of much that is wrong, in a moment", () => {
		const many = Array.from({ length: 100 }, (_, index) => plain(`1.2.3.${index}`, der.nullValue()));
		expect((refusal(tbsCertificate({ extensions: many })) as string).length).toBeLessThan(1000);
		const most = Array.from({ length: 20_000 }, (_, index) => plain(`1.2.3.${index}`, der.nullValue()));
		expect(refusal(tbsCertificate({ extensions: most }))).toContain("larger than its limit");
	});

	it("signs nothing while its certificate is not known", () => {
		expect(refusal(tbsCertificate(), "sha256", null)).toContain("does not know the CA's certificate");
	});

	it("takes a certificate for the CA's that is one", () => {
		expect(() => readIssuer(Uint8Array.of(48, 0))).toThrow(expect.objectContaining({ code: "config" }));
	});
});
