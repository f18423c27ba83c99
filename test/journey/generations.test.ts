/**
 * A rollover of the issuing CA, as devices and clients see it: certificates of the CA before live on, messages to the RA
 * before are answered by it, and whatever is issued is by the new CA.
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { CertificateRevocationList } from "pkijs";
import type { CeremonyKey } from "../../lib/ca/ceremony.ts";
import { rollOver } from "../../lib/ca/ceremony-rollover.ts";
import { readNextCaPem } from "../../lib/ca/next-ca.ts";
import type { Authorities, OtaOptions } from "../../lib/options.ts";
import { memoryStore } from "../../lib/store/memory.ts";
import {
	acceptCertRep,
	buildCertificate,
	buildGetCert,
	buildGetCrl,
	type DeviceSession,
	discover,
	generateDeviceAuthority,
	type Identity,
	parseCertRep,
	pemOf,
	readCertificate,
	readPem,
	requestFor,
	type ScepPayload,
	type ScepServer,
	selectFrom,
	verifySignedData,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { type TestOta, testOta } from "../harness/ota.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";

const day = 86_400_000;
const store = memoryStore();
const authority = generateDeviceAuthority();
let keys: SoftwareKeys;
let announcement: Uint8Array;
let next: Authorities;
let before: TestOta;
let after: TestOta;
/** What clients of before have learned. */
let serverBefore: ScepServer;
let serverAfter: ScepServer;
/** A device in the middle of its enrollment when the switch is made, and one with its identity. */
let halfway: DeviceSession;
let identified: DeviceSession;

const derOf = (pem: string): Uint8Array => readPem(pem)[0] as Uint8Array;
const newKey = (): KeyObject => newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
const ceremonyKey = (label: string, key: KeyObject): CeremonyKey => ({
	label,
	attributes: {},
	publicKey: new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" })),
	sign: async (hash, message) => sign(hash, message, key),
});

/** One certificate of the responder's key by this CA. */
function responder(ca: string, caKey: KeyObject, key: KeyObject): string {
	const issuer = { certificate: derOf(ca), privateKey: caKey };
	const dates = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 90 * day) };
	const usage = { keyUsage: [0], extKeyUsage: ["1.3.6.1.5.5.7.3.9"] };
	return pemOf(buildCertificate({ subject: [["CN", "OCSP"]], key, issuer, ...dates, ...usage }));
}

const options: Partial<OtaOptions> = { pkiUrl: "http://pki.example.com" };

beforeAll(async () => {
	const made = await softwareKeys();
	// A server of before OCSP.
	const { ocsp: _, ...withoutResponder } = made.authorities;
	keys = { ...made, authorities: withoutResponder };
	const { authorities: first, private: pair } = keys;
	const [newCa, ocsp] = [newKey(), newKey()];
	const certificate = (pem: string) => new X509Certificate(pem);
	const rolled = await rollOver({
		root: certificate(first.root),
		by: { rootKey: ceremonyKey("root", pair.root) },
		current: { ca: certificate(first.ca), caKey: ceremonyKey("ca", pair.ca) },
		key: ceremonyKey("ca-g2", newCa),
		kept: {
			ra: { key: ceremonyKey("ra", pair.ra), certificate: certificate(first.ra) },
			profile: { key: ceremonyKey("profile", pair.profile), certificate: certificate(first.profile) },
			ocsp: null,
		},
		operator: "test",
		token: "memory",
		organization: "Example & Söhne",
		suffix: "-g2",
		clock: () => new Date(),
		random: (length) => randomBytes(length),
	});
	announcement = readNextCaPem(rolled.nextCa);
	const nextCa = announcement;
	before = await testOta({
		keys: { ...keys, authorities: { ...first, nextCa } },
		store,
		authority,
		basePath: "/ota",
		options,
	});
	halfway = await before.identified();
	serverBefore = await discover({ transport: before.transport, payload: halfway.identityPayload as ScepPayload });
	identified = await before.identified();
	await identified.enrollIdentity();

	Object.assign(pair, { caOld: pair.ca, raOld: pair.ra, ca: newCa, ocsp });
	next = {
		root: first.root,
		ca: rolled.ca,
		ra: rolled.ra,
		profile: rolled.profile,
		caOld: first.ca,
		raOld: first.ra,
		ocsp: responder(rolled.ca, newCa, ocsp) + responder(first.ca, pair.caOld as KeyObject, ocsp),
	};
	after = await testOta({ keys: { ...keys, authorities: next }, store, authority, basePath: "/ota", options });
	serverAfter = await discover({ transport: after.transport, payload: halfway.identityPayload as ScepPayload });
});

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());
const post = async (message: Uint8Array): Promise<Uint8Array> => {
	const headers = { "content-type": "application/x-pki-message" };
	const init = { method: "POST", body: Buffer.from(message), headers };
	return bytesOf(await after.transport(new Request(`${after.url}/scep?operation=PKIOperation`, init)));
};
const get = (ota: TestOta, path: string) => ota.transport(new Request(`${ota.url}${path}`));
const rowOf = ({ certificate }: Identity) => store.certificates.get(readCertificate(certificate).serialHex);
/** What the addresses of a CA's list begin with. */
const idOf = (pem: string): string => {
	const info = new X509Certificate(pem).publicKey.export({ format: "der", type: "spki" });
	return createHash("sha256").update(info).digest("hex").slice(0, 16);
};
const issuerOf = ({ certificate }: Identity): string => new X509Certificate(certificate).issuer;
const nameOf = (pem: string): string => new X509Certificate(pem).subject;

/** By a client that knows the certificates of before, or those of now. */
async function enrolled(server: ScepServer, bend = {}): Promise<{ identity: Identity; signer: Uint8Array }> {
	const session = await after.identified();
	const key = newKey();
	const sent = requestFor(session.identityPayload as ScepPayload, server, key, "iphone", bend);
	const body = await post(sent.message);
	// The chain of before does not lead to the new CA's certificates; the message must be by the RA that the client knows.
	const all = [...serverBefore.authorities.all, ...serverAfter.authorities.all];
	const authorities = { ...server.authorities, all };
	const identity = acceptCertRep(body, sent, key, { ...server, authorities }, new Date());
	return { identity, signer: verifySignedData(body, "CertRep").signer };
}

describe("before the switch", () => {
	it("GetNextCACert is named, and tells of the next CA by the word of this one", async () => {
		expect(serverBefore.capabilities.items).toContain("GetNextCACert");
		const answer = await get(before, "/scep?operation=GetNextCACert");
		expect(answer.headers.get("content-type")).toBe("application/x-x509-next-ca-cert");
		const { content, signer } = verifySignedData(await bytesOf(answer), "GetNextCACert");
		expect(Buffer.from(signer)).toEqual(Buffer.from(derOf(keys.authorities.ca)));
		const { authorities } = serverAfter;
		expect(Buffer.from(content as Uint8Array).includes(Buffer.from(derOf(next.ca)))).toBe(true);
		expect(Buffer.from(content as Uint8Array).includes(Buffer.from(authorities.ra))).toBe(true);
	});
});

describe("the next CA's key", () => {
	it("is certified for nobody, though it is only announced", async () => {
		const session = await before.identified();
		const sent = requestFor(session.identityPayload as ScepPayload, serverBefore, keys.private.ca, "iphone");
		const headers = { "content-type": "application/x-pki-message" };
		const init = { method: "POST", body: Buffer.from(sent.message), headers };
		const answer = await before.transport(new Request(`${before.url}/scep?operation=PKIOperation`, init));
		const authorities = [serverBefore.authorities.ra];
		expect(parseCertRep(await bytesOf(answer), { ...sent, authorities })).toMatchObject({ failInfo: 2 });
	});
});

describe("after the switch", () => {
	it("GetCACert tells of the new certificates, and there is no next CA", async () => {
		const expected = selectFrom([next.ra, next.ca, next.root].map(derOf));
		expect(serverAfter.authorities).toEqual(expected);
		expect(serverAfter.capabilities.items).not.toContain("GetNextCACert");
		expect((await get(after, "/scep?operation=GetNextCACert")).status).toBe(404);
	});

	it("a client that knows the RA before is answered by it, with a certificate by the new CA", async () => {
		const { identity, signer } = await enrolled(serverBefore);
		expect(Buffer.from(signer)).toEqual(Buffer.from(derOf(keys.authorities.ra)));
		expect(issuerOf(identity)).toBe(nameOf(next.ca));
		const now = await enrolled(serverAfter);
		expect(Buffer.from(now.signer)).toEqual(Buffer.from(derOf(next.ra)));
		expect(issuerOf(now.identity)).toBe(nameOf(next.ca));
	});

	it("a refusal is by the RA that the client knows as well", async () => {
		const payload = { ...(halfway.identityPayload as ScepPayload), challenge: "0".repeat(64) };
		const sent = requestFor(payload, serverBefore, newKey(), "iphone");
		const authorities = [serverBefore.authorities.ra];
		expect(parseCertRep(await post(sent.message), { ...sent, authorities })).toMatchObject({
			pkiStatus: "2",
			failInfo: 2,
		});
	});

	it("a device in the middle of its enrollment goes on to its profile", async () => {
		const session = after.device({ udid: halfway.udid, serialNumber: halfway.serialNumber, identity: halfway.builtIn });
		await session.fetchRoot();
		Object.assign(session, { profileService: halfway.profileService, identityPayload: halfway.identityPayload });
		await session.enrollIdentity();
		await session.sendProfileRequest();
		expect(await session.enrollClientIdentities()).toHaveLength(1);
	});

	it("an identity by the CA before is still ours at /profile", async () => {
		const { udid, serialNumber, builtIn } = identified;
		const session = after.device({ udid, serialNumber, identity: builtIn });
		await session.fetchRoot();
		const { profileService, identity } = identified;
		Object.assign(session, { profileService, identity });
		await session.sendProfileRequest();
		expect(session.finalProfile?.payloads.length).toBeGreaterThan(0);
	});

	it("certificates say where their own CA's list is, and who answers about them", async () => {
		const { identity } = await enrolled(serverAfter);
		const text = (one: Identity) => Buffer.from(one.certificate).toString("latin1");
		expect(text(identity)).toContain(`http://pki.example.com/ota/crl/${idOf(next.ca)}.crl`);
		expect(text(identity)).toContain("http://pki.example.com/ota/ocsp");
		const old = identified.identity as Identity;
		expect(text(old)).toContain(`http://pki.example.com/ota/crl/${idOf(keys.authorities.ca)}.crl`);
		expect(text(old)).not.toContain("/ocsp");
		expect(rowOf(old)?.issuerKeyHash.slice(0, 16)).toBe(idOf(keys.authorities.ca));
	});

	it("each CA has its list, over HTTP and by GetCRL", async () => {
		const { identity } = await enrolled(serverAfter);
		const { ra } = serverAfter.authorities;
		for (const [pem, certificate] of [
			[next.ca, identity.certificate],
			[keys.authorities.ca, (identified.identity as Identity).certificate],
		] as const) {
			const sent = buildGetCrl(certificate, { ra, key: identity.privateKey, signer: identity });
			const { crls } = parseCertRep(await post(sent.message), { ...sent, authorities: [ra] });
			const served = await bytesOf(await get(after, `/crl/${idOf(pem)}.crl`));
			expect(Buffer.from(crls[0] as Uint8Array)).toEqual(Buffer.from(served));
			const list = CertificateRevocationList.fromBER(served);
			expect(Buffer.from(list.issuer.toSchema().toBER(false))).toEqual(
				Buffer.from(readCertificate(derOf(pem)).subject),
			);
		}
	});

	it("a certificate by the CA before is given again, and renewed by the new one", async () => {
		const old = identified.identity as Identity;
		const { ra } = serverAfter.authorities;
		const query = { ra, key: old.privateKey, signer: old };
		const sent = buildGetCert(old.certificate, query);
		expect(parseCertRep(await post(sent.message), { ...sent, authorities: [ra] }).pkiStatus).toBe("0");
		after.clock.offset = 375 * day;
		const key = newKey();
		const payload = identified.identityPayload as ScepPayload;
		const renewal = requestFor(payload, serverAfter, key, "iphone", { signer: old, messageType: "17" });
		const at = new Date(Date.now() + after.clock.offset);
		const renewed = acceptCertRep(await post(renewal.message), renewal, key, serverAfter, at);
		expect(issuerOf(renewed)).toBe(nameOf(next.ca));
		expect(new X509Certificate(renewed.certificate).subject).toBe(new X509Certificate(old.certificate).subject);
		after.clock.offset = 0;
	});

	it.each(["caOld", "raOld", "ocsp"] as const)("the key of our %s is certified for nobody", async (role) => {
		const session = await after.identified();
		const key = keys.private[role] as KeyObject;
		const sent = requestFor(session.identityPayload as ScepPayload, serverAfter, key, "iphone");
		const authorities = [serverAfter.authorities.ra];
		expect(parseCertRep(await post(sent.message), { ...sent, authorities })).toMatchObject({ failInfo: 2 });
	});
});
