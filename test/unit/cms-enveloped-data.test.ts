/** EnvelopedData: openssl opens ours and we open openssl's; whatever cannot be opened fails in one and the same way. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Cipher } from "../../lib/cms/algorithms.ts";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { envelop, openEnvelopedData, readEnvelopedData } from "../../lib/cms/enveloped-data.ts";
import { asOtaError } from "../../lib/errors.ts";
import { ber, blockShapes, buildCertificate, buildEnvelopedData, oids, pkcs1Block } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";

const ciphers: Cipher["name"][] = ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-ede3-cbc"];
const content = Buffer.from("<plist/>\n\r\0".repeat(500));
const dir = mkdtempSync(join(tmpdir(), "cms-enveloped-data-"));
afterAll(() => rmSync(dir, { recursive: true }));

let keys: SoftwareKeys;
let ra: X509;
let ca: X509;
beforeAll(async () => {
	keys = await softwareKeys();
	[ra, ca] = [keys.authorities.ra, keys.authorities.ca].map((pem) =>
		readCertificate(pemCertificates(pem)[0] as Uint8Array),
	) as [X509, X509];
	writeFileSync(join(dir, "ra.pem"), keys.authorities.ra);
	writeFileSync(join(dir, "ra.key"), keys.private.ra.export({ type: "pkcs8", format: "pem" }));
});

async function opened(message: Uint8Array, recipient = ra): Promise<string | Uint8Array> {
	try {
		return await openEnvelopedData(readEnvelopedData(message), recipient, (key, size) => keys.keys.unwrap(key, size));
	} catch (error) {
		return asOtaError(error).code;
	}
}

describe("envelop", () => {
	it.each(ciphers)("openssl opens %s", (cipher) => {
		const input = envelop(content, ra, cipher, randomBytes);
		const args = ["cms", "-decrypt", "-inform", "DER", "-binary", "-recip", "ra.pem", "-inkey", "ra.key"];
		const { status, stdout, stderr } = spawnSync("openssl", args, { cwd: dir, input });
		expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: "" });
		expect(stdout).toEqual(content);
	});

	it("draws a new key and a new IV each time", () => {
		const [one, other] = [0, 1].map(() => readEnvelopedData(envelop(content, ra, "aes-256-cbc", randomBytes)));
		expect(one?.iv).not.toEqual(other?.iv);
		expect(one?.encryptedKey).not.toEqual(other?.encryptedKey);
		expect(one?.ciphertext).not.toEqual(other?.ciphertext);
	});
});

describe("a good EnvelopedData", () => {
	it.each(ciphers)("our own in %s is opened again", async (cipher) => {
		expect(await opened(envelop(content, ra, cipher, randomBytes))).toEqual(content);
	});

	it.each([
		["definite lengths", "-aes-128-cbc", []],
		["indefinite lengths", "-aes-256-cbc", ["-indef"]],
		["3DES", "-des3", []],
	] as [string, string, string[]][])("from openssl with %s is opened", async (_what, cipher, more) => {
		const args = ["cms", "-encrypt", "-binary", "-outform", "DER", cipher, ...more, "ra.pem"];
		const { status, stdout } = spawnSync("openssl", args, { cwd: dir, input: content });
		expect(status).toBe(0);
		expect(await opened(stdout)).toEqual(content);
	});

	it.each(["ber", "der"] as const)("from the emulated device in %s is opened", async (encoding) => {
		const message = buildEnvelopedData({ content, recipients: [ra.der], encoding });
		expect(await opened(message)).toEqual(content);
	});
});

describe("what cannot be opened", () => {
	const device = (bent: Partial<Parameters<typeof buildEnvelopedData>[0]>) =>
		buildEnvelopedData({ content, recipients: [ra.der], ...bent });
	const flipped = (ciphertext: Uint8Array): Uint8Array => {
		const copy = Uint8Array.from(ciphertext);
		copy[copy.length - 17] = (copy[copy.length - 17] as number) ^ 0x80;
		return copy;
	};

	it.each(blockShapes.filter((shape) => shape !== "good"))(
		"an RSA block with %s: decryption, as all others",
		async (shape) => {
			// A random key leaves good padding once in 256 times: then what comes out is noise.
			const result = await opened(device({ rsaBlock: (key, length) => pkcs1Block(shape, key, length) }));
			expect(result === "decryption" || (result instanceof Uint8Array && !content.equals(result))).toBe(true);
		},
	);

	it.each([
		["the padding bent", () => device({ tamperCiphertext: flipped })],
		["ciphertext that is no whole number of blocks", () => device({ tamperCiphertext: (text) => text.subarray(1) })],
		["no ciphertext", () => device({ tamperCiphertext: () => new Uint8Array() })],
		["no recipient", () => device({ recipients: [] })],
		["two recipients, one of them us", () => device({ recipients: [ra.der, ca.der] })],
		["the same recipient twice", () => device({ recipients: [ra.der, ra.der] })],
		["another recipient", () => device({ recipients: [ca.der] })],
	] as [string, () => Uint8Array][])("%s: decryption", async (_what, message) => {
		expect(await opened(message())).toBe("decryption");
	});

	it("an encrypted key of another size than the modulus: decryption, and the key is never asked", async () => {
		const short = newKeyPair("rsa", { modulusLength: 1024 }).privateKey;
		const lookalike = buildCertificate({
			subject: [["CN", "short"]],
			key: short,
			notBefore: new Date("2026-01-01"),
			notAfter: new Date("2036-01-01"),
		});
		const envelope = readEnvelopedData(buildEnvelopedData({ content, recipients: [lookalike] }));
		const ours = { ...envelope, issuer: ra.issuer, serialNumber: ra.serialNumberDer };
		let asked = 0;
		const unwrap = async () => {
			asked += 1;
			return randomBytes(16);
		};
		await expect(openEnvelopedData(ours, ra, unwrap)).rejects.toMatchObject({ code: "decryption" });
		expect(asked).toBe(0);
	});

	it("our key under another's name: decryption, and the key is never asked", async () => {
		const [notBefore, notAfter] = [new Date("2026-01-01"), new Date("2036-01-01")];
		const namesake = buildCertificate({ subject: [["CN", "another"]], key: keys.private.ra, notBefore, notAfter });
		const envelope = readEnvelopedData(buildEnvelopedData({ content, recipients: [namesake] }));
		let asked = 0;
		const unwrap: typeof keys.keys.unwrap = (key, size) => {
			asked += 1;
			return keys.keys.unwrap(key, size);
		};
		await expect(openEnvelopedData(envelope, ra, unwrap)).rejects.toMatchObject({ code: "decryption" });
		expect(asked).toBe(0);
	});

	it("an initialization vector of a wrong size: decryption", async () => {
		const envelope = readEnvelopedData(device({}));
		const unwrap = async () => randomBytes(16);
		await expect(openEnvelopedData({ ...envelope, iv: new Uint8Array(8) }, ra, unwrap)).rejects.toMatchObject({
			code: "decryption",
		});
	});

	it.each([
		["single DES", "1.3.14.3.2.7"],
		["RC2", "1.2.840.113549.3.2"],
		["AES-GCM", "2.16.840.1.101.3.4.1.6"],
	])("%s: algorithm", async (_what, cipherOid) => expect(await opened(device({ cipherOid }))).toBe("algorithm"));

	it("AuthEnvelopedData: algorithm", async () => {
		const message = ber.sequence(ber.oid("1.2.840.113549.1.9.16.1.23"), ber.context(0, ber.sequence()));
		expect(await opened(message)).toBe("algorithm");
	});

	it("RSAES-OAEP: algorithm", async () => {
		const args = ["cms", "-encrypt", "-binary", "-outform", "DER", "-aes128", "-recip", "ra.pem"];
		const { stdout, status } = spawnSync("openssl", [...args, "-keyopt", "rsa_padding_mode:oaep"], {
			cwd: dir,
			input: content,
		});
		expect(status).toBe(0);
		expect(await opened(stdout)).toBe("algorithm");
	});

	it.each([
		["the EnvelopedData", 0],
		["the recipient", 1],
	])("%s of version 2: decryption", async (_what, occurrence) => {
		const message = Buffer.from(device({ encoding: "der" }));
		let at = message.indexOf(Buffer.from("020100", "hex"));
		if (occurrence === 1) at = message.indexOf(Buffer.from("020100", "hex"), at + 1);
		message[at + 2] = 2;
		expect(await opened(message)).toBe("decryption");
	});

	it("a recipient named by its key identifier: decryption", async () => {
		const args = ["cms", "-encrypt", "-binary", "-outform", "DER", "-aes128", "-keyid", "-recip", "ra.pem"];
		const { stdout, status } = spawnSync("openssl", args, { cwd: dir, input: content });
		expect(status).toBe(0);
		expect(await opened(stdout)).toBe("decryption");
	});

	it("a recipient with a password or a shared key: decryption", async () => {
		const args = ["cms", "-encrypt", "-binary", "-outform", "DER", "-aes128"];
		for (const kind of [
			["-pwri_password", "x"],
			["-secretkey", "00".repeat(16), "-secretkeyid", "01"],
		]) {
			const { stdout, status } = spawnSync("openssl", [...args, ...kind], { cwd: dir, input: content });
			expect(status).toBe(0);
			expect(await opened(stdout)).toBe("decryption");
		}
	});

	it.each([
		["SignedData", ber.sequence(ber.oid(oids.signedData), ber.context(0, ber.sequence()))],
		["octets after the end", ber.concat([buildEnvelopedData({ content, recipients: [] }), Uint8Array.of(0)])],
		["text", Buffer.from("hello")],
		["nothing", new Uint8Array()],
	])("%s: malformed", async (_what, message) => expect(await opened(message)).toBe("malformed"));
});
