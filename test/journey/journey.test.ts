/** The whole journey through the handlers, without a socket: as each kind of device, again, as another person, in each shape of set-up. */
import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import type { SessionUser } from "../../lib/options.ts";
import { parseTemplate } from "../../lib/profile/templates.ts";
import {
	acceptCertRep,
	type DeviceOptions,
	type DeviceSession,
	discover,
	type Identity,
	issueDeviceIdentity,
	pkiOperation,
	readCertificate,
	requestFor,
	type ScepPayload,
	type Transport,
	verifySignedData,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { alice } from "../harness/ota.ts";
import { softwareKeys } from "../harness/software-keys.ts";
import { traces, type WatchedOta, watchedOta } from "../harness/watched-ota.ts";

const nextKey = rsaKeySource();
const bob: SessionUser = { id: "bob", email: "bob@example.com", name: "Bob Example", groups: [] };
const ssid = "Canary-Network-7c1e";
const password = "canary-password-93ab";

const secretTemplate = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
	<key>PayloadType</key><string>com.apple.wifi.managed</string>
	<key>SSID_STR</key><string>${ssid}</string>
	<key>Password</key><string>${password}</string>
	<key>EncryptionType</key><string>WPA2</string>
</dict></plist>`;

/** The journey step by step; what was delivered, as bytes. */
async function travel(device: DeviceSession): Promise<Uint8Array> {
	await device.fetchRoot();
	await device.fetchProfileService();
	await device.sendDeviceResponse();
	await device.enrollIdentity();
	const delivered = await device.postProfile("profile request", device.buildProfileRequest());
	device.openFinalProfile(delivered);
	await device.enrollClientIdentities();
	return delivered;
}

const payloadOf = (device: DeviceSession, type: string) =>
	device.finalProfile?.payloads.find(({ PayloadType }) => PayloadType === type);
const leafOf = (identity: Identity | undefined) => new X509Certificate((identity as Identity).certificate);
const enrollmentsOf = (ota: WatchedOta, { udid }: DeviceSession) =>
	[...ota.memory.enrollments.values()].filter((one) => one.udid === udid);

const steps = [
	"enrollment.started",
	"device.identified",
	"certificate.reserved",
	"certificate.issued",
	"profile.delivered",
	"certificate.reserved",
	"certificate.issued",
];

describe("the journey", () => {
	let ota: WatchedOta;
	beforeAll(async () => {
		ota = await watchedOta();
	});

	async function enrolled(options: Partial<DeviceOptions> = {}): Promise<[DeviceSession, Uint8Array]> {
		const device = ota.device({ keys: nextKey, ...options });
		return [device, await travel(device)];
	}

	it.each([
		["iphone", 1],
		["mac", 5],
	] as const)("ends with the %s's encrypted profile and its client identity", async (model, targetDeviceType) => {
		const [device] = await enrolled({ model });
		const types = device.finalProfile?.payloads.map(({ PayloadType }) => PayloadType);
		expect(types).toEqual([
			"com.apple.security.scep",
			"com.apple.wifi.managed",
			"com.apple.webClip.managed",
			"com.apple.security.root",
		]);
		expect(device.finalProfile?.outer).toMatchObject({ IsEncrypted: true, TargetDeviceType: targetDeviceType });
		expect(payloadOf(device, "com.apple.webClip.managed")).toMatchObject({
			PayloadDescription: `For Alice Example, device ${device.serialNumber}`,
			URL: "https://ota.example.com/",
		});
		const wifi = payloadOf(device, "com.apple.wifi.managed");
		expect(wifi).toMatchObject({ EAPClientConfiguration: { UserName: "alice@example.com" } });
		expect([...device.clientIdentities.keys()]).toEqual([wifi?.PayloadCertificateUUID]);
		expect(payloadOf(device, "com.apple.security.root")?.PayloadContent).toEqual(
			new Uint8Array(device.root as Uint8Array),
		);
	});

	it("gives both certificates the person's and the device's name, and each its own use", async () => {
		const [device] = await enrolled();
		const identity = leafOf(device.identity);
		const client = leafOf([...device.clientIdentities.values()][0]);
		for (const { subject, subjectAltName } of [identity, client]) {
			expect(subject).toBe(`O=Example & Söhne\nCN=alice@example.com\nserialNumber=${device.serialNumber}`);
			expect(subjectAltName).toBe("email:alice@example.com");
		}
		expect([identity.keyUsage, client.keyUsage]).toEqual([["1.3.6.1.5.5.7.3.4"], ["1.3.6.1.5.5.7.3.2"]]);
		const days = (Date.parse(identity.validTo) - Date.now()) / 86_400_000;
		expect(days).toBeGreaterThan(397.9);
		expect(days).toBeLessThan(398.1);
		const expiration = device.finalProfile?.outer.PayloadExpirationDate as Date;
		expect(Date.parse(identity.validTo) - expiration.getTime()).toBe(30 * 86_400_000);
	});

	it("leaves each step and everything that the device got in the store", async () => {
		const [device, delivered] = await enrolled();
		const [enrollment, ...more] = enrollmentsOf(ota, device);
		expect(more).toEqual([]);
		expect(enrollment).toMatchObject({
			state: "delivered",
			attempts: 1,
			user: { id: "alice", email: "alice@example.com" },
			device: { UDID: device.udid, SERIAL: device.serialNumber, PRODUCT: "iPhone16,1", VERSION: "23B85" },
		});
		const events = ota.memory.events.filter(({ enrollmentId }) => enrollmentId === enrollment?.id);
		expect(events.map(({ event }) => event)).toEqual(steps);
		const delivery = ota.memory.deliveries.get(enrollment?.id ?? "");
		expect(Buffer.from(delivery?.profile ?? []).equals(delivered)).toBe(true);
		const identities = [device.identity, ...device.clientIdentities.values()] as Identity[];
		expect(delivery?.certificateSerialNumber).toBe(readCertificate(identities[0]?.certificate as Uint8Array).serialHex);
		for (const [at, { certificate }] of identities.entries()) {
			const row = ota.memory.certificates.get(readCertificate(certificate).serialHex);
			expect(row).toMatchObject({ state: "issued", purpose: ["identity", "client"][at], enrollmentId: enrollment?.id });
			expect(Buffer.from(row?.der ?? []).equals(certificate)).toBe(true);
		}
	});

	it("can be taken by the same device twice in a row", async () => {
		const [udid, serialNumber] = ["00008110-000A1B2C3D4E801E", "F2LXYZ123456"];
		const same = { udid, serialNumber, identity: issueDeviceIdentity(ota.authority) };
		const [first] = await enrolled(same);
		const [second] = await enrolled(same);
		expect(enrollmentsOf(ota, first).map(({ state }) => state)).toEqual(["delivered", "delivered"]);
		expect(leafOf(first.identity).serialNumber).not.toBe(leafOf(second.identity).serialNumber);
		// The same identifiers and UUIDs: the device replaces the profile and adds none.
		expect(second.finalProfile?.outer.PayloadUUID).toBe(first.finalProfile?.outer.PayloadUUID);
		expect(second.finalProfile?.payloads.map(({ PayloadUUID }) => PayloadUUID)).toEqual(
			first.finalProfile?.payloads.map(({ PayloadUUID }) => PayloadUUID),
		);
		expect([...ota.memory.devices.keys()].filter((one) => one === udid)).toHaveLength(1);
	});

	it("can be taken by another person", async () => {
		ota.person.now = bob;
		const [device] = await enrolled();
		ota.person.now = alice;
		expect(leafOf(device.identity).subject).toContain("CN=bob@example.com");
		expect(JSON.stringify(device.finalProfile?.payloads)).toContain("bob@example.com");
		expect(JSON.stringify(device.finalProfile?.payloads)).not.toContain("alice");
	});

	it("goes on over GET where a client cannot post to SCEP", async () => {
		const device = await ota.identified();
		const payload = device.identityPayload as ScepPayload;
		const server = await discover({ transport: ota.transport, payload });
		const key = nextKey();
		const request = requestFor(payload, server, key, "iphone");
		const answer = await pkiOperation(ota.transport, payload.url, request.message, false);
		device.identity = acceptCertRep(answer, request, key, server, new Date());
		await device.sendProfileRequest();
		expect(device.finalProfile?.payloads).toHaveLength(4);
	});

	it("is not begun by HEAD, a prefetch or a preview of /enroll", async () => {
		const before = traces(ota.memory);
		const events = ota.memory.events.length;
		expect((await ota.request("/enroll", { method: "HEAD" })).status).toBe(200);
		for (const name of ["purpose", "sec-purpose"]) {
			expect((await ota.request("/enroll", { headers: { [name]: "prefetch" } })).status).toBe(204);
		}
		expect([traces(ota.memory), ota.memory.events.length]).toEqual([before, events]);
	});
});

describe("what the journey tells", () => {
	it("is nothing secret, in no log line, no address and no outer profile", async () => {
		const ota = await watchedOta({ options: { templates: () => [parseTemplate("wifi.plist", secretTemplate)] } });
		const addresses: string[] = [];
		const transport: Transport = (request) => {
			addresses.push(request.url);
			return ota.transport(request);
		};
		const device = ota.device({ transport, keys: nextKey });
		const delivered = await travel(device);
		expect(payloadOf(device, "com.apple.wifi.managed")).toMatchObject({ SSID_STR: ssid, Password: password });

		const { content } = verifySignedData(delivered, "final profile");
		const outer = Buffer.from(content ?? []).toString("latin1");
		const { EncryptedPayloadContent, ...readable } = device.finalProfile?.outer ?? {};
		expect(EncryptedPayloadContent).toBeUndefined();
		const told = [JSON.stringify(ota.log), addresses.join("\n"), outer, Buffer.from(delivered).toString("latin1")];
		// What the audit keeps may name the person and the device, and nothing that opens anything.
		told.push(JSON.stringify(ota.memory.events));
		expect(ota.secrets.size).toBeGreaterThanOrEqual(3);
		for (const text of told) {
			ota.tellsNothing(text);
			expect(text).not.toContain(ssid);
			expect(text).not.toContain(password);
		}
		for (const text of [outer, JSON.stringify(readable), addresses.join("\n")]) {
			for (const name of ["alice", device.udid, device.serialNumber]) expect(text).not.toContain(name);
		}
	});

	it("keeps no challenge's text in the store", async () => {
		const ota = await watchedOta();
		const device = ota.device({ keys: nextKey });
		await travel(device);
		const { enrollments, challenges, certificates, devices, transactions, events } = ota.memory;
		const rows = [...enrollments.values(), ...challenges.values(), ...devices.values(), ...transactions, ...events];
		ota.tellsNothing(JSON.stringify(rows));
		for (const { tbs, der } of certificates.values()) {
			for (const bytes of [tbs, der as Uint8Array]) ota.tellsNothing(Buffer.from(bytes).toString("latin1"));
		}
		expect([...challenges.keys()].every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
	});
});

describe("the journey in another set-up", () => {
	it("works with an issuing CA on P-256", async () => {
		const ota = await watchedOta({ keys: await softwareKeys(new Date(), "p-256") });
		const device = ota.device({ keys: nextKey });
		await travel(device);
		const ca = new X509Certificate(ota.keys.authorities.ca);
		expect(ca.publicKey.asymmetricKeyType).toBe("ec");
		expect(leafOf(device.identity).verify(ca.publicKey)).toBe(true);
		expect(leafOf(device.identity).publicKey.asymmetricKeyType).toBe("rsa");
	});

	it("gives one certificate to parallel requests though ECDSA signs differently each time", async () => {
		const ota = await watchedOta({ keys: await softwareKeys(new Date(), "p-256") });
		const device = await ota.identified();
		const payload = device.identityPayload as ScepPayload;
		const server = await discover({ transport: ota.transport, payload });
		const key = nextKey();
		const request = requestFor(payload, server, key, "iphone");
		const answers = await Promise.all(
			Array.from({ length: 16 }, () => pkiOperation(ota.transport, payload.url, request.message, true)),
		);
		const prints = answers.map((body) => leafOf(acceptCertRep(body, request, key, server, new Date())).fingerprint256);
		expect(new Set(prints).size).toBe(1);
	});

	it("works under a base path, which every address then has", async () => {
		const ota = await watchedOta({ basePath: "/ota" });
		const device = ota.device({ keys: nextKey });
		await travel(device);
		expect(device.profileService?.url).toBe("https://ota.example.com/ota/profile");
		expect(device.identityPayload?.url).toBe("https://ota.example.com/ota/scep");
		expect(payloadOf(device, "com.apple.webClip.managed")?.URL).toBe("https://ota.example.com/ota/");
		const client = payloadOf(device, "com.apple.security.scep")?.PayloadContent;
		expect(client).toMatchObject({ URL: "https://ota.example.com/ota/scep" });
		for (const path of ["", "/"]) {
			const page = await (await ota.request(path)).text();
			expect(page).toContain('href="/ota/enroll"');
			expect(page).toContain('href="/ota/CA"');
		}
		ota.person.now = null;
		const answer = await ota.request("/enroll");
		expect(answer.headers.get("location")).toBe("https://ota.example.com/sign-in?to=%2Fota%2Fenroll");
	});
});
