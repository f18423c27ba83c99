/** CertReps and capabilities out, as the clients compare them. */
import { randomBytes, sign } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import * as asn1js from "asn1js";
import { ContentInfo, SignedData } from "pkijs";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { certificatesOnly } from "../../lib/cms/sign.ts";
import type { FailInfo } from "../../lib/errors.ts";
import { outcomes } from "../../lib/errors.ts";
import { caCertificates, capabilities } from "../../lib/scep/capabilities.ts";
import { readPkiMessage } from "../../lib/scep/message.ts";
import { failure, type ReplyContext, success } from "../../lib/scep/reply.ts";
import {
	buildPkcsReq,
	chooseCapabilities,
	type Digest,
	oids,
	type PkcsReq,
	parseCertRep,
	selectAuthorities,
	selfSignedSigner,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";

const key = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
let keys: SoftwareKeys;
let [ra, ca, root]: X509[] = [];
beforeAll(async () => {
	keys = await softwareKeys();
	[ra, ca, root] = (["ra", "ca", "root"] as const).map((role) =>
		readCertificate(pemCertificates(keys.authorities[role])[0] as Uint8Array),
	);
});
const request = (digest: Digest = "sha256"): PkcsReq =>
	buildPkcsReq({ key, challenge: "x", recipients: [(ra as X509).der], messageDigestAlgorithm: digest });

function replyContext(to: PkcsReq): ReplyContext {
	return {
		request: readPkiMessage(to.message),
		signer: { certificate: ra as X509, sign: async (hash, bytes) => sign(hash, bytes, keys.private.ra) },
		certificates: [ra as X509, ca as X509],
		random: randomBytes,
	};
}
const expectation = (to: PkcsReq) => ({
	transactionID: to.transactionID,
	senderNonce: to.senderNonce,
	signer: to.signer,
	authorities: [(ra as X509).der, (ca as X509).der],
});

describe("capabilities", () => {
	const usual = capabilities({ legacyScep: false, nextCa: null });

	it("are these lines, each ended by LF, without a blank", () => {
		expect(usual).toBe("AES\nSHA-256\nSHA-384\nSHA-512\nPOSTPKIOperation\nRenewal\nSCEPStandard\n");
	});

	it("name GetNextCACert while there is an answer to it, and 3DES and SHA-1 under the legacy switch", () => {
		const all = capabilities({ legacyScep: true, nextCa: Uint8Array.of(1) });
		const more = all.split("\n").filter((item) => !usual.split("\n").includes(item));
		expect(more).toEqual(["DES3", "SHA-1", "GetNextCACert"]);
		expect(all).not.toMatch(/MD5|^DES$/m);
	});

	it("make Apple's client choose POST, AES and SHA-512", () => {
		expect(chooseCapabilities(usual)).toMatchObject({ post: true, digest: "sha512", cipher: "aes-128-cbc" });
	});

	it("promise neither DES nor SHA-1", () => expect(usual).not.toMatch(/DES|SHA-1\b|MD5/));
});

describe("caCertificates", () => {
	it("name the RA as Apple's client looks for it", () => {
		const answer = caCertificates(ra as X509, ca as X509, root as X509);
		const chosen = selectAuthorities(answer, "application/x-x509-ca-ra-cert");
		expect(Buffer.from(chosen.ra)).toEqual(Buffer.from((ra as X509).der));
		expect(Buffer.from(chosen.top)).toEqual(Buffer.from((root as X509).der));
	});
});

function parsed(message: Uint8Array): SignedData {
	const schema = asn1js.fromBER(new Uint8Array(message)).result;
	return new SignedData({ schema: new ContentInfo({ schema }).content });
}
function attribute(message: Uint8Array, oid: string) {
	const [info] = parsed(message).signerInfos;
	const found = info?.signedAttrs?.attributes.filter(({ type }) => type === oid) ?? [];
	expect(found.length).toBe(1);
	expect(found[0]?.values.length).toBe(1);
	return found[0]?.values[0];
}

describe("a FAILURE", () => {
	it.each([0, 1, 2, 3, 4] as FailInfo[])("with failInfo %i is read by the emulated device", async (failInfo) => {
		const to = request();
		const message = await failure(replyContext(to), failInfo, "No, thank you: ä.");
		expect(parseCertRep(message, expectation(to))).toMatchObject({
			pkiStatus: "2",
			failInfo,
			failInfoText: "No, thank you: ä.",
		});
	});

	it("has a zero-length content that is there, and short PrintableStrings", async () => {
		const to = request();
		const message = await failure(replyContext(to), 2, "words");
		expect(parsed(message).encapContentInfo.eContent?.valueBlock.valueHexView.length).toBe(0);
		for (const [oid, value] of [
			[oids.messageType, "3"],
			[oids.pkiStatus, "2"],
			[oids.failInfo, "2"],
			[oids.transactionID, to.transactionID],
		] as const) {
			const element = attribute(message, oid);
			expect(element).toBeInstanceOf(asn1js.PrintableString);
			expect((element as asn1js.PrintableString).getValue()).toBe(value);
		}
		expect(attribute(message, oids.failInfoText)).toBeInstanceOf(asn1js.Utf8String);
	});

	it("gives back the sender's nonce and has one of its own", async () => {
		const to = request();
		const messages = await Promise.all([0, 1].map(() => failure(replyContext(to), 2, "words")));
		const nonces = messages.map((message) => [
			Buffer.from((attribute(message, oids.recipientNonce) as asn1js.OctetString).valueBlock.valueHexView),
			Buffer.from((attribute(message, oids.senderNonce) as asn1js.OctetString).valueBlock.valueHexView),
		]);
		for (const [recipient, sender] of nonces) {
			expect(recipient).toEqual(Buffer.from(to.senderNonce));
			expect(sender?.length).toBe(16);
		}
		expect(nonces[0]?.[1]).not.toEqual(nonces[1]?.[1]);
	});

	it.each([
		["sha256", "sha256"],
		["sha384", "sha384"],
		["sha512", "sha512"],
		["sha1", "sha256"],
		["md5", "sha256"],
	] as [Digest, string][])("to a request with %s is signed with %s", async (asked, answered) => {
		const to = request(asked);
		const message = await failure(replyContext(to), 0, "words");
		expect(parseCertRep(message, expectation(to)).digest).toBe(answered);
	});

	it("says in words what the table of errors says, and nothing else", () => {
		for (const { failInfo, words } of Object.values(outcomes)) {
			if (failInfo !== null) expect(words).toMatch(/^[A-Z][ -~]{10,120}\.$/);
		}
	});
});

describe("a SUCCESS", () => {
	it.each(["aes-128-cbc", "aes-256-cbc"] as const)("carries the issued certificate alone, in %s", async (cipher) => {
		const to = request();
		const recipient = readCertificate(to.signer.certificate);
		const message = await success(replyContext(to), certificatesOnly([ra as X509]), recipient, cipher);
		const answer = parseCertRep(message, expectation(to));
		expect(answer).toMatchObject({ pkiStatus: "0", failInfo: null, cipher });
		expect(answer.certificates.map((der) => Buffer.from(der))).toEqual([Buffer.from((ra as X509).der)]);
	});

	it("is encrypted to macOS' signer too, whose keyUsage has no keyEncipherment", async () => {
		const to = buildPkcsReq({
			key,
			challenge: "x",
			recipients: [(ra as X509).der],
			signer: selfSignedSigner(key, "mac"),
		});
		const message = await success(
			replyContext(to),
			certificatesOnly([ca as X509]),
			readCertificate(to.signer.certificate),
			"aes-128-cbc",
		);
		expect(parseCertRep(message, expectation(to)).pkiStatus).toBe("0");
	});
});
