/** The certificate reader against odd certificates of others, and node:crypto's reading of the same bytes. */
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { readSignedData } from "../../lib/cms/signed-data.ts";
import { OtaError } from "../../lib/errors.ts";
import { ber } from "../device/index.ts";
import { describeCorpus } from "../vectors/corpora.ts";

/** "read", or the code; anything but an OtaError is a crash and fails the test. */
function outcome(run: () => unknown): string {
	try {
		run();
		return "read";
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		return error.code;
	}
}
/** Everything that can be asked of a certificate. */
function readAll(certificate: X509): void {
	const { serialNumber, publicKeyHash, fingerprint, keyUsage, basicConstraints, extendedKeyUsage } = certificate;
	const { subjectKeyIdentifier, authorityKeyIdentifier } = certificate;
	expect([serialNumber, publicKeyHash, fingerprint].every((hex) => /^[0-9a-f]+$/.test(hex))).toBe(true);
	expect([keyUsage, basicConstraints, extendedKeyUsage, subjectKeyIdentifier, authorityKeyIdentifier]).toHaveLength(5);
	certificate.isSignedBy(certificate.publicKey);
}
const derOf = (bytes: Buffer): Uint8Array => {
	const [pem] = pemCertificates(bytes.toString("latin1"));
	return pem ?? bytes;
};
const codes = ["read", "malformed", "algorithm", "too_large"];

/** Odd certificates, and what becomes of them. All others are read. */
const refused: Readonly<Record<string, string>> = {
	"negative_serial.pem": "malformed",
	"invalid_version.pem": "malformed",
	"two_basic_constraints.pem": "malformed",
	"long-form-name-attribute.pem": "malformed",
	"rsa_pss.pem": "algorithm",
	"rsa_pss_cert.pem": "algorithm",
	"dsa_selfsigned_ca.pem": "algorithm",
};

/** OpenSSL refuses these for their names, which we compare as bytes and do not read. */
const namesUnread: Readonly<Record<string, string>> = { "invalid_utf8_common_name.pem": "a UTF8String that is none" };

describeCorpus("the certificates of pyca", "pyca/x509/custom", (root) => {
	const folder = join(root, "pyca/x509/custom");
	const files = readdirSync(folder).filter((name) => /\.(pem|der)$/.test(name) && !/^crl_|_crl\./.test(name));

	it("are there", () => expect(files.length).toBeGreaterThan(60));

	it.each(files)("%s is read or refused, and never crashes", (name) => {
		const der = derOf(readFileSync(join(folder, name)));
		const answer = outcome(() => readAll(readCertificate(der)));
		expect(codes).toContain(answer);
		if (name in refused) expect(answer).toBe(refused[name]);
	});

	it.each(files.filter((name) => !(name in namesUnread)))("%s: what is read is what OpenSSL reads", (name) => {
		const der = derOf(readFileSync(join(folder, name)));
		let ours: X509;
		try {
			ours = readCertificate(der);
		} catch (error) {
			expect((error as OtaError).code).toBe("malformed");
			return;
		}
		const theirs = new X509Certificate(der);
		expect(BigInt(`0x${ours.serialNumber}`)).toBe(BigInt(`0x${theirs.serialNumber}`));
		expect(ours.notBefore).toEqual(new Date(theirs.validFrom));
		expect(ours.notAfter).toEqual(new Date(theirs.validTo));
		expect(ours.fingerprint).toBe(theirs.fingerprint256.replaceAll(":", "").toLowerCase());
	});

	it.each(readdirSync(folder).filter((name) => /^crl_/.test(name)))(
		"%s, a revocation list, is no certificate",
		(name) => {
			const bytes = readFileSync(join(folder, name));
			const [, base64 = ""] = /-----BEGIN[^-]+-----([^-]+)-----END/.exec(bytes.toString("latin1")) ?? [];
			const der = base64 ? Buffer.from(base64, "base64") : bytes;
			expect(["malformed", "too_large"]).toContain(outcome(() => readCertificate(der)));
		},
	);
});

interface Row {
	file: string;
	form: string;
	openssl_3_0_19_cms_verify_noverify: "ok" | "fail";
}

describeCorpus("the signed messages of go-pkcs7", "cms-signed.oracle.json", (root) => {
	const rows: Row[] = JSON.parse(readFileSync(join(root, "cms-signed.oracle.json"), "utf8"));
	const messageOf = (file: string): Uint8Array => {
		const [, base64 = ""] = /-----BEGIN[^-]+-----([^-]+)-----END/.exec(readFileSync(join(root, file), "latin1")) ?? [];
		return Buffer.from(base64, "base64");
	};

	it("are there", () => expect(rows.length).toBeGreaterThan(8));

	it.each(rows.map((row) => [row.file, row] as const))("%s: never laxer than OpenSSL", (file, row) => {
		const message = messageOf(file);
		const answer = outcome(() => readSignedData(message).verify(["sha1", "sha256", "sha384", "sha512"]));
		expect([...codes, "signature"]).toContain(answer);
		if (row.openssl_3_0_19_cms_verify_noverify === "fail") expect(answer).not.toBe("read");
	});

	it.each([
		["go-pkcs7/smallstep/verify_018_SignedTestFixture_PKCS7.pem", "read"],
		["go-pkcs7/mozilla/verify_009_ApkEcdsaFixture_PKCS7.pem", "malformed"],
		["go-pkcs7/mozilla/verify_010_FirefoxAddonFixture_PKCS7.pem", "malformed"],
	])("%s: %s", (file, expected) => {
		expect(outcome(() => readSignedData(messageOf(file)).verify(["sha1", "sha256"]))).toBe(expected);
	});
});

describeCorpus("the fuzz inputs of OpenSSL's CMS reader", "openssl-fuzz/cms", (root) => {
	const folder = join(root, "openssl-fuzz/cms");
	const files = readdirSync(folder);

	it("not one of them verifies, crashes or takes 50 ms", () => {
		expect(files.length).toBeGreaterThan(1000);
		const seen = new Set<string>();
		for (const name of files) {
			const bytes = readFileSync(join(folder, name));
			const begin = performance.now();
			const answer = outcome(() => readSignedData(bytes).verify(["sha1", "sha256", "sha384", "sha512"]));
			if (performance.now() - begin > 50) throw new Error(`${name} took ${performance.now() - begin} ms`);
			seen.add(answer);
		}
		expect(
			[...seen].filter((answer) => !["malformed", "signature", "algorithm", "too_large"].includes(answer)),
		).toEqual([]);
	});
});

describe("readCertificate", () => {
	it.each([
		["nothing", new Uint8Array()],
		["an empty SEQUENCE", ber.sequence()],
		["PEM", Buffer.from("-----BEGIN CERTIFICATE-----")],
		["three empty SEQUENCEs", ber.sequence(ber.sequence(), ber.sequence(), ber.bitString(new Uint8Array()))],
	])("refuses %s", (_what, der) => expect(outcome(() => readCertificate(der))).toBe("malformed"));
});

describe("pemCertificates", () => {
	const block = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
	it.each([
		["none", "", 0],
		["one", block, 1],
		["two, with text around them", `Subject: x\n${block}\nfoo\n${block}`, 2],
		["one with the line ends of Windows", block.replaceAll("\n", "\r\n"), 1],
		["a key beside it", `-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n${block}`, 1],
		["one without its end", "-----BEGIN CERTIFICATE-----\nMAA=\n", 0],
	])("%s", (_what, text, count) => {
		expect(pemCertificates(text).map((der) => Buffer.from(der).toString("hex"))).toEqual(Array(count).fill("3000"));
	});
});
