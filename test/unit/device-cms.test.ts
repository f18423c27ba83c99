/** The emulated device's CMS against openssl: what it builds, and what it opens. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "plist";
import {
	ber,
	blockShapes,
	buildCertificate,
	buildDeviceResponse,
	buildEnvelopedData,
	buildSignedData,
	type Cipher,
	DeviceError,
	derFault,
	generateDeviceAuthority,
	type Identity,
	issueDeviceIdentity,
	openEnvelopedData,
	pemOf,
	pkcs1Block,
	verifySignedData,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

const attributes = { UDID: "00008110-000A1B2C3D4E801E", SERIAL: "C39VK7XQ0D91", PRODUCT: "iPhone16,1" };

let dir: string;
let identity: Identity;
let rsa2048: { certificate: Uint8Array; privateKey: Identity["privateKey"] };

beforeAll(() => {
	dir = mkdtempSync(join(tmpdir(), "device-cms-"));
	identity = issueDeviceIdentity(generateDeviceAuthority());
	const { privateKey } = newKeyPair("rsa", { modulusLength: 2048 });
	const certificate = buildCertificate({
		subject: [["CN", "recipient"]],
		key: privateKey,
		notBefore: new Date("2026-01-01"),
		notAfter: new Date("2036-01-01"),
		keyUsage: [0, 2],
	});
	rsa2048 = { certificate, privateKey };
	writeFileSync(join(dir, "key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
	writeFileSync(join(dir, "cert.pem"), pemOf(certificate));
});
afterAll(() => rmSync(dir, { recursive: true }));

function openssl(args: string[], input?: Uint8Array): { status: number | null; stdout: Buffer; stderr: string } {
	const { status, stdout, stderr } = spawnSync("openssl", args, { cwd: dir, ...(input ? { input } : {}) });
	return { status, stdout, stderr: stderr.toString() };
}

const verify = ["cms", "-verify", "-inform", "DER", "-noverify", "-binary"];

describe("a device response", () => {
	it.each(["sha1", "sha256"] as const)("signed with %s is accepted by openssl, byte for byte", (digest) => {
		const message = buildDeviceResponse({ identity, attributes, challenge: "c0ffee", digest });
		const { status, stdout, stderr } = openssl(verify, message);
		expect({ status, stderr: stderr.trim() }).toEqual({ status: 0, stderr: "CMS Verification successful" });
		expect(parse(stdout.toString())).toEqual({ ...attributes, CHALLENGE: "c0ffee" });
	});

	it("has indefinite lengths, a constructed OCTET STRING of several segments, and the whole chain", () => {
		const message = buildDeviceResponse({ identity, attributes, signedData: { chunk: 100 } });
		const { stdout, status } = openssl(["asn1parse", "-inform", "DER"], message);
		const lines = stdout.toString().split("\n");
		expect(status).toBe(0);
		expect(lines[0]).toMatch(/l=inf\s+cons: SEQUENCE/);
		expect(stdout.toString()).toMatch(/l=inf\s+cons:\s+OCTET STRING/);
		expect(lines.filter((line) => /l= 100 prim:\s+OCTET STRING/.test(line)).length).toBeGreaterThan(2);
		expect(derFault(message)).toBe("an indefinite length");
		expect(verifySignedData(message, "test").certificates).toHaveLength(4);
	});

	it("signs contentType, messageDigest and signingTime, and names rsaEncryption", () => {
		const verified = verifySignedData(buildDeviceResponse({ identity, attributes }), "test");
		expect([...verified.attributes.keys()].sort()).toEqual([
			"1.2.840.113549.1.9.3",
			"1.2.840.113549.1.9.4",
			"1.2.840.113549.1.9.5",
		]);
		expect(verified.digest).toBe("sha1");
		expect(verified.signatureAlgorithm).toBe("1.2.840.113549.1.1.1");
		expect(verified.signer).toEqual(identity.certificate);
	});

	it("carries the challenge as data when it came as data", () => {
		const message = buildDeviceResponse({ identity, attributes: {}, challenge: Uint8Array.of(1, 2, 3) });
		const { content } = verifySignedData(message, "test");
		expect(parse(Buffer.from(content ?? []).toString())).toEqual({ CHALLENGE: Uint8Array.of(1, 2, 3) });
	});

	it("bends in every way that a verifier must refuse", () => {
		const other = issueDeviceIdentity(generateDeviceAuthority());
		const bent: [string, RegExp, Parameters<typeof buildDeviceResponse>[0]][] = [
			[
				"corrupt signature",
				/signature does not hold/,
				{ identity, attributes, signerInfo: { corruptSignature: true } },
			],
			["no attributes", /no signed attributes/, { identity, attributes, signerInfo: { omitSignedAttrs: true } }],
			[
				"no messageDigest",
				/messageDigest is missing/,
				{ identity, attributes, signerInfo: { omit: ["messageDigest"] } },
			],
			["no contentType", /contentType is missing/, { identity, attributes, signerInfo: { omit: ["contentType"] } }],
			["two contentTypes", /there twice/, { identity, attributes, signerInfo: { duplicate: ["contentType"] } }],
			[
				"other content",
				/not the digest/,
				{ identity, attributes, signedData: { contentAfterSigning: Uint8Array.of(1) } },
			],
			["detached", /not the digest/, { identity, attributes, signedData: { detached: true } }],
			["no signer", /exactly one signer, not 0/, { identity, attributes, signedData: { signers: [] } }],
			["trailing byte", /after the message/, { identity, attributes, signedData: { trailing: Uint8Array.of(0) } }],
			["other certificate", /not in the message/, { identity, attributes, certificates: [other.certificate] }],
		];
		for (const [name, words, options] of bent) {
			const attempt = (): unknown => verifySignedData(buildDeviceResponse(options), name);
			expect(attempt).toThrow(DeviceError);
			expect(attempt).toThrow(words);
		}
	});
});

describe("SignedData in DER", () => {
	it("is DER, and openssl's own signature is verified", () => {
		const content = Buffer.from("content");
		const signers = [{ certificate: identity.certificate, key: identity.privateKey }];
		const message = buildSignedData({ content, signers, certificates: [identity.certificate], encoding: "der" });
		expect(derFault(message)).toBeNull();
		expect(openssl(verify, message).stdout.toString()).toBe("content");
		const sign = [
			"cms",
			"-sign",
			"-nodetach",
			"-binary",
			"-outform",
			"DER",
			"-signer",
			"cert.pem",
			"-inkey",
			"key.pem",
		];
		const theirs = openssl(sign, content).stdout;
		const verified = verifySignedData(theirs, "test", { der: true });
		expect(Buffer.from(verified.content ?? []).toString()).toBe("content");
	});
});

describe("EnvelopedData", () => {
	const content = Buffer.from("a secret of some length ".repeat(60));
	const ciphers: Cipher[] = ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-ede3-cbc"];

	it.each(ciphers)("with %s is opened by openssl, in BER and in DER", (cipher) => {
		for (const encoding of ["ber", "der"] as const) {
			const message = buildEnvelopedData({ content, recipients: [rsa2048.certificate], cipher, encoding });
			const decrypt = ["cms", "-decrypt", "-binary", "-inform", "DER", "-recip", "cert.pem", "-inkey", "key.pem"];
			expect(openssl(decrypt, message).stdout.equals(content)).toBe(true);
		}
	});

	it.each(ciphers)("with %s from openssl is opened", (cipher) => {
		const name = cipher === "des-ede3-cbc" ? "-des3" : `-${cipher.replace("-cbc", "").replace("-", "")}`;
		const message = openssl(["cms", "-encrypt", "-binary", "-outform", "DER", name, "cert.pem"], content).stdout;
		const opened = openEnvelopedData(message, rsa2048, "test");
		expect(opened.cipher).toBe(cipher);
		expect(Buffer.from(opened.content).equals(content)).toBe(true);
	});

	it("needs exactly one recipient, which names this certificate", () => {
		const { certificate } = rsa2048;
		const two = buildEnvelopedData({ content, recipients: [certificate, certificate] });
		expect(() => openEnvelopedData(two, rsa2048, "test")).toThrow(/exactly one recipient/);
		const foreign = buildEnvelopedData({ content, recipients: [identity.certificate] });
		expect(() => openEnvelopedData(foreign, rsa2048, "test")).toThrow(/does not name this device/);
	});

	it.each(blockShapes)("wraps a key in a PKCS#1 block that is: %s", (shape) => {
		const contentKey = new Uint8Array(16).fill(7);
		const rsaBlock = (key: Uint8Array, length: number): Uint8Array => pkcs1Block(shape, key, length);
		const message = buildEnvelopedData({ content, contentKey, recipients: [rsa2048.certificate], rsaBlock });
		const open = (): string => Buffer.from(openEnvelopedData(message, rsa2048, "test").content).toString("hex");
		if (shape === "good") expect(open()).toBe(content.toString("hex"));
		else if (shape !== "wrong key") expect(open).toThrow(DeviceError);
		else {
			const outcome = ((): string => {
				try {
					return open();
				} catch {
					return "refused";
				}
			})();
			expect(outcome).not.toBe(content.toString("hex"));
		}
	});
});

describe("the DER judge", () => {
	const sequence = ber.sequence(ber.integer(1));
	it.each<[string, Uint8Array, string | null]>([
		["definite lengths", sequence, null],
		["indefinite length", ber.indefinite(0x30, [ber.integer(1)]), "an indefinite length"],
		["long form where short is due", Uint8Array.of(0x30, 0x81, 3, 2, 1, 1), "a length that is longer than needed"],
		["leading zero in a length", Uint8Array.of(0x04, 0x82, 0, 200), "a length that is longer than needed"],
		["constructed string", Uint8Array.of(0x24, 0), "a constructed string"],
		["unsorted SET", ber.set(ber.integer(2), ber.integer(1)), "a SET whose members are not in order"],
		["sorted SET", ber.setOf([ber.integer(2), ber.integer(1)]), null],
		["cut short", sequence.subarray(0, 4), "an element ends beyond its parent"],
	])("says of %s what is wrong", (_name, bytes, fault) => {
		expect(derFault(bytes)).toBe(fault);
	});
});
