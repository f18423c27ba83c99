/** /scep under attack: the message, its signature and its envelope, each case by its name in the list of hostile cases. */
import { type KeyObject, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
	ber,
	blockShapes,
	buildCertificate,
	oids,
	type PkcsReqOptions,
	pkcs1Block,
	readCertificate,
	readPem,
	selfSignedSigner,
	verifySignedData,
} from "../device/index.ts";
import { traces } from "../harness/watched-ota.ts";
import { cpuTime, failInfo, ScepAttacker } from "./scep-attacker.ts";

const { algorithm, context, integer, octetString, oid, sequence, set, string, tlv } = ber;
const { badAlg, badMessageCheck, badRequest, badCertId } = failInfo;

let attacker: ScepAttacker;
beforeAll(async () => {
	attacker = await ScepAttacker.start();
});

const request = (bend: Partial<PkcsReqOptions> = {}) => attacker.request(bend);
const notUnderstood = (message: Uint8Array, status?: number) => attacker.notUnderstood(message, status);
const failureOf = async (bend: Partial<PkcsReqOptions>) => (await attacker.failure(request(bend))).failInfo;

describe("a message that cannot be understood", () => {
	it("S01 is an empty body", () => notUnderstood(new Uint8Array()));

	it("S02 has one octet too many for the limit", () => notUnderstood(randomBytes(65_537), 413));

	it("S03 is random", async () => {
		for (let round = 0; round < 20; round++) await notUnderstood(randomBytes(4096));
	});

	it("S04 is nested 1,000 and 50,000 deep", async () => {
		const nested = (depth: number): Uint8Array => {
			let content: Uint8Array = new Uint8Array();
			for (let at = 0; at < depth; at++) content = tlv(0x30, content);
			return content;
		};
		const deep = nested(1000);
		expect(await cpuTime(() => notUnderstood(deep))).toBeLessThan(100);
		await notUnderstood(nested(20_000), 413);
		await notUnderstood(Buffer.alloc(60_000, Buffer.from([0x30, 0x80])));
	});

	it("S05 is flat with 30,000 children", () => notUnderstood(tlv(0x30, Buffer.alloc(60_000, Buffer.from([5, 0])))));

	it.each([
		["of 2^32 - 1", "3084ffffffff"],
		["of eight octets", "30887fffffffffffffff"],
		["indefinite without an end", "3080060a2a864886f70d010702a0803080"],
	])("S06 has a length %s", (_, hex) => notUnderstood(Buffer.from(hex, "hex")));

	it("S07 has one trailing octet", async () => {
		await notUnderstood(request({ trailing: Uint8Array.of(0) }).message);
		await notUnderstood(request({ encoding: "der", trailing: Uint8Array.of(0) }).message);
	});

	it("S11 has two signers, or none", async () => {
		await notUnderstood(request({ secondSigner: selfSignedSigner(attacker.other) }).message);
		await notUnderstood(request({ noSigner: true }).message);
	});

	it("S12 carries two certificates of one name and serial number", async () => {
		const dates = { notBefore: new Date(), notAfter: new Date(Date.now() + 86_400_000) };
		const make = (key: KeyObject) =>
			buildCertificate({ subject: [["CN", "twin"]], key, serialNumber: Uint8Array.of(7), ...dates });
		const [mine, twin] = [make(attacker.spare), make(attacker.other)];
		const signer = { certificate: mine, privateKey: attacker.spare };
		await notUnderstood(request({ signer, certificates: [mine, twin] }).message);
		await notUnderstood(request({ signer, certificates: [twin, mine] }).message);
	});

	it("S13 carries 500 certificates, or nine good ones", async () => {
		const small = sequence(octetString(new Uint8Array(100)));
		const crowded = request({ certificates: Array.from({ length: 500 }, () => small) }).message;
		expect(await cpuTime(() => notUnderstood(crowded))).toBeLessThan(100);
		const { certificate } = selfSignedSigner(attacker.spare);
		await notUnderstood(request({ certificates: Array.from({ length: 9 }, () => certificate) }).message);
	});

	it.each([
		["of no octets", ""],
		["of 40,000", "A".repeat(40_000)],
		["with a NUL", "AB\u0000CD"],
		["with a line end", 'A\n{"level":"info","event":"forged"}'],
		["that steers a terminal", "\u001b]0;owned\u0007"],
	])("S33 has a transactionID %s", async (_, transactionID) => {
		await notUnderstood(request({ transactionID }).message);
	});

	it("S34 has no senderNonce, an empty one, or a very long one", async () => {
		await notUnderstood(request({ signerInfo: { omit: ["senderNonce"] } }).message);
		await notUnderstood(request({ senderNonce: new Uint8Array() }).message);
		await notUnderstood(request({ senderNonce: randomBytes(40_000) }).message);
		await notUnderstood(request({ senderNonce: randomBytes(1 << 20) }).message, 413);
	});
});

it.each(["'; DROP TABLE Certificate; --", "<script>alert(1)</script>", "{{7*7}} %s %00"])(
	"S33 echoes the transactionID %s in the answer and nowhere else",
	async (transactionID) => {
		const refused = request({ transactionID, challenge: "0".repeat(64) });
		expect((await attacker.failure(refused)).failInfo).toBe(failInfo.badRequest);
		const { sent, key } = await attacker.fresh({ transactionID });
		await attacker.issued(sent, key);
		const kept = attacker.ota.memory.transactions.at(-1);
		expect(kept?.transactionID).toBe(transactionID);
	},
);

/** Test vectors of others, read from where they are. */
const fuzz = join(
	resolve(process.env.OTA_TEST_VECTORS || resolve(import.meta.dirname, "../../../shared/corpora")),
	"openssl-fuzz/cms",
);
const hasVectors = existsSync(fuzz);
if (!hasVectors && process.env.OTA_TEST_VECTORS) throw new Error(`OTA_TEST_VECTORS is set, but there is no ${fuzz}`);
if (!hasVectors) console.info(`skipped: no test vectors at ${fuzz}`);

(hasVectors ? it : it.skip)("S03 understands no file of OpenSSL's CMS fuzzing corpus", async () => {
	const { ota } = attacker;
	const before = traces(ota.memory);
	const refusals = new Set<string>();
	for (const file of readdirSync(fuzz)) {
		const bytes = readFileSync(join(fuzz, file));
		const { status } = await ota.postScep(bytes);
		refusals.add(`${bytes.length > 65_536} ${status}`);
	}
	expect([...refusals].filter((one) => one !== "false 400" && one !== "true 413")).toEqual([]);
	expect(traces(ota.memory)).toEqual(before);
});

describe("S08 a messageType", () => {
	it.each(["18", "0", "3", "99", "19 ", "23", "019", "+19"])("of %j is a badRequest", async (messageType) => {
		expect(await failureOf({ messageType })).toBe(badRequest);
	});

	it.each(["20", "21", "22"])("of %s around a good PKCSReq is a badCertId", async (messageType) => {
		expect(await failureOf({ messageType })).toBe(badCertId);
	});

	it("of 17 by a certificate that we do not know is a badCertId", async () => {
		expect(await failureOf({ messageType: "17" })).toBe(badCertId);
	});

	it("that is missing, or there twice, is not understood", async () => {
		await notUnderstood(request({ signerInfo: { omit: ["messageType"] } }).message);
		await notUnderstood(request({ signerInfo: { duplicate: ["messageType"] } }).message);
		const attributes = [
			{ name: "messageType" as const, values: [string("19", "printable"), string("18", "printable")] },
			{ name: "transactionID" as const, values: [string("1", "printable")] },
			{ name: "senderNonce" as const, values: [octetString(randomBytes(16))] },
		];
		await notUnderstood(request({ signerInfo: { attributes } }).message);
	});
});

describe("the outer signature", () => {
	it("S09 with one flipped bit is a badMessageCheck", async () => {
		expect(await failureOf({ signerInfo: { corruptSignature: true } })).toBe(badMessageCheck);
	});

	it("S10 by another key than the enclosed certificate's is a badMessageCheck", async () => {
		const { certificate } = selfSignedSigner(attacker.other);
		const signer = { certificate, privateKey: attacker.spare };
		expect(await failureOf({ signer })).toBe(badMessageCheck);
		expect(await failureOf({ certificates: [certificate] })).toBe(badMessageCheck);
		expect(await failureOf({ certificates: [] })).toBe(badMessageCheck);
	});

	it.each<[string, PkcsReqOptions["signerInfo"] & object]>([
		["messageDigest is missing", { omit: ["messageDigest"] }],
		["messageDigest is another content's", { messageDigest: randomBytes(64) }],
		["contentType is missing", { omit: ["contentType"] }],
		["contentType is envelopedData", { contentType: oids.envelopedData }],
	])("S14 whose %s is a badMessageCheck", async (_, signerInfo) => {
		expect(await failureOf({ signerInfo })).toBe(badMessageCheck);
	});

	it("S14 over other content than the enclosed is a badMessageCheck", async () => {
		const contentAfterSigning = randomBytes(500);
		expect(await failureOf({ signedData: { contentAfterSigning } })).toBe(badMessageCheck);
	});

	it("S14 without signed attributes, or with contentType twice, is not understood", async () => {
		await notUnderstood(request({ signerInfo: { omitSignedAttrs: true } }).message);
		await notUnderstood(request({ signerInfo: { duplicate: ["contentType"] } }).message);
		await notUnderstood(request({ signedData: { eContentType: oids.envelopedData } }).message);
		await notUnderstood(request({ signedData: { detached: true } }).message);
	});

	it.each(["md5", "sha1"] as const)("S15 with %s is a badAlg", async (messageDigestAlgorithm) => {
		expect(await failureOf({ messageDigestAlgorithm })).toBe(badAlg);
	});

	it("S38 in the name of one of our certificates is a badMessageCheck", async () => {
		const { ca, ra, root, profile } = attacker.ota.keys.authorities;
		for (const pem of [ca, ra, root, profile]) {
			const signer = { certificate: readPem(pem)[0] as Uint8Array, privateKey: attacker.spare };
			expect(await failureOf({ signer })).toBe(badMessageCheck);
		}
	});
});

/** EnvelopedData by hand. */
function enveloped(recipientInfo: Uint8Array, iv: Uint8Array = randomBytes(16)): Uint8Array {
	const cipher = algorithm(oids.aes128Cbc, octetString(iv));
	const encrypted = sequence(oid(oids.data), cipher, tlv(0x80, randomBytes(64)));
	return sequence(oid(oids.envelopedData), context(0, sequence(integer(0), set(recipientInfo), encrypted)));
}

/** KeyTransRecipientInfo for our RA, around a number that is less than its modulus. */
function forRa(): Uint8Array {
	const { issuer, serialNumber } = readCertificate(attacker.server.authorities.ra);
	const encryptedKey = octetString(Buffer.concat([Buffer.alloc(1), randomBytes(255)]));
	return sequence(integer(0), sequence(issuer, serialNumber), algorithm(oids.rsaEncryption), encryptedKey);
}

describe("the envelope", () => {
	it.each([
		["DES", "1.3.14.3.2.7"],
		["RC2", "1.2.840.113549.3.2"],
		["AES-GCM", "2.16.840.1.101.3.4.1.6"],
	])("S16 by %s is a badAlg", async (_, cipherOid) => {
		expect(await failureOf({ envelope: { cipherOid } })).toBe(badAlg);
	});

	it("S16 by 3DES, or in AuthEnvelopedData with a tag of 4 octets, is a badAlg", async () => {
		expect(await failureOf({ cipher: "des-ede3-cbc" })).toBe(badAlg);
		const gcm = algorithm("2.16.840.1.101.3.4.1.6", sequence(octetString(randomBytes(12)), integer(4)));
		const encrypted = sequence(oid(oids.data), gcm, tlv(0x80, randomBytes(64)));
		const data = sequence(integer(0), set(forRa()), encrypted, octetString(randomBytes(4)));
		const content = sequence(oid("1.2.840.113549.1.9.16.1.23"), context(0, data));
		expect(await failureOf({ signedData: { content } })).toBe(badAlg);
	});

	it("S17 for another, for two, or for no recipient, is a badMessageCheck", async () => {
		const stranger = selfSignedSigner(attacker.other).certificate;
		const { ra } = attacker.server.authorities;
		for (const recipients of [[stranger], [ra, stranger], [ra, ra], []]) {
			expect(await failureOf({ recipients })).toBe(badMessageCheck);
		}
	});

	it.each([
		["kari", 1],
		["kekri", 2],
		["pwri", 3],
		["ori", 4],
	])("S17 with a recipient of kind %s is a badMessageCheck", async (_, number) => {
		const content = enveloped(context(number, integer(3), octetString(randomBytes(24))));
		expect(await failureOf({ signedData: { content } })).toBe(badMessageCheck);
	});

	/** All that the outside can tell of an answer, but for its nonce and signature. */
	async function visible(bend: Partial<PkcsReqOptions>): Promise<unknown> {
		const sent = request({ senderNonce: Buffer.alloc(16, 7), ...bend });
		const { status, headers, body } = await attacker.ota.refused(() => attacker.ota.postScep(sent.message));
		const { failInfo, failInfoText } = attacker.read(sent, body);
		const attributes = [...verifySignedData(body, "CertRep").attributes]
			.filter(([type]) => type !== oids.senderNonce)
			.map(([type, values]) => [type, values.map((one) => Buffer.from(one.raw).toString("hex"))]);
		return { status, headers: [...headers], length: body.length, failInfo, failInfoText, attributes };
	}
	const notCsr = (): Uint8Array => randomBytes(900);
	let reference: unknown;
	beforeAll(async () => {
		reference = await visible({ enveloped: notCsr() });
		expect(reference).toMatchObject({ status: 200, failInfo: badMessageCheck });
	});

	it.each(blockShapes)("S18 around an RSA block (%s) is refused like any other", async (shape) => {
		const rsaBlock = (key: Uint8Array, length: number) => pkcs1Block(shape, key, length);
		expect(await visible({ enveloped: notCsr(), envelope: { rsaBlock } })).toEqual(reference);
		// A good block around a good request gives a certificate.
		if (shape !== "good") expect(await visible({ envelope: { rsaBlock } })).toEqual(reference);
	});

	it.each<[string, () => Partial<PkcsReqOptions>]>([
		["S18 with a key block that is more than the modulus", () => ({ signedData: { content: beyondModulus() } })],
		["S19 with a content key of 8 octets", () => ({ envelope: { rsaBlock: shortKey } })],
		["S19 with an IV of 15 octets", () => ({ signedData: { content: enveloped(forRa(), randomBytes(15)) } })],
		["S19 with an IV of 17 octets", () => ({ signedData: { content: enveloped(forRa(), randomBytes(17)) } })],
		["S19 with a cut ciphertext", () => ({ envelope: { tamperCiphertext: (text) => text.subarray(0, -3) } })],
		["S19 without ciphertext", () => ({ envelope: { tamperCiphertext: () => new Uint8Array() } })],
		["S19 with a bad padding", () => ({ envelope: { tamperCiphertext: (text) => Buffer.concat([text, text]) } })],
		["S20 around nothing", () => ({ enveloped: new Uint8Array() })],
		["S20 around a certificate", () => ({ enveloped: attacker.server.authorities.ra })],
		[
			"S20 around a CRL",
			() => ({ enveloped: sequence(sequence(integer(1)), algorithm(oids.sha256), octetString(notCsr())) }),
		],
		["S20 around a request and one octet", () => ({ enveloped: Buffer.concat([request().csr, Uint8Array.of(0)]) })],
		// Told apart, these two would say how a garbled ciphertext ended: a padding oracle in CBC.
		["a request that is not its key's", () => ({ publicKey: attacker.other, transactionID: request().transactionID })],
		["a request whose signature was garbled", () => ({ corruptSignature: true })],
	])("%s is refused like S18", async (_, bend) => {
		expect(await visible(bend())).toEqual(reference);
	});

	const shortKey = (key: Uint8Array, length: number) => pkcs1Block("good", key.subarray(0, 8), length);
	function beyondModulus(): Uint8Array {
		const { issuer, serialNumber } = readCertificate(attacker.server.authorities.ra);
		const encryptedKey = octetString(Buffer.alloc(256, 0xff));
		return enveloped(sequence(integer(0), sequence(issuer, serialNumber), algorithm(oids.rsaEncryption), encryptedKey));
	}
});

afterAll(async () => {
	// All these refusals had the same challenge: it is as good as on the first day.
	await attacker.issued(request(), attacker.spare);
});
