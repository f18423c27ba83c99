/** The ceremony over software keys; openssl is the second opinion. The token's own ceremony: test/token/ceremony.test.ts. */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type CeremonyInput, type CeremonyKey, type CeremonyResult, runCeremony } from "../../lib/ca/ceremony.ts";
import { signCertificate } from "../../lib/ca/ceremony-certificate.ts";
import { distinguishedName } from "../../lib/ca/ceremony-name.ts";
import { newKeyPair } from "../device/key-pair.ts";

function softwareKey(label: string, kind: "rsa-1024" | "rsa-2048" | "p-256" = "rsa-2048"): CeremonyKey {
	const { publicKey, privateKey } =
		kind === "p-256"
			? newKeyPair("ec", { namedCurve: "prime256v1" })
			: newKeyPair("rsa", { modulusLength: Number(kind.slice(4)) });
	return {
		label,
		attributes: { CKA_SENSITIVE: true },
		publicKey: publicKey.export({ type: "spki", format: "der" }),
		sign: async (hash, message) => sign(hash, message, privateKey),
	};
}

const keys = {
	root: softwareKey("root-ca"),
	ca: softwareKey("issuing-ca"),
	ra: softwareKey("scep-ra"),
	profile: softwareKey("profile-signing"),
	seal: { label: "seal", attributes: { CKA_EXTRACTABLE: false } },
};
const now = new Date("2026-11-22T10:20:30.456Z");
const input: CeremonyInput = {
	organization: "Example Corp",
	operator: "root@example",
	token: "ota",
	keys,
	clock: () => now,
	random: (length) => randomBytes(length),
};

const directory = mkdtempSync(join(tmpdir(), "ceremony-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes the PEMs under `name` and answers what openssl thinks of the chain at `at`. */
function opensslVerify(name: string, result: CeremonyResult, leaf: "ra" | "profile", at = now): string {
	for (const role of ["root", "ca", "ra", "profile"] as const) {
		writeFileSync(join(directory, `${name}-${role}.pem`), result[role]);
	}
	const path = (role: string) => join(directory, `${name}-${role}.pem`);
	const time = String(Math.floor(at.getTime() / 1000));
	const args = [
		"verify",
		"-x509_strict",
		"-attime",
		time,
		"-CAfile",
		path("root"),
		"-untrusted",
		path("ca"),
		path(leaf),
	];
	return execFileSync("openssl", args, { encoding: "utf8" });
}

function opensslText(pem: string): string {
	return execFileSync("openssl", ["x509", "-noout", "-text"], { input: pem, encoding: "utf8" });
}

describe("the ceremony's certificates", () => {
	let result: CeremonyResult;
	beforeAll(async () => {
		result = await runCeremony(input);
	});

	it.each(["ra", "profile"] as const)("chain up from %s under x509_strict", (leaf) => {
		expect(opensslVerify("rsa", result, leaf)).toMatch(/: OK\n$/);
	});

	it("are valid five minutes ago already", () => {
		expect(opensslVerify("rsa", result, "ra", new Date(now.getTime() - 299_000))).toMatch(/: OK\n$/);
		expect(new X509Certificate(result.root).validFrom).toBe("Nov 22 10:15:30 2026 GMT");
	});

	it.each([
		["root", "Nov 22 10:20:30 2036 GMT"],
		["ca", "Nov 22 10:20:30 2031 GMT"],
		["ra", "Nov 22 10:20:30 2028 GMT"],
		["profile", "Nov 22 10:20:30 2028 GMT"],
	] as const)("%s ends at its lifetime", (role, end) => {
		expect(new X509Certificate(result[role]).validTo).toBe(end);
	});

	it.each([
		["root", "Example Corp Root CA"],
		["ca", "Example Corp Issuing CA"],
		["ra", "Example Corp SCEP RA"],
		["profile", "Example Corp Profile Signing"],
	] as const)("%s is named after the organization", (role, name) => {
		expect(new X509Certificate(result[role]).subject).toBe(`O=Example Corp\nCN=${name}`);
	});

	it.each([
		["root", "CA:TRUE, pathlen:1", "Certificate Sign, CRL Sign"],
		["ca", "CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign"],
		["ra", "CA:FALSE", "Digital Signature, Key Encipherment"],
		["profile", "CA:FALSE", "Digital Signature"],
	] as const)("%s says %s and %s, critically, and no extended key usage", (role, constraints, usage) => {
		const text = opensslText(result[role]);
		expect(text).toMatch(new RegExp(`Basic Constraints: critical\\s+${constraints}\\n`));
		expect(text).toMatch(new RegExp(`Key Usage: critical\\s+${usage}\\n`));
		expect(text).toContain("X509v3 Subject Key Identifier");
		expect(text.includes("Authority Key Identifier")).toBe(role !== "root");
		expect(text).not.toContain("Extended Key Usage");
		expect(text).toContain("Signature Algorithm: sha256WithRSAEncryption");
	});

	it("have positive serial numbers of 16 octets, all different", () => {
		const serials = (["root", "ca", "ra", "profile"] as const).map(
			(role) => new X509Certificate(result[role]).serialNumber,
		);
		for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
		expect(new Set(serials).size).toBe(4);
	});

	it("stay positive whatever the random bytes are", async () => {
		for (const octet of [0x00, 0xff]) {
			const { root } = await runCeremony({ ...input, random: (length) => new Uint8Array(length).fill(octet) });
			expect(new X509Certificate(root).serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
		}
	});

	it("are told of in the transcript, each with its key and fingerprints", () => {
		for (const role of ["root", "ca", "ra", "profile"] as const) {
			const certificate = new X509Certificate(result[role]);
			expect(result.transcript).toContain(`Key label:     ${keys[role].label}\n`);
			expect(result.transcript).toContain(certificate.fingerprint256);
			expect(result.transcript).toContain(certificate.fingerprint);
			expect(result.transcript).toContain(certificate.serialNumber.toLowerCase());
		}
		expect(result.transcript).toContain("Held at:       2026-11-22T10:20:30.456Z");
		expect(result.transcript).toContain("Held by:       root@example");
		expect(result.transcript).toMatch(
			/Seal \(AES\)\n {2}Key label: {5}seal\n {2}Attributes: {4}CKA_EXTRACTABLE=false\n/,
		);
	});
});

describe("the issuing CA", () => {
	it("has no CA below it: openssl refuses the longer chain", async () => {
		const result = await runCeremony(input);
		const ca = new X509Certificate(result.ca);
		const further = softwareKey("further-ca");
		const subject = distinguishedName("Further", "Issuing CA");
		const dates = { notBefore: new Date(ca.validFrom), notAfter: new Date(ca.validTo) };
		const plan = { ...dates, subject, publicKey: further.publicKey, keyUsage: ["keyCertSign"], pathLength: 0 } as const;
		const issuer = distinguishedName("Example Corp", "Issuing CA");
		const below = await signCertificate({ ...plan, issuer }, keys.ca, ca, input.random);
		const leafPlan = { ...plan, issuer: subject, publicKey: keys.ra.publicKey, pathLength: null } as const;
		const leaf = await signCertificate({ ...leafPlan, keyUsage: ["digitalSignature"] }, further, below, input.random);
		const write = (name: string, pem: string) => writeFileSync(join(directory, name), pem);
		write("long-root.pem", result.root);
		write("long-middle.pem", result.ca + below.toString());
		write("long-leaf.pem", leaf.toString());
		const time = String(Math.floor(now.getTime() / 1000));
		const args = [
			"verify",
			"-attime",
			time,
			"-CAfile",
			"long-root.pem",
			"-untrusted",
			"long-middle.pem",
			"long-leaf.pem",
		];
		const outcome = spawnSync("openssl", args, { cwd: directory, encoding: "utf8" });
		expect(outcome.stderr).toContain("path length constraint exceeded");
		expect(outcome.status).not.toBe(0);
	});
});

describe("a ceremony with P-256 CAs", () => {
	it("signs with ecdsa-with-SHA256 and still chains under x509_strict", async () => {
		const p256 = { ...keys, root: softwareKey("root-ca", "p-256"), ca: softwareKey("issuing-ca", "p-256") };
		const result = await runCeremony({ ...input, keys: p256 });
		expect(opensslVerify("p256", result, "ra")).toMatch(/: OK\n$/);
		expect(opensslText(result.ra)).toContain("Signature Algorithm: ecdsa-with-SHA256");
	});
});

describe("a ceremony's dates", () => {
	it("turn to GeneralizedTime in 2050 and stay exact", async () => {
		const result = await runCeremony({ ...input, clock: () => new Date("2044-02-29T00:00:00Z") });
		const dump = execFileSync("openssl", ["asn1parse"], { input: result.root, encoding: "utf8" });
		expect(dump).toMatch(/UTCTIME\s+:440228235500Z\n/);
		expect(dump).toMatch(/GENERALIZEDTIME\s+:20540301000000Z\n/);
		expect(opensslVerify("late", result, "ra", new Date("2044-03-01T00:00:00Z"))).toMatch(/: OK\n$/);
	});
});

describe("an organization outside PrintableString", () => {
	it("is written as UTF8String and read back equal", async () => {
		const result = await runCeremony({ ...input, organization: "Müller & Söhne" });
		expect(new X509Certificate(result.ca).subject).toBe("O=Müller & Söhne\nCN=Müller & Söhne Issuing CA");
		const dump = execFileSync("openssl", ["asn1parse"], { input: result.ca, encoding: "utf8" });
		expect(dump).toContain("UTF8STRING");
		expect(opensslVerify("utf8", result, "profile")).toMatch(/: OK\n$/);
	});
});

describe("a ceremony refuses", () => {
	it.each([
		["no organization", { organization: "" }, "config"],
		["an organization that does not fit", { organization: "x".repeat(49) }, "config"],
		["a line break in the organization", { organization: "Example\nCorp" }, "config"],
		["a blank at the end of the organization", { organization: "Example " }, "config"],
		["one key in two roles", { keys: { ...keys, ca: keys.root } }, "key_policy"],
		["an RSA-1024 key", { keys: { ...keys, profile: softwareKey("weak", "rsa-1024") } }, "key_policy"],
		["a P-256 RA key", { keys: { ...keys, ra: softwareKey("scep-ra", "p-256") } }, "key_policy"],
		[
			"a public key that is none",
			{ keys: { ...keys, ra: { ...keys.ra, publicKey: new Uint8Array(9) } } },
			"key_policy",
		],
		[
			"a signer with another key than it shows",
			{ keys: { ...keys, root: { ...keys.root, sign: keys.ca.sign } } },
			"hsm_refused",
		],
	] as const)("%s", async (_name, change, code) => {
		await expect(runCeremony({ ...input, ...change })).rejects.toMatchObject({ name: "OtaError", code });
	});
});
