/** GetCert and GetCRL: who is given what (S37), and one refusal from the moment that the RA's key opened the envelope. */
import { randomBytes, X509Certificate } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { CertificateRevocationList } from "pkijs";
import {
	ber,
	blockShapes,
	buildCertificate,
	buildGetCert,
	buildGetCrl,
	type Identity,
	issuerAndSerial,
	oids,
	type PkcsReq,
	type PkcsReqOptions,
	pkcs1Block,
	readCertificate,
	readPem,
	verifySignedData,
} from "../device/index.ts";
import { bytesOf, failInfo, ScepAttacker } from "./scep-attacker.ts";

const { badAlg, badMessageCheck, badCertId } = failInfo;
const day = 86_400_000;

let attacker: ScepAttacker;
let mine: Identity;
let theirs: Identity;
beforeAll(async () => {
	attacker = await ScepAttacker.start();
	mine = (await attacker.enrolled()).identity;
	theirs = (await attacker.enrolled()).identity;
});
afterEach(() => {
	attacker.ota.clock.offset = 0;
});

const by = (identity: Identity, bend: Partial<PkcsReqOptions> = {}) => ({
	ra: attacker.server.authorities.ra,
	key: identity.privateKey,
	signer: identity,
	...bend,
});
/** By a certificate that the key made itself. */
const byKey = ({ privateKey: key }: Pick<Identity, "privateKey">, bend: Partial<PkcsReqOptions> = {}) => ({
	ra: attacker.server.authorities.ra,
	key,
	...bend,
});
const send = async (sent: PkcsReq) => attacker.read(sent, await bytesOf(await attacker.ota.postScep(sent.message)));
const failureOf = async (sent: PkcsReq) => (await attacker.failure(sent)).failInfo;
const serialOf = ({ certificate }: Identity): string => readCertificate(certificate).serialHex;

describe("GetCert", () => {
	it("gives a certificate to its own key, though that has lost it", async () => {
		for (const asker of [byKey(mine), by(mine)]) {
			const reply = await send(buildGetCert(mine.certificate, asker));
			expect(reply.certificates.map((one) => Buffer.from(one))).toEqual([Buffer.from(mine.certificate)]);
		}
	});

	it("gives it to another certificate of the same enrollment", async () => {
		const session = await attacker.ota.identified();
		const identity = await session.enrollIdentity();
		await session.sendProfileRequest();
		const [client] = (await session.enrollClientIdentities()) as [Identity];
		expect((await send(buildGetCert(identity.certificate, by(client)))).pkiStatus).toBe("0");
		await attacker.revoke({ serialNumber: serialOf(client) });
		expect(await failureOf(buildGetCert(identity.certificate, by(client)))).toBe(badCertId);
	});

	it("S37 for a neighbour's serial number is a badCertId, whoever signs", async () => {
		for (const asker of [by(theirs), byKey(theirs), byKey({ privateKey: attacker.spare })]) {
			expect(await failureOf(buildGetCert(mine.certificate, asker))).toBe(badCertId);
		}
		attacker.ota.clock.offset = 399 * day;
		expect(await failureOf(buildGetCert(mine.certificate, by(theirs)))).toBe(badCertId);
	});

	it("S37 for a serial number that never was, or that is revoked, is a badCertId", async () => {
		const issuer = readPem(attacker.ota.keys.authorities.ca)[0] as Uint8Array;
		const other = readCertificate(issuer).subject;
		const never = ber.sequence(other, ber.integer(randomBytes(15)));
		expect(await failureOf(buildGetCert(mine.certificate, byKey(mine, { enveloped: never })))).toBe(badCertId);
		const gone = (await attacker.enrolled()).identity;
		await attacker.revoke({ serialNumber: serialOf(gone) });
		expect(await failureOf(buildGetCert(gone.certificate, byKey(gone)))).toBe(badCertId);
	});

	it("S37 for our own RA's certificate, or under another issuer's name, is a badCertId", async () => {
		const { ra } = attacker.server.authorities;
		expect(await failureOf(buildGetCert(ra, by(mine)))).toBe(badCertId);
		const key = attacker.spare;
		const dates = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) };
		const serialNumber = Buffer.from(serialOf(mine), "hex");
		const alike = buildCertificate({ subject: [["CN", "another CA"]], key, serialNumber, ...dates });
		expect(await failureOf(buildGetCert(alike, by(mine)))).toBe(badCertId);
	});
});

describe("GetCRL", () => {
	const listOf = ({ crls: [list] }: { crls: Uint8Array[] }): Uint8Array => list as Uint8Array;

	it("gives the list that /crl gives, and no certificate", async () => {
		const reply = await send(buildGetCrl(mine.certificate, by(mine)));
		expect(reply).toMatchObject({ pkiStatus: "0", certificates: [] });
		const served = await bytesOf(await attacker.ota.request("/crl"));
		expect(Buffer.from(listOf(reply))).toEqual(Buffer.from(served));
	});

	it("has a certificate on it that was revoked", async () => {
		const gone = (await attacker.enrolled()).identity;
		await attacker.revoke({ serialNumber: serialOf(gone) });
		attacker.ota.clock.offset = 60_000;
		const reply = await send(buildGetCrl(gone.certificate, byKey(gone)));
		const { revokedCertificates = [] } = CertificateRevocationList.fromBER(new Uint8Array(listOf(reply)));
		const serials = revokedCertificates.map(({ userCertificate }) =>
			Buffer.from(userCertificate.valueBlock.valueHexView).toString("hex").replace(/^00/, ""),
		);
		expect(serials).toContain(serialOf(gone));
	});

	it("S37 of another CA is a badCertId", async () => {
		const root = new X509Certificate(attacker.ota.keys.authorities.root).raw;
		expect(await failureOf(buildGetCrl(root, by(mine)))).toBe(badCertId);
	});
});

describe.each([
	["GetCert", buildGetCert],
	["GetCRL", buildGetCrl],
])("%s around what it cannot use", (_, build) => {
	/** All that the outside can tell of an answer, but for its nonce and signature. */
	async function visible(bend: Partial<PkcsReqOptions>): Promise<unknown> {
		const sent = build(mine.certificate, byKey(mine, { senderNonce: Buffer.alloc(16, 7), ...bend }));
		const { status, headers, body } = await attacker.ota.refused(() => attacker.ota.postScep(sent.message));
		const { failInfo: code, failInfoText } = attacker.read(sent, body);
		const attributes = [...verifySignedData(body, "CertRep").attributes]
			.filter(([type]) => type !== oids.senderNonce)
			.map(([type, values]) => [type, values.map((one) => Buffer.from(one.raw).toString("hex"))]);
		return { status, headers: [...headers], length: body.length, code, failInfoText, attributes };
	}
	let reference: unknown;
	beforeAll(async () => {
		const stranger = ber.sequence(ber.sequence(), ber.integer(1));
		reference = await visible({ enveloped: stranger });
		expect(reference).toMatchObject({ status: 200, code: badCertId });
	});

	// Told apart, a padding that fails and a name that nobody knows would decrypt a captured PKCSReq bit by bit.
	it.each<[string, () => Partial<PkcsReqOptions>]>([
		["nothing", () => ({ enveloped: new Uint8Array() })],
		["a certification request", () => ({ enveloped: attacker.request().csr })],
		["random octets", () => ({ enveloped: randomBytes(900) })],
		["one octet too many", () => ({ enveloped: Buffer.concat([issuerAndSerial(mine.certificate), Buffer.alloc(1)]) })],
		["a bad padding", () => ({ envelope: { tamperCiphertext: (text) => Buffer.concat([text, text]) } })],
		["a cut ciphertext", () => ({ envelope: { tamperCiphertext: (text) => text.subarray(0, -3) } })],
	])("is refused alike: %s", async (_what, bend) => {
		expect(await visible(bend())).toEqual(reference);
	});

	it.each(blockShapes.filter((shape) => shape !== "good"))("is refused alike: an RSA block (%s)", async (shape) => {
		const rsaBlock = (key: Uint8Array, length: number) => pkcs1Block(shape, key, length);
		expect(await visible({ envelope: { rsaBlock } })).toEqual(reference);
	});

	it("says badMessageCheck for a signature, and badAlg for a cipher, that nobody's key was asked about", async () => {
		const corrupt = build(mine.certificate, byKey(mine, { signerInfo: { corruptSignature: true } }));
		expect(await failureOf(corrupt)).toBe(badMessageCheck);
		expect(await failureOf(build(mine.certificate, byKey(mine, { cipher: "des-ede3-cbc" })))).toBe(badAlg);
		expect(await failureOf(build(mine.certificate, byKey(mine, { messageDigestAlgorithm: "sha1" })))).toBe(badAlg);
	});
});
