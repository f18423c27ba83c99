/** Messages that other programs made: what was enveloped for keys at hand is opened or refused, and Apple's own request is answered. */
import { constants, createPrivateKey, type KeyObject, privateDecrypt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { openEnvelopedData, readEnvelopedData } from "../../lib/cms/enveloped-data.ts";
import { asOtaError } from "../../lib/errors.ts";
import { readPkiMessage } from "../../lib/scep/message.ts";
import { describeCorpus } from "../vectors/corpora.ts";
import { failInfo, ScepAttacker } from "./scep-attacker.ts";

/** The DER of the first PEM block, whatever its kind. */
function derOf(file: string): Uint8Array {
	const [, base64 = ""] = /-----BEGIN[^-]+-----([^-]+)-----END/.exec(readFileSync(file, "latin1")) ?? [];
	return Buffer.from(base64, "base64");
}

async function opened(message: Uint8Array, recipient: X509, key: KeyObject): Promise<string> {
	const unwrap = async (block: Uint8Array, length: number) => {
		const raw = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, block);
		expect([raw[0], raw[1], raw[raw.length - length - 1]]).toEqual([0, 2, 0]);
		return raw.subarray(-length);
	};
	try {
		const content = await openEnvelopedData(readEnvelopedData(message), recipient, unwrap);
		return `opened: ${Buffer.from(content).toString("latin1").trim()}`;
	} catch (error) {
		return asOtaError(error).code;
	}
}

describeCorpus("what go-pkcs7 enveloped", "go-pkcs7", (root) => {
	const folder = join(root, "go-pkcs7/smallstep");
	it.each([
		[2, "EncryptedTestFixture", /^opened: ./],
		[5, "RSAPKCS1v15EncryptedTestFixture", /^opened: ./],
		[8, "RSAOAEPSHA1EncryptedTestFixture", /^algorithm$/],
		[11, "RSAOAEPSHA256EncryptedTestFixture", /^algorithm$/],
	])("%i %s", async (number, name, expected) => {
		const file = (offset: number, kind: string) =>
			join(folder, `decrypt_${String(number + offset).padStart(3, "0")}_${name}_${kind}.pem`);
		const certificate = readCertificate(derOf(file(1, "CERTIFICATE")));
		const key = createPrivateKey(readFileSync(file(2, "RSA_PRIVATE_KEY")));
		expect(await opened(derOf(file(0, "PKCS7")), certificate, key)).toMatch(expected);
	});
});

describeCorpus("what pyca enveloped for several", "pyca/pkcs7", (root) => {
	it("is for nobody here", () => {
		const message = derOf(join(root, "pyca/pkcs7/enveloped.pem"));
		expect(() => readEnvelopedData(message)).toThrow(expect.objectContaining({ code: "decryption" }));
	});
});

let attacker: ScepAttacker;
beforeAll(async () => {
	attacker = await ScepAttacker.start();
});

describeCorpus("S29 a request that macOS sent in 2016", "scep/micromdm", (root) => {
	const message = readFileSync(join(root, "scep/micromdm/PKCSReq.der"));

	it("is understood, and refused for its algorithms alone", async () => {
		const { transactionID, senderNonce } = readPkiMessage(message);
		const answer = await attacker.ota.refused(() => attacker.ota.postScep(message));
		expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-pki-message"]);
		const signer = { certificate: new Uint8Array(), privateKey: attacker.spare };
		const reply = attacker.read(
			{ message, transactionID, senderNonce: new Uint8Array(senderNonce), csr: new Uint8Array(), signer },
			answer.body,
		);
		expect(reply).toMatchObject({ pkiStatus: "2", failInfo: failInfo.badAlg });
	});
});

describe("S29 a request in the shape of macOS", () => {
	it("with version 2 and a signer of another key and name is served", async () => {
		const bend = { version: 2, signerKey: attacker.other, signerStyle: "mac" } as const;
		const { sent, key } = await attacker.fresh(bend);
		expect((await attacker.issued(sent, key)).subject).toContain("CN=alice@example.com");
	});
});
