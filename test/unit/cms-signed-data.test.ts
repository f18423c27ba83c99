/** SignedData in: what is verified, against the emulated device's encoder and openssl's; and every refusal. */
import { spawnSync } from "node:child_process";
import type { KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, it } from "@jest/globals";
import type { Digest } from "../../lib/cms/algorithms.ts";
import { readSignedData } from "../../lib/cms/signed-data.ts";
import { asOtaError } from "../../lib/errors.ts";
import { ber, buildCertificate, buildSignedData, oids, pemOf, type SignedDataOptions } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

interface Party {
	certificate: Uint8Array;
	key: KeyObject;
}
const rsa = (bits = 2048): KeyObject => newKeyPair("rsa", { modulusLength: bits }).privateKey;
const serialNumber = Uint8Array.of(0x41, 2, 3, 4, 5, 6, 7, 8);
const party = (key: KeyObject, commonName = "signer"): Party => ({
	key,
	certificate: buildCertificate({
		subject: [["CN", commonName]],
		key,
		serialNumber,
		notBefore: new Date("2026-01-01"),
		notAfter: new Date("2036-01-01"),
		keyUsage: [0, 2],
	}),
});

const signer = party(rsa());
const other = party(rsa(), "another");
const namesake = party(rsa());
const elliptic = party(newKeyPair("ec", { namedCurve: "P-256" }).privateKey, "elliptic");
const small = party(rsa(1024), "small");
const content = Buffer.from("<plist/>".repeat(200));
const all: Digest[] = ["sha1", "sha256", "sha384", "sha512"];

const dir = mkdtempSync(join(tmpdir(), "cms-signed-data-"));
afterAll(() => rmSync(dir, { recursive: true }));

type Bent = Partial<SignedDataOptions> & { by?: Party; signerInfo?: Partial<SignedDataOptions["signers"][number]> };
function message({ by = signer, signerInfo, ...rest }: Bent = {}): Uint8Array {
	return buildSignedData({
		content,
		signers: [{ certificate: by.certificate, key: by.key, ...signerInfo }],
		certificates: [by.certificate],
		...rest,
	});
}

function codeOf(run: () => unknown): string {
	try {
		run();
		return "accepted";
	} catch (error) {
		return asOtaError(error).code;
	}
}
const judged = (bytes: Uint8Array, accepted = all): string => codeOf(() => readSignedData(bytes).verify(accepted));

/** The last occurrence, which lies in the SignerInfo, replaced by as many octets. */
function patched(bytes: Uint8Array, from: string, to: string): Uint8Array {
	const copy = Buffer.from(bytes);
	const at = copy.lastIndexOf(Buffer.from(from, "hex"));
	if (at < 0) throw new Error(`nothing to patch: ${from}`);
	Buffer.from(to, "hex").copy(copy, at);
	return copy;
}
const oidBytes = (dotted: string): string => Buffer.from(ber.oid(dotted)).toString("hex");

describe("a good SignedData", () => {
	const rows = (["ber", "der"] as const).flatMap((encoding) => all.map((digest) => [encoding, digest] as const));
	it.each(rows)("in %s with %s gives its content and its signer", (encoding, digest) => {
		const bytes = message({ encoding, signerInfo: { digest } });
		const verified = readSignedData(bytes).verify(all);
		expect(Buffer.from(verified.content)).toEqual(content);
		expect(Buffer.from(verified.signer.der)).toEqual(Buffer.from(signer.certificate));
		expect(verified.digest).toBe(digest);
		expect(verified.others).toEqual([]);
	});

	it.each([
		["ECDSA on P-256", message({ by: elliptic })],
		["RSA-1024, as devices have it", message({ by: small, signerInfo: { digest: "sha1" } })],
		["sha256WithRSAEncryption instead of rsaEncryption", message({ signerInfo: { signatureAlgorithm: "withDigest" } })],
		["empty content", message({ content: new Uint8Array() })],
		["empty content in DER", message({ content: new Uint8Array(), encoding: "der" })],
		["content in segments of one octet", message({ content: content.subarray(0, 300), chunk: 1 })],
		["the signer's certificate twice", message({ certificates: [signer.certificate, signer.certificate] })],
		["the signer's certificate last of eight", message({ certificates: eight(other.certificate, signer.certificate) })],
	])("%s is accepted", (_what, bytes) => expect(judged(bytes)).toBe("accepted"));

	it("lists the other certificates in the order of the bag", () => {
		const certificates = [other.certificate, signer.certificate, small.certificate];
		const { others } = readSignedData(message({ certificates })).verify(all);
		expect(others.map(({ der }) => Buffer.from(der))).toEqual(
			[other, small].map((one) => Buffer.from(one.certificate)),
		);
	});

	it.each([
		["definite lengths", []],
		["indefinite lengths", ["-indef"]],
		["SHA-512", ["-md", "sha512"]],
		["no S/MIME capabilities", ["-nosmimecap"]],
		["an elliptic key", ["-signer", "ec.pem", "-inkey", "ec.key"]],
	])("from openssl with %s is accepted", (_what, more) => {
		writeFileSync(join(dir, "rsa.pem"), pemOf(signer.certificate));
		writeFileSync(join(dir, "rsa.key"), signer.key.export({ type: "pkcs8", format: "pem" }));
		writeFileSync(join(dir, "ec.pem"), pemOf(elliptic.certificate));
		writeFileSync(join(dir, "ec.key"), elliptic.key.export({ type: "pkcs8", format: "pem" }));
		const by = more.includes("-signer") ? [] : ["-signer", "rsa.pem", "-inkey", "rsa.key"];
		const args = ["cms", "-sign", "-nodetach", "-binary", "-outform", "DER", ...by, ...more];
		const { stdout, stderr, status } = spawnSync("openssl", args, { cwd: dir, input: content });
		expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: "" });
		expect(Buffer.from(readSignedData(stdout).verify(all).content)).toEqual(content);
	});
});

function eight(filling: Uint8Array, last: Uint8Array): Uint8Array[] {
	return [...Array.from({ length: 7 }, () => filling), last];
}

describe("content before verification", () => {
	it("can be had in no way", () => {
		const signedData = readSignedData(message());
		expect("content" in signedData).toBe(false);
		expect(Reflect.ownKeys(signedData)).toEqual([]);
		expect(JSON.stringify(signedData)).toBe("{}");
		expect(inspect(signedData, { showHidden: true, depth: null })).not.toContain("plist");
	});

	it("is not had from a message that fails", () => {
		expect(judged(message({ signerInfo: { corruptSignature: true } }))).toBe("signature");
	});
});

const [signedDataType, dataType] = [oids.signedData, oids.data];
const inner = (bytes: Uint8Array): Uint8Array => {
	// ContentInfo in DER: 30 82 xx xx 06 09 <9> a0 82 xx xx <SignedData>.
	const der = Buffer.from(bytes);
	return der.subarray(4 + 11 + 4);
};

describe("refusals", () => {
	it.each([
		["one bit of the signature", "signature", message({ signerInfo: { corruptSignature: true } })],
		["content exchanged after signing", "signature", message({ contentAfterSigning: Buffer.from("<evil/>") })],
		["messageDigest of something else", "signature", message({ signerInfo: { messageDigest: new Uint8Array(32) } })],
		["messageDigest of another length", "signature", message({ signerInfo: { messageDigest: new Uint8Array(20) } })],
		["an empty messageDigest", "signature", message({ signerInfo: { messageDigest: new Uint8Array() } })],
		["no messageDigest", "signature", message({ signerInfo: { omit: ["messageDigest"] } })],
		["no contentType", "signature", message({ signerInfo: { omit: ["contentType"] } })],
		["another contentType attribute", "signature", message({ signerInfo: { contentType: signedDataType } })],
		["two messageDigests", "malformed", message({ signerInfo: { duplicate: ["messageDigest"] } })],
		["two contentTypes", "malformed", message({ signerInfo: { duplicate: ["contentType"] } })],
		["no signed attributes", "signature", message({ signerInfo: { omitSignedAttrs: true } })],
		["the key of somebody else", "signature", message({ signerInfo: { key: other.key } })],
		["no certificate", "signature", message({ certificates: [] })],
		["the certificate of somebody else alone", "signature", message({ certificates: [other.certificate] })],
		["a namesake with the same serial number alone", "signature", message({ certificates: [namesake.certificate] })],
		[
			"a namesake beside the signer",
			"malformed",
			message({ certificates: [signer.certificate, namesake.certificate] }),
		],
		[
			"nine certificates",
			"malformed",
			message({ certificates: [other.certificate, ...eight(other.certificate, signer.certificate)] }),
		],
		["a certificate that is none", "malformed", message({ certificates: [signer.certificate, ber.sequence()] })],
		["a bag with something else than certificates", "malformed", message({ certificates: [ber.context(1)] })],
		["no signer", "malformed", message({ signers: [] })],
		[
			"two signers",
			"malformed",
			message({
				signers: [signer, other].map(({ certificate, key }) => ({ certificate, key })),
				certificates: [signer.certificate, other.certificate],
			}),
		],
		["the same signer twice", "malformed", message({ signers: [signer, signer] })],
		["detached content", "malformed", message({ detached: true })],
		["content of another type", "malformed", message({ eContentType: signedDataType })],
		["octets after the end", "malformed", message({ trailing: Uint8Array.of(0) })],
		["octets after the end in DER", "malformed", message({ encoding: "der", trailing: Uint8Array.of(5, 0) })],
		["MD5", "algorithm", message({ signerInfo: { digest: "md5" } })],
		[
			"a signature algorithm of another digest",
			"algorithm",
			patched(
				message({ signerInfo: { signatureAlgorithm: "withDigest" } }),
				oidBytes(oids.sha256WithRSAEncryption),
				oidBytes(oids.sha384WithRSAEncryption),
			),
		],
		[
			"RSASSA-PSS",
			"algorithm",
			patched(
				message({ signerInfo: { signatureAlgorithm: "withDigest" } }),
				oidBytes(oids.sha256WithRSAEncryption),
				oidBytes("1.2.840.113549.1.1.10"),
			),
		],
		["an elliptic signature under an RSA certificate", "algorithm", message({ signerInfo: { key: elliptic.key } })],
		[
			"an RSA signature under an elliptic certificate",
			"algorithm",
			message({ by: elliptic, signerInfo: { key: signer.key } }),
		],
		["EnvelopedData", "malformed", ber.sequence(ber.oid(oids.envelopedData), ber.context(0, ber.sequence()))],
		["ContentInfo without content", "malformed", ber.sequence(ber.oid(signedDataType))],
		["ContentInfo with an empty [0]", "malformed", ber.sequence(ber.oid(signedDataType), ber.context(0))],
		[
			"ContentInfo with two contents",
			"malformed",
			ber.sequence(ber.oid(signedDataType), ber.context(0, inner(message({ encoding: "der" })), ber.nil())),
		],
		["data that is not signed", "malformed", ber.sequence(ber.oid(dataType), ber.context(0, ber.octetString(content)))],
		["text", "malformed", Buffer.from("<?xml version='1.0'?><plist/>")],
		["nothing", "malformed", new Uint8Array()],
		["64 KiB and more", "too_large", message({ content: new Uint8Array(66_000) })],
	])("%s: %s", (_what, code, bytes) => expect(judged(bytes)).toBe(code));

	/** The first occurrence replaced: what comes before the content and the certificates. */
	const patchedFirst = (bytes: Uint8Array, from: string, to: string): Uint8Array => {
		const copy = Buffer.from(bytes);
		const at = copy.indexOf(Buffer.from(from, "hex"));
		expect(at).toBeGreaterThan(0);
		Buffer.from(to, "hex").copy(copy, at);
		return copy;
	};
	it.each([0, 3, 4, 5, 0x81])("version %i, which nobody signs", (version) => {
		const to = `0201${version.toString(16).padStart(2, "0")}`;
		expect(judged(patchedFirst(message(), "020101", to))).toBe("malformed");
	});

	const named = (digest: string): string => Buffer.from(ber.algorithm(digest)).toString("hex");
	it.each([
		["of another digest", named(oids.sha384)],
		["of another type", `31${named(oids.sha256).slice(2)}`],
		["with other parameters than NULL", `${named(oids.sha256).slice(0, -4)}0400`],
	])("digestAlgorithms %s than the signer's, which nobody signs", (_what, to) => {
		expect(judged(patchedFirst(message(), named(oids.sha256), to))).toBe("malformed");
	});

	it("no digestAlgorithms, or two", () => {
		const good = Buffer.from(inner(message({ encoding: "der" })));
		const digests = Buffer.from(named(oids.sha256), "hex");
		const from = good.indexOf(digests);
		const withDigests = (...parts: Uint8Array[]) =>
			ber.sequence(
				ber.oid(signedDataType),
				ber.context(
					0,
					ber.sequence(good.subarray(4, from - 2), ber.set(...parts), good.subarray(from + digests.length)),
				),
			);
		expect([withDigests(digests), withDigests(), withDigests(digests, digests)].map((bytes) => judged(bytes))).toEqual([
			"accepted",
			"malformed",
			"malformed",
		]);
	});

	it("a self-signed certificate that its own key did not sign", () => {
		const bent = Uint8Array.from(signer.certificate);
		bent[bent.length - 1] = (bent.at(-1) as number) ^ 1;
		expect(judged(message({ certificates: [bent] }))).toBe("signature");
	});

	it("takes the parts that the table above is built of", () => {
		const whole = ber.sequence(ber.oid(signedDataType), ber.context(0, inner(message({ encoding: "der" }))));
		expect(judged(whole)).toBe("accepted");
	});

	it("a digest that this lane does not take", () => {
		const sha1 = message({ signerInfo: { digest: "sha1" } });
		expect([judged(sha1, ["sha256"]), judged(sha1, ["sha1"])]).toEqual(["algorithm", "accepted"]);
	});

	it("every truncation of a message, and never with a crash", () => {
		const bytes = message({ encoding: "der", content: Buffer.from("short") });
		const codes = new Set<string>();
		for (let length = 0; length < bytes.length; length++) codes.add(judged(bytes.subarray(0, length)));
		expect([...codes]).toEqual(["malformed"]);
	});

	it("every single bent octet of what was signed, and never with a crash", () => {
		const bytes = message({ content: Buffer.from("short") });
		const codes = new Set<string>();
		const unsigned: number[] = [];
		for (let at = 0; at < bytes.length; at++) {
			const copy = Uint8Array.from(bytes);
			copy[at] = (copy[at] as number) ^ 0x40;
			const code = judged(copy);
			codes.add(code);
			if (code === "accepted" && !isOutsideTheSignature(bytes, at)) unsigned.push(at);
		}
		expect(unsigned).toEqual([]);
		expect([...codes].sort()).toEqual(["accepted", "algorithm", "malformed", "signature"]);
	});
});

/** The subject of the enclosed certificate: another one than the issuer's makes it one that nobody here can check. */
function isOutsideTheSignature(bytes: Uint8Array, at: number): boolean {
	const name = ber.name([["CN", "signer"]]);
	const subject = Buffer.from(bytes).lastIndexOf(name, Buffer.from(bytes).indexOf(signer.certificate) + 300);
	return at >= subject && at < subject + name.length;
}
