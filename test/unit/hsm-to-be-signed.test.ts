import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { checkToBeSigned, type Issuer, readIssuer } from "../../hsm/agent/to-be-signed.ts";
import { buildKeyProof } from "../../lib/ca/key-proof.ts";
import { readCertificate } from "../../lib/cms/certificate.ts";
import * as der from "../../lib/der/writer.ts";
import type { HashName } from "../../lib/ports.ts";
import {
	basicConstraints,
	extension,
	keyUsage,
	nameOf,
	rsaWith,
	tbsCertificate,
	tbsCertList,
} from "../harness/to-be-signed.ts";

const spki = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "der" });
const signed = (subject: string, publicKeyInfo: Uint8Array): Uint8Array =>
	der.sequenceOf(
		tbsCertificate({ subject: nameOf(subject), publicKeyInfo }),
		rsaWith.sha256,
		der.bitString(randomBytes(256)),
	);
const issuer = readIssuer(signed("ca", spki));

/** What it is refused with; null when it is signed. */
function refusal(message: Uint8Array, hash: HashName = "sha256", of: Issuer | null = issuer): string | null {
	try {
		checkToBeSigned(message, hash, of, new Date());
		return null;
	} catch (error) {
		expect(error).toMatchObject({ code: "hsm_refused" });
		return (error as Error).message;
	}
}

const extendedKeyUsage = (...ids: string[]): Uint8Array =>
	extension("2.5.29.37", der.sequenceOf(...ids.map((id) => der.objectIdentifier(id))));
const clientAuth = "1.3.6.1.5.5.7.3.2";
const leaf = [basicConstraints(), keyUsage(0, 2)];

describe("the CA role", () => {
	it.each([
		["a device's certificate", tbsCertificate()],
		["one of a purpose", tbsCertificate({ extensions: [...leaf, extendedKeyUsage(clientAuth)] })],
		["one that says cA FALSE outright", tbsCertificate({ extensions: [basicConstraints(der.boolean(false))] })],
		["one without extensions", tbsCertificate({ extensions: [] })],
		["one of 825 days", tbsCertificate({ validity: [-1, 824] })],
		["a revocation list", tbsCertList()],
		["an empty revocation list", tbsCertList({ revoked: 0 })],
		["a list of five thousand", tbsCertList({ revoked: 5000 })],
	])("signs %s", (_, message) => {
		expect(refusal(message)).toBeNull();
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
	});

	it("signs with an EC key what names ECDSA, and nothing that names RSA", () => {
		const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "der" });
		const ec = readIssuer(signed("ca", key));
		const ecdsa = der.algorithmIdentifier("1.2.840.10045.4.3.2");
		expect(refusal(tbsCertificate({ algorithm: ecdsa }), "sha256", ec)).toBeNull();
		expect(refusal(tbsCertificate(), "sha256", ec)).toContain("signature algorithm");
		expect(refusal(tbsCertificate({ algorithm: ecdsa }))).toContain("signature algorithm");
	});

	const certificates: [what: string, message: Uint8Array, words: string][] = [
		["a CA", tbsCertificate({ extensions: [basicConstraints(der.boolean(true)), keyUsage(0)] }), "cA is TRUE"],
		["a CA with BER's TRUE", tbsCertificate({ extensions: [basicConstraints(Uint8Array.of(1, 1, 1))] }), "BOOLEAN"],
		["a path length of no CA", tbsCertificate({ extensions: [basicConstraints(der.integer(0))] }), "path length"],
		[
			"a second basicConstraints",
			tbsCertificate({ extensions: [basicConstraints(), basicConstraints(der.boolean(true))] }),
			"twice",
		],
		["keyCertSign", tbsCertificate({ extensions: [basicConstraints(), keyUsage(0, 5)] }), "keyCertSign"],
		["cRLSign", tbsCertificate({ extensions: [basicConstraints(), keyUsage(0, 6)] }), "cRLSign"],
		[
			"OCSPSigning",
			tbsCertificate({ extensions: [...leaf, extendedKeyUsage(clientAuth, "1.3.6.1.5.5.7.3.9")] }),
			"OCSPSigning",
		],
		["any purpose", tbsCertificate({ extensions: [...leaf, extendedKeyUsage("2.5.29.37.0")] }), "OCSPSigning or any"],
		[
			"a Netscape CA",
			tbsCertificate({ extensions: [extension("2.16.840.1.113730.1.1", der.namedBitString(5))] }),
			"Netscape",
		],
		["a foreign issuer", tbsCertificate({ issuer: "another-ca" }), "issuer is not the CA"],
		["a subject that is the CA", tbsCertificate({ subject: nameOf("ca") }), "subject is the CA"],
		["the CA's key", tbsCertificate({ publicKeyInfo: spki }), "key is the CA's"],
		["826 days", tbsCertificate({ validity: [-1, 825] }), "more than 825 days"],
		["times to come", tbsCertificate({ validity: [700, 900] }), "825 days from now"],
		["an end before its start", tbsCertificate({ validity: [2, 1] }), "no time"],
		["version 1", tbsCertificate({ version: [], extensions: [] }), "INTEGER"],
		["version 2", tbsCertificate({ version: [der.contextOf(0, der.integer(1))] }), "version is not 3"],
		["a negative serial number", tbsCertificate({ serial: Uint8Array.of(2, 1, 0xff) }), "negative"],
		["serial number 0", tbsCertificate({ serial: der.integer(0) }), "serial number"],
		["a serial number of 21 octets", tbsCertificate({ serial: der.integer(Buffer.alloc(21, 1)) }), "serial number"],
		[
			"unique identifiers",
			tbsCertificate({ extensions: [], more: [der.contextPrimitive(1, Uint8Array.of(0, 1))] }),
			"field",
		],
		["a field behind the last", tbsCertificate({ more: [der.nullValue()] }), "unexpected field"],
		["trailing octets", Buffer.concat([tbsCertificate(), Uint8Array.of(0)]), "trailing"],
		["a whole certificate", signed("device", spki), "TBSCertList"],
	];
	const lists: [what: string, message: Uint8Array, words: string][] = [
		["a foreign list", tbsCertList({ issuer: "another-ca" }), "issuer is not the CA"],
		["a list of version 1", tbsCertList({ version: [] }), "TBSCertList"],
		["a list without nextUpdate", tbsCertList({ updates: [0] }), "time expected"],
		["a list for 900 days", tbsCertList({ updates: [0, 900] }), "more than 825 days"],
		["a list with a field behind the last", tbsCertList({ more: [der.nullValue()] }), "unexpected field"],
	];
	const rest: [what: string, message: Uint8Array, words: string][] = [
		["nothing", new Uint8Array(), "truncated"],
		["random octets", randomBytes(32), ""],
		["a SET of attributes", der.setOf(der.sequenceOf(der.objectIdentifier("1.2.840.113549.1.9.3"))), "TBSCertList"],
		["an empty SEQUENCE", der.sequenceOf(), "TBSCertList"],
		["a CertificationRequestInfo", der.sequenceOf(der.integer(0), nameOf("ca"), spki), "version is not 2"],
		["a megabyte", Buffer.alloc(1 << 20, 0x30), "larger than its limit"],
	];
	it.each([...certificates, ...lists, ...rest])("refuses %s", (_, message, words) => {
		expect(refusal(message)).toContain(words);
	});

	it("tells all that is wrong", () => {
		const words = refusal(
			tbsCertificate({ issuer: "x", extensions: [basicConstraints(der.boolean(true)), keyUsage(5, 6)] }),
		);
		for (const fault of ["issuer", "cA is TRUE", "keyCertSign", "cRLSign"]) expect(words).toContain(fault);
	});

	it("signs nothing while its certificate is not known", () => {
		expect(refusal(tbsCertificate(), "sha256", null)).toContain("does not know the CA's certificate");
	});

	it("judges the largest message in a moment", () => {
		// Two octets an element: as many as fit.
		const worst = der.sequenceOf(Buffer.alloc(256 * 1024 - 8, Buffer.from("0500", "hex")));
		const before = performance.now();
		expect(refusal(worst)).not.toBeNull();
		expect(performance.now() - before).toBeLessThan(1000);
	});

	it("takes a certificate for the CA's that is one", () => {
		expect(() => readIssuer(Uint8Array.of(48, 0))).toThrow(expect.objectContaining({ code: "config" }));
	});
});
