/** A device's certificate from template to signature: openssl's strictest verification, names, dates, serial numbers. */
import { spawnSync } from "node:child_process";
import { randomBytes, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { issue } from "../../lib/ca/issue.ts";
import { LintedTbs, lintTbs } from "../../lib/ca/lint.ts";
import { buildLeaf, drawSerialNumber, type LeafRequest } from "../../lib/ca/template.ts";
import { pemCertificates, readCertificate, readTbsCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { toHex } from "../../lib/der/values.ts";
import { pemOf, publicKeyInfo } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";

const day = 86_400_000;
const now = new Date("2026-11-22T12:00:00.750Z");
const device = publicKeyInfo(newKeyPair("rsa", { modulusLength: 2048 }).publicKey);
const dir = mkdtempSync(join(tmpdir(), "template-"));
afterAll(() => rmSync(dir, { recursive: true }));

const authorities: Partial<Record<"rsa" | "p-256", { keys: SoftwareKeys; ca: X509 }>> = {};
beforeAll(async () => {
	for (const type of ["rsa", "p-256"] as const) {
		const keys = await softwareKeys(now, type);
		authorities[type] = { keys, ca: readCertificate(pemCertificates(keys.authorities.ca)[0] as Uint8Array) };
		writeFileSync(join(dir, `${type}-root.pem`), keys.authorities.root);
		writeFileSync(join(dir, `${type}-ca.pem`), keys.authorities.ca);
	}
});
const authority = (type: "rsa" | "p-256") => authorities[type] as { keys: SoftwareKeys; ca: X509 };

const request: LeafRequest = {
	publicKeyInfo: device,
	purpose: "identity",
	subject: [
		["O", "Example & Söhne"],
		["CN", "alice@example.com"],
		["serialNumber", "C39VK7XQ0D91"],
	],
	subjectAltName: { rfc822Name: "alice@example.com" },
	now,
};
const revocation = { crl: "https://ota.example.com/crl/0123456789abcdef.crl", ocsp: "https://ota.example.com/ocsp" };
const issued = async (type: "rsa" | "p-256", more: Partial<LeafRequest> = {}): Promise<X509> => {
	const { keys, ca } = authority(type);
	const leaf = buildLeaf({ ...request, ...more }, ca, randomBytes);
	return issue(lintTbs(leaf.tbs, ca), ca, keys.keys);
};

describe.each(["rsa", "p-256"] as const)("a leaf of an issuing CA with %s", (type) => {
	it.each(["identity", "client", "machine"] as const)("for %s passes openssl verify -x509_strict", async (purpose) => {
		const certificate = await issued(type, { purpose, revocation });
		writeFileSync(join(dir, `${type}-${purpose}.pem`), pemOf(certificate.der));
		const at = String(Math.floor(now.getTime() / 1000));
		const chain = ["-CAfile", `${type}-root.pem`, "-untrusted", `${type}-ca.pem`];
		const use = ["-purpose", purpose === "identity" ? "smimeencrypt" : "sslclient"];
		const args = ["verify", "-x509_strict", "-check_ss_sig", "-attime", at, ...use, ...chain];
		const { status, stdout, stderr } = spawnSync("openssl", [...args, `${type}-${purpose}.pem`], { cwd: dir });
		expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: "" });
		expect(stdout.toString()).toContain("OK");
	});

	it("says what openssl reads in it", async () => {
		const text = new X509Certificate((await issued(type)).der);
		expect(text.subject).toBe("O=Example & Söhne\nCN=alice@example.com\nserialNumber=C39VK7XQ0D91");
		expect(text.issuer).toBe(new X509Certificate(authority(type).keys.authorities.ca).subject);
		expect(text.subjectAltName).toBe("email:alice@example.com");
		expect(text.ca).toBe(false);
		expect(text.keyUsage).toEqual(["1.3.6.1.5.5.7.3.4"]);
		expect(text.checkIssued(new X509Certificate(authority(type).keys.authorities.ca))).toBe(true);
	});
});

describe("dates", () => {
	it("begin five minutes before, end after 398 days, in whole seconds", () => {
		const { notBefore, notAfter, tbs } = buildLeaf(request, authority("rsa").ca, randomBytes);
		expect(notBefore).toEqual(new Date("2026-11-22T11:55:00Z"));
		expect(notAfter).toEqual(new Date(new Date("2026-11-22T11:55:00Z").getTime() + 398 * day));
		const read = readTbsCertificate(tbs);
		expect([read.notBefore, read.notAfter]).toEqual([notBefore, notAfter]);
	});

	it("never end after the CA's", () => {
		const { ca } = authority("rsa");
		const late = new Date(ca.notAfter.getTime() - 10 * day);
		expect(buildLeaf({ ...request, now: late }, ca, randomBytes).notAfter).toEqual(ca.notAfter);
	});

	it("pass lint in the very second of the ceremony", () => {
		const { ca } = authority("rsa");
		expect(() => lintTbs(buildLeaf(request, ca, randomBytes).tbs, ca)).not.toThrow();
	});
});

describe("names", () => {
	it.each([
		["none", {}, undefined],
		["an e-mail address", { rfc822Name: "a@b.c" }, "email:a@b.c"],
		["a machine's", { dNSName: ["a.example", "b.example"] }, "DNS:a.example, DNS:b.example"],
		["of both kinds", { rfc822Name: "a@b.c", dNSName: ["a.example"] }, "email:a@b.c, DNS:a.example"],
	])("subjectAltName: %s", async (_what, subjectAltName, expected) => {
		expect(new X509Certificate((await issued("rsa", { subjectAltName })).der).subjectAltName).toBe(expected);
	});

	it.each([
		["an e-mail address", { rfc822Name: "\u0161@b.c" }],
		["a DNS name", { dNSName: ["\u0161.example"] }],
	])("%s that is not ASCII is not cut down to one that is", async (_what, subjectAltName) => {
		await expect(issued("rsa", { subjectAltName })).rejects.toMatchObject({ code: "internal" });
	});
});

describe("what a key is for", () => {
	const text = async (more: Partial<LeafRequest>): Promise<string> => {
		writeFileSync(join(dir, "text.pem"), pemOf((await issued("rsa", more)).der));
		const extensions = "keyUsage,extendedKeyUsage,crlDistributionPoints,authorityInfoAccess,basicConstraints";
		const { stdout } = spawnSync("openssl", ["x509", "-in", "text.pem", "-noout", "-ext", extensions], { cwd: dir });
		return stdout.toString().replace(/\s+/g, " ").trim();
	};
	it.each([
		["identity", "Digital Signature, Key Encipherment", "E-mail Protection"],
		["client", "Digital Signature", "TLS Web Client Authentication"],
		["machine", "Digital Signature", "TLS Web Client Authentication"],
	] as const)("%s: %s; %s", async (purpose, usage, extended) => {
		expect(await text({ purpose })).toBe(
			`X509v3 Basic Constraints: critical CA:FALSE X509v3 Key Usage: critical ${usage} X509v3 Extended Key Usage: ${extended}`,
		);
	});

	it.each([
		["list and responder", revocation, "Authority Information Access: OCSP - URI:https://ota.example.com/ocsp"],
		["a list alone", { ...revocation, ocsp: null }, null],
	])("where verifiers ask about it: %s", async (_what, addresses, responder) => {
		const read = await text({ revocation: addresses });
		const list = "X509v3 CRL Distribution Points: Full Name: URI:https://ota.example.com/crl/0123456789abcdef.crl";
		expect(read).toContain(list);
		expect(read.includes("Authority Information Access")).toBe(responder !== null);
		expect(read).toContain(responder ?? list);
	});
});

describe("serial numbers", () => {
	it("are positive, of 16 octets, and no two of 10,000 are the same", () => {
		const drawn = Array.from({ length: 10_000 }, () => drawSerialNumber(randomBytes));
		for (const serial of drawn) {
			expect(serial.length).toBe(16);
			expect((serial[0] as number) & 0xc0).toBe(0x40);
		}
		expect(new Set(drawn.map(toHex)).size).toBe(10_000);
	});

	it.each([0x00, 0xff])("are positive and full-length even when every random octet is %i", (octet) => {
		const leaf = buildLeaf(request, authority("rsa").ca, (length) => new Uint8Array(length).fill(octet));
		expect(leaf.serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/);
		expect(readTbsCertificate(leaf.tbs).serialNumber).toBe(leaf.serialNumber);
	});

	it("do not touch the generator's own bytes", () => {
		const source = new Uint8Array(16).fill(0xff);
		drawSerialNumber(() => source);
		expect(source).toEqual(new Uint8Array(16).fill(0xff));
	});
});

describe("issue", () => {
	const leaf = () => {
		const { ca } = authority("rsa");
		return lintTbs(buildLeaf(request, ca, randomBytes).tbs, ca);
	};
	const wrongKey = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
	it.each([
		["a signature of another key", async (message: Uint8Array) => sign("sha256", message, wrongKey)],
		[
			"a signature of another digest",
			async (message: Uint8Array) => sign("sha512", message, authority("rsa").keys.private.ca),
		],
		["a signature over something else", async () => sign("sha256", Buffer.from("x"), authority("rsa").keys.private.ca)],
		["an empty signature", async () => new Uint8Array()],
		["zeros", async () => new Uint8Array(256)],
	])("gives nothing out when the token answers with %s", async (_what, answer) => {
		const keys = { sign: (_role: string, _hash: string, message: Uint8Array) => answer(message) };
		await expect(issue(leaf(), authority("rsa").ca, keys)).rejects.toMatchObject({ code: "hsm_unavailable" });
	});

	it("asks the CA's key alone, for SHA-256, over the linted octets", async () => {
		const asked: unknown[] = [];
		const { keys, ca } = authority("rsa");
		const linted = leaf();
		await issue(linted, ca, {
			sign: (role, hash, message) => {
				asked.push([role, hash, Buffer.from(message).equals(linted.tbs)]);
				return keys.keys.sign(role, hash, message);
			},
		});
		expect(asked).toEqual([["ca", "sha256", true]]);
	});

	const signsAll = () => {
		const asked: string[] = [];
		const { keys } = authority("rsa");
		const sign: typeof keys.keys.sign = (role, hash, message) => {
			asked.push(role);
			return keys.keys.sign(role, hash, message);
		};
		return { asked, keys: { sign } };
	};
	const unlinted = () => buildLeaf(request, authority("rsa").ca, randomBytes).tbs;
	it.each([
		["octets in the shape of a proof", () => ({ tbs: unlinted() })],
		["octets with a proof's prototype", () => Object.create(LintedTbs.prototype, { tbs: { value: unlinted() } })],
		["a proof's copy", () => ({ ...leaf() })],
		["nothing", () => null],
		["something", () => "certificate"],
	])("refuses what was not linted, whatever its type says: %s", async (_what, make) => {
		const { asked, keys } = signsAll();
		const { ca } = authority("rsa");
		await expect(issue(make() as unknown as LintedTbs, ca, keys)).rejects.toMatchObject({ code: "internal" });
		expect(asked).toEqual([]);
	});

	it("refuses octets that changed after their lint", async () => {
		const { asked, keys } = signsAll();
		const linted = leaf();
		const at = linted.tbs.length - 1;
		linted.tbs[at] = (linted.tbs[at] as number) ^ 1;
		await expect(issue(linted, authority("rsa").ca, keys)).rejects.toMatchObject({ code: "internal" });
		expect(() => Object.assign(linted, { tbs: unlinted() })).toThrow(TypeError);
		expect(asked).toEqual([]);
	});

	it("refuses what was linted for another CA", async () => {
		const { asked, keys } = signsAll();
		await expect(issue(leaf(), authority("p-256").ca, keys)).rejects.toMatchObject({ code: "internal" });
		expect(asked).toEqual([]);
	});

	it("takes the same CA, read again", async () => {
		const { ca, keys } = authority("rsa");
		await expect(issue(leaf(), readCertificate(ca.der), keys.keys)).resolves.toMatchObject({ der: expect.anything() });
	});

	it("verifies what was linted when the octets changed on their way to the token", async () => {
		const { keys, ca } = authority("rsa");
		const sign: typeof keys.keys.sign = (role, hash, message) => {
			message[message.length - 1] = (message[message.length - 1] as number) ^ 1;
			return keys.keys.sign(role, hash, message);
		};
		await expect(issue(leaf(), ca, { sign })).rejects.toMatchObject({ code: "hsm_unavailable" });
	});
});
