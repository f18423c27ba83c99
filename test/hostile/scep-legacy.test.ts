/** The legacy switch: 3DES and SHA-1 are taken, and nothing that is worse (S15, S16, S29). */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { acceptCertRep, buildGetCrl, getCaCaps, type PkcsReqOptions } from "../device/index.ts";
import { bytesOf, failInfo, payloadOf, ScepAttacker } from "./scep-attacker.ts";

const { badAlg } = failInfo;
const worn = { cipher: "des-ede3-cbc", messageDigestAlgorithm: "sha1" } as const;

let attacker: ScepAttacker;
beforeAll(async () => {
	attacker = await ScepAttacker.start({ options: { legacyScep: true } });
});

describe("under OTA_LEGACY_SCEP", () => {
	it("the capabilities name 3DES and SHA-1, and a client with AES still takes it", async () => {
		const capabilities = await getCaCaps(attacker.ota.transport, payloadOf(attacker.device));
		expect(capabilities.items).toEqual(expect.arrayContaining(["DES3", "SHA-1", "AES", "SHA-256"]));
		expect(capabilities).toMatchObject({ cipher: "aes-128-cbc", digest: "sha512" });
	});

	it("S15 S16 a request in 3DES and SHA-1 is answered in 3DES, and signed over SHA-256", async () => {
		const { sent, key } = await attacker.fresh(worn);
		const body = await bytesOf(await attacker.ota.postScep(sent.message));
		expect(attacker.read(sent, body)).toMatchObject({ pkiStatus: "0", cipher: "des-ede3-cbc", digest: "sha256" });
		acceptCertRep(body, sent, key, attacker.server, new Date());
	});

	it("S29 a request of version 2 whose signer has another key is processed", async () => {
		const { sent, key } = await attacker.fresh({ ...worn, version: 2, digest: "sha1", signerKey: attacker.other });
		await attacker.issued(sent, key);
	});

	it("GetCRL is answered as well", async () => {
		const { identity } = await attacker.enrolled();
		const query = { ra: attacker.server.authorities.ra, key: identity.privateKey, signer: identity, ...worn };
		const sent = buildGetCrl(identity.certificate, query);
		const reply = attacker.read(sent, await bytesOf(await attacker.ota.postScep(sent.message)));
		expect(reply).toMatchObject({ pkiStatus: "0", cipher: "des-ede3-cbc" });
	});

	it.each<[string, Partial<PkcsReqOptions>]>([
		["S16 DES", { envelope: { cipherOid: "1.3.14.3.2.7" } }],
		["S16 RC2", { envelope: { cipherOid: "1.2.840.113549.3.2" } }],
		["S15 MD5", { messageDigestAlgorithm: "md5" }],
	])("%s is a badAlg still", async (_, bend) => {
		expect((await attacker.failure(attacker.request(bend))).failInfo).toBe(badAlg);
	});
});

it("S29 without the switch is a badAlg", async () => {
	const strict = await ScepAttacker.start();
	const sent = strict.request({ version: 2, signerKey: strict.other, ...worn });
	expect((await strict.failure(sent)).failInfo).toBe(badAlg);
});
