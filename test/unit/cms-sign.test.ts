/** SignedData and certificates-only out: openssl verifies, pkijs reads, the order of certificates is kept. */
import { spawnSync } from "node:child_process";
import { sign, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as asn1js from "asn1js";
import { ContentInfo, SignedData } from "pkijs";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { attribute, certificatesOnly, signData } from "../../lib/cms/sign.ts";
import { readSignedData } from "../../lib/cms/signed-data.ts";
import { oids } from "../../lib/der/oids.ts";
import { printableString } from "../../lib/der/writer.ts";
import { asOtaError } from "../../lib/errors.ts";
import type { HashName } from "../../lib/ports.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";

const dir = mkdtempSync(join(tmpdir(), "cms-sign-"));
afterAll(() => rmSync(dir, { recursive: true }));
const of = (pem: string): X509 => readCertificate(pemCertificates(pem)[0] as Uint8Array);
const content = Buffer.from("<plist/>\n\r\0".repeat(4000));

let rsa: SoftwareKeys;
let elliptic: SoftwareKeys;
beforeAll(async () => {
	rsa = await softwareKeys(new Date());
	elliptic = await softwareKeys(new Date(), "p-256");
	writeFileSync(join(dir, "root.pem"), rsa.authorities.root);
	writeFileSync(join(dir, "ec-root.pem"), elliptic.authorities.root);
});

function openssl(args: string[], input: Uint8Array) {
	const { status, stdout, stderr } = spawnSync("openssl", args, { cwd: dir, input });
	return { status, stdout, stderr: stderr.toString().trim() };
}

/** By the profile key, or by the CA's own, which may be elliptic. */
function signed(keys: SoftwareKeys, role: "profile" | "ca", digest: HashName, bytes: Uint8Array = content) {
	const certificate = of(keys.authorities[role]);
	return signData({
		content: bytes,
		digest,
		signer: { certificate, sign: async (hash, message) => sign(hash, message, keys.private[role]) },
		certificates: [certificate, ...(role === "profile" ? [of(keys.authorities.ca)] : [])],
		signingTime: new Date("2026-11-22T12:00:00Z"),
	});
}
const verify = (root: string, ...more: string[]) => [
	"cms",
	"-verify",
	"-inform",
	"DER",
	"-binary",
	"-purpose",
	"any",
	"-CAfile",
	root,
	...more,
];
const good = { status: 0, stderr: "CMS Verification successful" };

describe("signData", () => {
	it.each(["sha256", "sha384", "sha512"] as const)("openssl verifies RSA with %s up to the root", async (digest) => {
		const { stdout, ...outcome } = openssl(verify("root.pem"), await signed(rsa, "profile", digest));
		expect(outcome).toEqual(good);
		expect(stdout).toEqual(content);
	});

	it.each(["sha256", "sha384"] as const)("openssl verifies ECDSA with %s", async (digest) => {
		const { stdout, ...outcome } = openssl(verify("ec-root.pem"), await signed(elliptic, "ca", digest));
		expect(outcome).toEqual(good);
		expect(stdout).toEqual(content);
	});

	it("our own reader agrees, in DER", async () => {
		const message = await signed(rsa, "profile", "sha256");
		const { signer, content: read, others } = readSignedData(message, { ber: false }).verify(["sha256"]);
		expect(Buffer.from(read)).toEqual(content);
		expect(signer.fingerprint).toBe(of(rsa.authorities.profile).fingerprint);
		expect(others.map((one) => one.fingerprint)).toEqual([of(rsa.authorities.ca).fingerprint]);
	});

	it("another root is another matter", async () => {
		const { status } = openssl(verify("ec-root.pem"), await signed(rsa, "profile", "sha256"));
		expect(status).not.toBe(0);
	});

	it("signs a zero-length content that is there", async () => {
		const message = await signed(rsa, "profile", "sha256", new Uint8Array());
		const { stdout, ...outcome } = openssl(verify("root.pem"), message);
		expect(outcome).toEqual(good);
		expect(stdout.length).toBe(0);
		expect(Buffer.from(message).includes(Buffer.from("a0020400", "hex"))).toBe(true);
	});

	it("pkijs reads it: version 1, one signer named rsaEncryption, attributes in DER order", async () => {
		const certificate = of(rsa.authorities.profile);
		const message = await signData({
			content,
			digest: "sha256",
			signer: { certificate, sign: async (hash, bytes) => sign(hash, bytes, rsa.private.profile) },
			certificates: [certificate],
			attributes: [attribute(oids.scepTransactionID, printableString("AB12"))],
		});
		const schema = asn1js.fromBER(new Uint8Array(message)).result;
		const signedData = new SignedData({ schema: new ContentInfo({ schema }).content });
		const [info] = signedData.signerInfos;
		expect([signedData.version, signedData.signerInfos.length, info?.version]).toEqual([1, 1, 1]);
		expect(info?.signatureAlgorithm.algorithmId).toBe(oids.rsaEncryption);
		expect(info?.digestAlgorithm.algorithmId).toBe(oids.sha256);
		const encodings = info?.signedAttrs?.attributes.map((one) => Buffer.from(one.toSchema().toBER())) ?? [];
		expect(encodings.length).toBe(3);
		expect(encodings).toEqual([...encodings].sort(Buffer.compare));
	});

	it("whoever signs wrongly is found out by the reader", async () => {
		const certificate = of(rsa.authorities.profile);
		const wrong = async (hash: HashName, bytes: Uint8Array) => sign(hash, bytes, rsa.private.ca);
		const options = { content, digest: "sha256", certificates: [certificate] } as const;
		const message = await signData({ ...options, signer: { certificate, sign: wrong } });
		let code = "accepted";
		try {
			readSignedData(message).verify(["sha256"]);
		} catch (error) {
			code = asOtaError(error).code;
		}
		expect(code).toBe("signature");
	});
});

describe("certificatesOnly", () => {
	it("openssl lists the certificates in the order given", () => {
		const order = (["ra", "ca", "root"] as const).map((role) => rsa.authorities[role]);
		const { stdout, status } = openssl(["pkcs7", "-inform", "DER", "-print_certs"], certificatesOnly(order.map(of)));
		expect(status).toBe(0);
		const listed = stdout.toString().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
		expect(listed.map((pem) => new X509Certificate(pem).fingerprint256)).toEqual(
			order.map((pem) => new X509Certificate(pem).fingerprint256),
		);
	});

	it("has neither content nor signer, and so is refused as a message", () => {
		const bytes = certificatesOnly([of(rsa.authorities.ra)]);
		const schema = asn1js.fromBER(new Uint8Array(bytes)).result;
		const signedData = new SignedData({ schema: new ContentInfo({ schema }).content });
		expect(signedData.signerInfos).toEqual([]);
		expect(signedData.encapContentInfo.eContent).toBeUndefined();
		expect(() => readSignedData(bytes)).toThrow(expect.objectContaining({ code: "malformed" }));
	});
});
