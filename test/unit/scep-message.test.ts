/** pkiMessages in: what is read before any verification, and what is refused as not understood. */
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { readCertificationRequest } from "../../lib/ca/csr.ts";
import { readCertificate } from "../../lib/cms/certificate.ts";
import { openEnvelopedData, readEnvelopedData } from "../../lib/cms/enveloped-data.ts";
import { asOtaError } from "../../lib/errors.ts";
import { readPkiMessage } from "../../lib/scep/message.ts";
import {
	ber,
	buildPkcsReq,
	buildSignedData,
	type PkcsReqOptions,
	type SignedAttribute,
	selfSignedSigner,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { describeCorpus } from "../vectors/corpora.ts";

const key = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
const signer = selfSignedSigner(key);
const build = (bent: Partial<PkcsReqOptions> = {}) =>
	buildPkcsReq({ key, challenge: "x", recipients: [signer.certificate], signer, ...bent });

function codeOf(bytes: Uint8Array): string {
	try {
		readPkiMessage(bytes);
		return "accepted";
	} catch (error) {
		return asOtaError(error).code;
	}
}

const transactionID = (text: string, type: Parameters<typeof ber.string>[1] = "printable"): SignedAttribute => ({
	name: "transactionID",
	values: [ber.string(text, type)],
});
const messageType = (text: string): SignedAttribute => ({
	name: "messageType",
	values: [ber.string(text, "printable")],
});
const senderNonce = (...values: Uint8Array[]): SignedAttribute => ({ name: "senderNonce", values });
const nonce = ber.octetString(new Uint8Array(16));
const good = [transactionID("AB12"), messageType("19"), senderNonce(nonce)];
const withAttributes = (attributes: SignedAttribute[]): Uint8Array =>
	buildSignedData({
		content: Buffer.from("content"),
		signers: [{ certificate: signer.certificate, key, attributes }],
		certificates: [signer.certificate],
	});

describe("readPkiMessage", () => {
	it.each(["ber", "der"] as const)("reads in %s what addresses an answer, before any verification", (encoding) => {
		const request = build({ encoding, signerInfo: { corruptSignature: true } });
		const message = readPkiMessage(request.message);
		expect(message.transactionID).toBe(request.transactionID);
		expect(message.messageType).toBe("19");
		expect(Buffer.from(message.senderNonce)).toEqual(Buffer.from(request.senderNonce));
		expect(message.digestOid).toBe("2.16.840.1.101.3.4.2.1");
		expect(() => message.verify(["sha256"])).toThrow(expect.objectContaining({ code: "signature" }));
	});

	it("verifies with the digests that are accepted, and no other", () => {
		const message = readPkiMessage(build({ messageDigestAlgorithm: "sha1" }).message);
		expect(() => message.verify(["sha256"])).toThrow(expect.objectContaining({ code: "algorithm" }));
		expect(message.verify(["sha1"]).signer.fingerprint).toBe(readCertificate(signer.certificate).fingerprint);
	});

	it.each([
		["a decimal transactionID of 77 digits, as certmonger's", [transactionID("7".repeat(77)), ...good.slice(1)]],
		["a transactionID of 256 characters", [transactionID("A".repeat(256)), ...good.slice(1)]],
		["an UTF8String", [transactionID("AB12", "utf8"), ...good.slice(1)]],
		["messageType 18, which is refused later", [good[0], messageType("18"), good[2]]],
		["a nonce of one octet", [...good.slice(0, 2), senderNonce(ber.octetString(new Uint8Array(1)))]],
		["a nonce of 64 octets", [...good.slice(0, 2), senderNonce(ber.octetString(new Uint8Array(64)))]],
	] as [string, SignedAttribute[]][])("takes %s", (_what, attributes) => {
		expect(codeOf(withAttributes(attributes))).toBe("accepted");
	});

	it.each([
		["no transactionID", good.slice(1)],
		["no messageType", [good[0], good[2]]],
		["no senderNonce", good.slice(0, 2)],
		["a transactionID twice", [...good, transactionID("CD34")]],
		["a transactionID of two values", [{ ...transactionID("A"), values: [nonce, nonce] }, ...good.slice(1)]],
		["a transactionID without a value", [{ ...transactionID("A"), values: [] }, ...good.slice(1)]],
		["an empty transactionID", [transactionID(""), ...good.slice(1)]],
		["a transactionID of 257 characters", [transactionID("A".repeat(257)), ...good.slice(1)]],
		["a transactionID with a line end", [transactionID("A\nB"), ...good.slice(1)]],
		["a transactionID beyond ASCII", [transactionID("Ä", "utf8"), ...good.slice(1)]],
		["a transactionID that is no text", [{ ...transactionID("A"), values: [nonce] }, ...good.slice(1)]],
		["a messageType of nine digits", [good[0], messageType("190000000"), good[2]]],
		["a messageType that is a number", [good[0], { ...messageType("1"), values: [ber.integer(19)] }, good[2]]],
		["two nonces", [...good.slice(0, 2), senderNonce(nonce, nonce)]],
		["an empty nonce", [...good.slice(0, 2), senderNonce(ber.octetString(new Uint8Array()))]],
		["a nonce of 65 octets", [...good.slice(0, 2), senderNonce(ber.octetString(new Uint8Array(65)))]],
		["a nonce that is text", [...good.slice(0, 2), senderNonce(ber.string("nonce"))]],
	] as [string, SignedAttribute[]][])("refuses %s", (_what, attributes) => {
		expect(codeOf(withAttributes(attributes))).toBe("malformed");
	});

	it.each([
		["no signed attributes", build({ signerInfo: { omitSignedAttrs: true } }).message],
		["no signer", build({ noSigner: true }).message],
		["two signers", build({ secondSigner: signer }).message],
		["octets after the end", build({ trailing: Uint8Array.of(0) }).message],
		["a bare CSR", build().csr],
		["nothing", new Uint8Array()],
		["text", Buffer.from("operation=PKIOperation")],
	])("refuses %s", (_what, bytes) => expect(codeOf(bytes)).toBe("malformed"));
});

describeCorpus("a request that macOS sent in 2016", "scep/micromdm", (root) => {
	const file = (...path: string[]) => readFileSync(join(root, "scep/micromdm", ...path));
	const [, base64 = ""] = /-----BEGIN CERTIFICATE-----([^-]+)/.exec(file("testca", "ca.pem").toString()) ?? [];
	const ca = readCertificate(Buffer.from(base64, "base64"));
	const caKey = createPrivateKey({ key: file("testca", "ca.key"), passphrase: "" });

	it("is read, verified, opened and proven with the same code", async () => {
		const { content, signer } = readPkiMessage(file("PKCSReq.der")).verify(["sha1", "sha256"]);
		const { privateDecrypt, constants } = await import("node:crypto");
		const unwrap = async (block: Uint8Array, length: number) =>
			privateDecrypt({ key: caKey, padding: constants.RSA_NO_PADDING }, block).subarray(-length);
		const plaintext = await openEnvelopedData(readEnvelopedData(content), ca, unwrap);
		expect(Buffer.from(plaintext)).toEqual(file("PKCSReq.decrypted-csr.der"));
		const csr = readCertificationRequest(plaintext);
		expect(() => csr.verifyPossession()).not.toThrow();
		expect(Buffer.from(csr.publicKeyInfo)).not.toEqual(Buffer.from(signer.publicKeyInfo));
	});
});
