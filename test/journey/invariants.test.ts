/** What holds whatever happens: the invariants of the design, each by its own words. */
import { createHash, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type * as asn1js from "asn1js";
import {
	ContentInfo,
	EnvelopedData,
	type IssuerAndSerialNumber,
	type KeyTransRecipientInfo,
	type RecipientInfo,
} from "pkijs";
import type { AuditEvent } from "../../lib/ports.ts";
import {
	acceptCertRep,
	buildDeviceResponse,
	type CertRep,
	type DeviceSession,
	discover,
	type Identity,
	issueDeviceIdentity,
	knownAttributes,
	openFinalProfile,
	type PkcsReq,
	parseCertRep,
	publicKeyInfo,
	readCertificate,
	requestFor,
	type ScepPayload,
	type ScepServer,
	verifySignedData,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { alice } from "../harness/ota.ts";
import { traces, type WatchedOta, watchedOta } from "../harness/watched-ota.ts";

const nextKey = rsaKeySource();
/** What the server's generator answers first when it is asked for 16 octets. */
const forced: Uint8Array[] = [];
let ota: WatchedOta;
let server: ScepServer;

beforeAll(async () => {
	ota = await watchedOta({
		options: { random: (length) => (length === 16 && forced.shift()) || randomBytes(length) },
	});
	const { identityPayload } = await ota.identified();
	server = await discover({ transport: ota.transport, payload: identityPayload as ScepPayload });
});

afterEach(() => {
	ota.clock.offset = 0;
});

async function certified(): Promise<DeviceSession> {
	const device = await ota.identified({ keys: nextKey });
	await device.enrollIdentity();
	return device;
}
async function delivered(): Promise<DeviceSession> {
	const device = await certified();
	await device.sendProfileRequest();
	return device;
}

const hashOf = (key: KeyObject): string => createHash("sha256").update(publicKeyInfo(key)).digest("hex");
const requestOf = (device: DeviceSession, key: KeyObject, signerKey?: KeyObject): PkcsReq =>
	requestFor(device.identityPayload as ScepPayload, server, key, "iphone", signerKey ? { signerKey } : {});
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());
const send = async (sent: PkcsReq): Promise<CertRep> =>
	parseCertRep(await bytesOf(await ota.postScep(sent.message)), {
		authorities: [server.authorities.ra, server.authorities.top],
		...sent,
	});
const accept = async (sent: PkcsReq, key: KeyObject): Promise<Identity> =>
	acceptCertRep(await bytesOf(await ota.postScep(sent.message)), sent, key, server, new Date());
const enrollmentOf = ({ udid }: DeviceSession) => [...ota.memory.enrollments.values()].find((one) => one.udid === udid);
const certificatesOf = (device: DeviceSession) => {
	const id = enrollmentOf(device)?.id;
	return [...ota.memory.certificates.values()].filter(({ enrollmentId }) => enrollmentId === id);
};
const rowOf = (identity: Identity | undefined) =>
	ota.memory.certificates.get(readCertificate((identity as Identity).certificate).serialHex);

describe("no certificate without a sign-in", () => {
	it("nor without the challenge that came from it", async () => {
		const before = traces(ota.memory);
		ota.person.now = null;
		expect((await ota.request("/enroll")).status).toBe(302);
		ota.person.now = alice;
		const key = nextKey();
		const device = await ota.identified();
		const bare = requestFor(device.identityPayload as ScepPayload, server, key, "iphone", { challenge: [] });
		await ota.refused(() => ota.postScep(bare.message));
		const stranger = issueDeviceIdentity(ota.authority);
		const attributes = knownAttributes("iphone", "00008110-000A1B2C3D4E801E", "F2LXYZ123456");
		await ota.refused(() => ota.postProfile(buildDeviceResponse({ identity: stranger, attributes })));
		expect(traces(ota.memory).certificates).toEqual(before.certificates);
	});
});

describe("a challenge is spent once, by one key of one device", () => {
	it("at /profile, though 16 devices answer it at once", async () => {
		const devices = await Promise.all(Array.from({ length: 16 }, () => ota.device()));
		const [first] = devices as [DeviceSession];
		await first.fetchRoot();
		const { challenge } = await first.fetchProfileService();
		const answers = await Promise.all(
			devices.map((device) => {
				const attributes = knownAttributes("iphone", device.udid, device.serialNumber);
				const options = { identity: device.builtIn, attributes, challenge: challenge as string };
				return ota.postProfile(buildDeviceResponse(options));
			}),
		);
		const statuses = answers.map(({ status }) => status);
		expect(statuses.filter((status) => status === 200)).toHaveLength(1);
		expect(statuses.filter((status) => status !== 200 && status !== 403 && status !== 409)).toEqual([]);
	});

	it("at /scep, though 64 keys come at once: 1 SUCCESS, 63 badRequest", async () => {
		const device = await ota.identified();
		const signer = nextKey();
		const keys = Array.from({ length: 64 }, () => nextKey());
		const replies = await Promise.all(keys.map((key) => send(requestOf(device, key, signer))));
		expect(replies.filter(({ pkiStatus }) => pkiStatus === "0")).toHaveLength(1);
		expect(replies.filter(({ failInfo }) => failInfo === 2)).toHaveLength(63);
		expect(certificatesOf(device)).toHaveLength(1);
		const spent = [...ota.memory.challenges.values()].filter(
			({ usedByKey }) => usedByKey && keys.map(hashOf).includes(usedByKey),
		);
		expect(spent).toHaveLength(1);
	});

	it("at /scep, though one message comes 64 times at once: the same certificate 64 times", async () => {
		const device = await ota.identified();
		const key = nextKey();
		const sent = requestOf(device, key);
		const identities = await Promise.all(Array.from({ length: 64 }, () => accept(sent, key)));
		const prints = identities.map(({ certificate }) => new X509Certificate(certificate).fingerprint256);
		expect(new Set(prints).size).toBe(1);
		expect(certificatesOf(device)).toHaveLength(1);
		expect(ota.memory.transactions.filter(({ transactionID }) => transactionID === sent.transactionID)).toHaveLength(1);
	});

	it("and every certificate has a challenge of its purpose that its key spent", async () => {
		await (await delivered()).enrollClientIdentities();
		const { certificates, challenges } = ota.memory;
		expect(certificates.size).toBeGreaterThan(3);
		const used = new Set<string>();
		for (const { challengeHash, publicKeyHash, purpose, enrollmentId } of certificates.values()) {
			expect(challenges.get(challengeHash)).toMatchObject({ usedByKey: publicKeyHash, purpose, enrollmentId });
			expect(used.has(challengeHash)).toBe(false);
			used.add(challengeHash);
		}
	});
});

describe("no profile to another key than the one whose possession was proven", () => {
	it("whatever else the message carries", async () => {
		const [device, stranger] = [await certified(), await certified()];
		const { certificate } = stranger.identity as Identity;
		const message = device.buildProfileRequest({ extraCertificates: [certificate, stranger.builtIn.certificate] });
		const profile = await device.postProfile("profile request", message);
		const content = verifySignedData(profile, "final profile").content as Uint8Array;
		expect(() => openFinalProfile(content, stranger.identity as Identity)).toThrow("does not name");
		const text = Buffer.from(content).toString("latin1");
		const [, base64 = ""] = /<key>EncryptedPayloadContent<\/key>\s*<data>([^<]+)</.exec(text) ?? [];
		const info = ContentInfo.fromBER(Uint8Array.from(Buffer.from(base64, "base64")));
		const { recipientInfos } = new EnvelopedData({ schema: info.content });
		expect(recipientInfos).toHaveLength(1);
		const [recipient] = recipientInfos as [RecipientInfo];
		const rid = (recipient.value as KeyTransRecipientInfo).rid as IssuerAndSerialNumber;
		const serial = Buffer.from((rid.serialNumber as asn1js.Integer).valueBlock.valueHexView).toString("hex");
		expect(serial).toBe(readCertificate((device.identity as Identity).certificate).serialHex);
	});

	it("nor a certificate for a key whose owner did not sign the request", async () => {
		const device = await ota.identified();
		const [mine, theirs] = [nextKey(), nextKey()];
		const stolen = requestFor(device.identityPayload as ScepPayload, server, mine, "iphone", { publicKey: theirs });
		const { body } = await ota.refused(() => ota.postScep(stolen.message));
		const authorities = [server.authorities.ra];
		expect(parseCertRep(body, { authorities, ...stolen })).toMatchObject({ pkiStatus: "2", failInfo: 1 });
	});
});

describe("what a device received is in the database", () => {
	it("octet by octet, again and again", async () => {
		const device = await certified();
		const request = device.buildProfileRequest();
		const first = await device.postProfile("profile request", request);
		const second = await device.postProfile("profile request", request);
		const stored = ota.memory.deliveries.get(enrollmentOf(device)?.id ?? "");
		expect(Buffer.from(first).equals(second)).toBe(true);
		expect(Buffer.from(first).equals(stored?.profile ?? new Uint8Array())).toBe(true);
		const { certificate } = device.identity as Identity;
		expect(Buffer.from(certificate).equals(rowOf(device.identity)?.der ?? new Uint8Array())).toBe(true);
	});
});

describe("no serial twice", () => {
	it("though the generator repeats itself", async () => {
		const first = await certified();
		const serial = Buffer.from(readCertificate((first.identity as Identity).certificate).serialHex, "hex");
		const device = await ota.identified();
		const key = nextKey();
		const sent = requestOf(device, key);
		forced.push(serial, serial, serial);
		const identity = await accept(sent, key);
		expect(forced).toEqual([]);
		expect(readCertificate(identity.certificate).serialHex).not.toBe(serial.toString("hex"));
		expect(
			Buffer.from((first.identity as Identity).certificate).equals(rowOf(first.identity)?.der ?? new Uint8Array()),
		).toBe(true);
	});

	it("nor one that is short, negative or padded", () => {
		for (const serialNumber of ota.memory.certificates.keys()) expect(serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/);
	});
});

describe("every step and every refusal is an audit event", () => {
	const last = (): AuditEvent | undefined => ota.memory.events.at(-1);
	const late = async (act: () => Promise<unknown>): Promise<void> => {
		ota.clock.offset = 20 * 60_000;
		await act();
	};

	it.each<[string, string, () => Promise<[DeviceSession, () => Promise<unknown>]>]>([
		[
			"a device response by another device",
			"challenge",
			responseOf(() => ({ identity: issueDeviceIdentity(ota.authority) })),
		],
		[
			"a device response with a SCEP challenge",
			"challenge",
			responseOf((device) => ({ challenge: device.identityPayload?.challenge as string })),
		],
		[
			"a device response of another UDID",
			"device_mismatch",
			responseOf(() => ({ attributes: knownAttributes("iphone", "00008110-00000B2C3D4E801E", "F2LXYZ123456") })),
		],
		[
			"a late device response",
			"expired",
			async () => {
				const device = await ota.identified();
				return [device, () => late(() => ota.refused(() => ota.postProfile(device.buildDeviceResponse())))];
			},
		],
		[
			"a device response after delivery",
			"conflict",
			async () => {
				const device = await delivered();
				return [device, () => ota.refused(() => ota.postProfile(device.buildDeviceResponse()))];
			},
		],
		[
			"a spent SCEP challenge",
			"challenge",
			async () => {
				const device = await certified();
				return [device, () => ota.refused(() => ota.postScep(requestOf(device, nextKey()).message))];
			},
		],
		[
			"the enroll challenge at SCEP",
			"challenge",
			async () => {
				const device = await ota.identified();
				const challenge = device.profileService?.challenge as string;
				const sent = requestFor(device.identityPayload as ScepPayload, server, nextKey(), "iphone", { challenge });
				return [device, () => ota.refused(() => ota.postScep(sent.message))];
			},
		],
		[
			"a late SCEP challenge",
			"challenge",
			async () => {
				const device = await ota.identified();
				return [device, () => late(() => ota.refused(() => ota.postScep(requestOf(device, nextKey()).message)))];
			},
		],
		[
			"a key that has a certificate",
			"key_policy",
			async () => {
				const [other, device] = [await certified(), await ota.identified()];
				const { privateKey } = other.identity as Identity;
				return [device, () => ota.refused(() => ota.postScep(requestOf(device, privateKey).message))];
			},
		],
		[
			"a late profile request",
			"expired",
			async () => {
				const device = await certified();
				return [device, () => late(() => ota.refused(() => ota.postProfile(device.buildProfileRequest())))];
			},
		],
		[
			"a profile request for another device",
			"unknown_certificate",
			async () => {
				const device = await certified();
				const attributes = knownAttributes("iphone", "00008110-00000B2C3D4E801E", device.serialNumber);
				return [device, () => ota.refused(() => ota.postProfile(device.buildProfileRequest({ attributes })))];
			},
		],
		[
			"a profile request by a revoked identity",
			"unknown_certificate",
			async () => {
				const device = await certified();
				await device.sendDeviceResponse();
				return [device, () => ota.refused(() => ota.postProfile(device.buildProfileRequest()))];
			},
		],
	])("%s", async (_, code, prepare) => {
		const [device, act] = await prepare();
		const before = ota.memory.events.length;
		await act();
		expect(ota.memory.events.length).toBe(before + 1);
		expect(last()).toMatchObject({ event: "refused", enrollmentId: enrollmentOf(device)?.id, detail: { code } });
	});

	function responseOf(bend: (device: DeviceSession) => Parameters<DeviceSession["buildDeviceResponse"]>[0]) {
		return async (): Promise<[DeviceSession, () => Promise<unknown>]> => {
			const device = await ota.identified();
			return [device, () => ota.refused(() => ota.postProfile(device.buildDeviceResponse(bend(device))))];
		};
	}

	it("but what nobody can be held to account for goes to the ordinary log alone", async () => {
		const device = await ota.identified();
		const before = ota.memory.events.length;
		const challenge = randomBytes(32).toString("hex");
		const sent = requestFor(device.identityPayload as ScepPayload, server, nextKey(), "iphone", { challenge });
		await ota.refused(() => ota.postScep(sent.message));
		await ota.refused(() => ota.postScep(randomBytes(500)));
		await ota.refused(() => ota.postProfile(randomBytes(500)));
		await ota.refused(() => ota.postProfile(device.buildDeviceResponse({ challenge })));
		await ota.refused(() => ota.request("/nothing"));
		expect(ota.memory.events.length).toBe(before);
	});
});

describe("a device that repeats its response", () => {
	it("before delivery gets a fresh identity profile; the older challenge and certificate are dead", async () => {
		const device = await ota.identified({ keys: nextKey });
		const unspent = requestOf(device, nextKey());
		await device.sendDeviceResponse();
		const { body } = await ota.refused(() => ota.postScep(unspent.message));
		expect(parseCertRep(body, { authorities: [server.authorities.ra], ...unspent })).toMatchObject({ failInfo: 2 });

		const first = await device.enrollIdentity();
		const request = device.buildProfileRequest();
		await device.sendDeviceResponse();
		expect(rowOf(first)).toMatchObject({ state: "revoked", revocationReason: 4, usedAt: null });
		expect((await ota.refused(() => ota.postProfile(request))).status).toBe(403);
		expect(enrollmentOf(device)).toMatchObject({ state: "identified", attempts: 3 });

		await device.enrollIdentity();
		await device.sendProfileRequest();
		expect(certificatesOf(device).map(({ state }) => state)).toEqual(["revoked", "issued"]);
	});

	it("makes an earlier certificate's very message worthless", async () => {
		const device = await ota.identified();
		const key = nextKey();
		const sent = requestOf(device, key);
		await accept(sent, key);
		await device.sendDeviceResponse();
		const { body } = await ota.refused(() => ota.postScep(sent.message));
		expect(parseCertRep(body, { authorities: [server.authorities.ra], ...sent })).toMatchObject({ failInfo: 2 });
	});

	it("may do so three times", async () => {
		const device = await ota.identified();
		for (let round = 0; round < 3; round++) await device.sendDeviceResponse();
		const { status } = await ota.refused(() => ota.postProfile(device.buildDeviceResponse()));
		expect(status).toBe(409);
		expect(enrollmentOf(device)?.attempts).toBe(4);
		await device.enrollIdentity();
		await device.sendProfileRequest();
	});

	it("may not after delivery (409) nor after expiry (410)", async () => {
		const device = await delivered();
		expect((await ota.refused(() => ota.postProfile(device.buildDeviceResponse()))).status).toBe(409);
		const other = await ota.identified();
		ota.clock.offset = 20 * 60_000;
		expect((await ota.refused(() => ota.postProfile(other.buildDeviceResponse()))).status).toBe(410);
	});

	it("16 times at once leaves one live challenge", async () => {
		const device = await ota.identified({ keys: nextKey });
		const messages = Array.from({ length: 16 }, () => device.buildDeviceResponse());
		const statuses = await Promise.all(messages.map(async (message) => (await ota.postProfile(message)).status));
		expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
		const id = enrollmentOf(device)?.id;
		const live = [...ota.memory.challenges.values()].filter(
			({ enrollmentId, usedAt, withdrawnAt }) => enrollmentId === id && !usedAt && !withdrawnAt,
		);
		expect(live).toHaveLength(1);
		expect(enrollmentOf(device)?.attempts).toBe(1 + statuses.filter((status) => status === 200).length);
	});
});

describe("nothing secret", () => {
	it("was told by anything above: in no log line, no audit event", () => {
		expect(ota.log.length).toBeGreaterThan(100);
		const told = JSON.stringify([ota.log, ota.memory.events]);
		expect(ota.secrets.size).toBeGreaterThan(50);
		ota.tellsNothing(told);
	});
});
