// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of profiles look like that.
/** What comes after the journey: the device asks again with the identity it has, and gets what is right for its owner by now. */
import { X509Certificate } from "node:crypto";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { sealSecrets } from "../../lib/enroll/profile-secrets.ts";
import type { OtaOptions } from "../../lib/options.ts";
import { writeSchemaFile } from "../../lib/profile/catalogue/schema-file.ts";
import {
	buildDeviceResponse,
	type DeviceSession,
	type FinalProfile,
	type Identity,
	readCertificate,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { alice } from "../harness/ota.ts";
import { softwareKeys } from "../harness/software-keys.ts";
import { type WatchedOta, watchedOta } from "../harness/watched-ota.ts";

const nextKey = rsaKeySource();
const day = 86_400_000;
const audit = { at: new Date(), event: "profile.saved", enrollmentId: null, detail: {} };
let keys: Awaited<ReturnType<typeof softwareKeys>>;
let ota: WatchedOta;

async function begin(options: Partial<OtaOptions> = {}): Promise<void> {
	keys ??= await softwareKeys();
	ota = await watchedOta({ keys, options: { templates: () => [], ...options } });
}
beforeEach(() => begin());

const wifi = (ssid: string) => `
  - name: wifi
    payload:
      PayloadType: com.apple.wifi.managed
      SSID_STR: ${ssid}
      EncryptionType: WPA2
      Password: \${secret.wifi.Password}`;

/** The next version of the profile `office`, for `audience`. */
async function publish(payloads: string, audience = "everyone", more = ""): Promise<number> {
	const [before] = await ota.memory.listVersions("office");
	const after = before?.version ?? 0;
	const version = after + 1;
	const secrets = await sealSecrets(keys.keys, "office", version, new Map([["wifi.Password", "pass-${user.email}"]]));
	const document = `name: office\nfor: ${audience}\n${more}profile:\n  PayloadDisplayName: Office\npayloads:${payloads}\nsecrets:\n  wifi.Password: ${version}\n`;
	const row = { name: "office", version, document, note: "", createdAt: new Date(), by: "root" };
	expect(await ota.memory.saveProfile({ version: row, after, secrets, audit })).toBe(true);
	expect(await ota.memory.publishProfile({ name: "office", version, now: new Date(), audit })).toBe(true);
	return version;
}

async function enrolled(): Promise<DeviceSession> {
	const device = await ota.identified({ keys: nextKey });
	await device.enrollIdentity();
	await device.sendProfileRequest();
	return device;
}
const wifiOf = ({ payloads }: FinalProfile) =>
	payloads.find(({ PayloadType }) => PayloadType === "com.apple.wifi.managed");
const ask = (device: DeviceSession) => ota.postProfile(device.buildProfileRequest());
const openedBy = async (device: DeviceSession, response: Response) => {
	expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-apple-aspen-config"]);
	return device.openFinalProfile(new Uint8Array(await response.arrayBuffer()));
};
const eventsOf = (device: DeviceSession) => {
	const mine = [...ota.memory.enrollments.values()].filter(({ udid }) => udid === device.udid).map(({ id }) => id);
	return ota.memory.events.filter(({ enrollmentId }) => enrollmentId !== null && mine.includes(enrollmentId));
};

describe("a lone profile request", () => {
	it("brings version 2 in the place of version 1, to the same identity", async () => {
		await publish(wifi("One"));
		const device = await enrolled();
		const first = device.finalProfile as FinalProfile;
		expect(wifiOf(first)).toMatchObject({ SSID_STR: "One", Password: "pass-${user.email}" });
		await publish(wifi("Two"));
		for (const days of [0, 10]) {
			ota.clock.offset = days * day;
			const second = await openedBy(device, await ask(device));
			expect(wifiOf(second)).toMatchObject({ SSID_STR: "Two" });
			expect(second.outer.PayloadIdentifier).toBe(first.outer.PayloadIdentifier);
			expect(second.outer.PayloadUUID).not.toBe(first.outer.PayloadUUID);
			// Inside it identifier and UUID both stay: the device updates the payload that it has.
			const names = ({ PayloadIdentifier, PayloadUUID }: Record<string, unknown> = {}) => [
				PayloadIdentifier,
				PayloadUUID,
			];
			expect(names(wifiOf(second))).toEqual(names(wifiOf(first)));
			// The device's own clock stands still.
			if (days === 0) await device.enrollClientIdentities();
		}
		expect(eventsOf(device).filter(({ event }) => event === "profile.delivered")).toMatchObject([
			{ detail: { contents: expect.stringMatching(/^office@1 #[0-9a-f]{8}$/) } },
			{ detail: { contents: expect.stringMatching(/^office@2 #[0-9a-f]{8}$/), kind: "update" } },
			{ detail: { contents: expect.stringMatching(/^office@2 #[0-9a-f]{8}$/), kind: "update" } },
		]);
	});

	it("answers a repetition with the same bytes, and with fresh ones once they were confirmed or are old", async () => {
		await publish(wifi("One"));
		const device = await enrolled();
		const bytes = async () => Buffer.from(await (await ask(device)).arrayBuffer()).toString("base64");
		const first = await bytes();
		expect(await bytes()).toBe(first);
		ota.clock.offset = 19 * 60_000;
		expect(await bytes()).toBe(first);
		ota.clock.offset = 21 * 60_000;
		const second = await bytes();
		expect(second).not.toBe(first);
		expect(await bytes()).toBe(second);
		expect((await confirm(device)).status).toBe(200);
		expect(await bytes()).not.toBe(second);
	});

	it("16 times at once is one delivery", async () => {
		await publish(wifi("One"));
		const device = await enrolled();
		await publish(wifi("Two"));
		const answers = await Promise.all(Array.from({ length: 16 }, () => ask(device)));
		const bodies = await Promise.all(
			answers.map(async (answer) => Buffer.from(await answer.arrayBuffer()).toString("hex")),
		);
		expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
		expect(new Set(bodies).size).toBe(1);
	});

	it("is refused after its owner lost the group", async () => {
		let groups = ["staff"];
		await begin({ policy: { groups: ["staff"] }, person: async () => ({ ...alice, groups }) });
		await publish(wifi("One"), "[{group: staff}]");
		const device = await enrolled();
		await publish(wifi("Two"), "[{group: staff}]");
		expect(wifiOf(await openedBy(device, await ask(device)))).toMatchObject({ SSID_STR: "Two" });
		groups = ["alumni"];
		const { status, line } = await ota.refused(() => ask(device));
		expect([status, line.code, line.why]).toEqual([403, "policy", expect.stringMatching(/none of the groups/)]);
		expect(eventsOf(device).at(-1)).toMatchObject({ event: "refused", detail: { code: "policy" } });
	});

	it("is refused after a later sign-in, on whatever device, said that its owner lost the group", async () => {
		await begin({ policy: { groups: ["staff"] } });
		const device = await enrolled();
		ota.person.now = { ...alice, groups: ["alumni"] };
		expect((await ota.refused(() => ota.request("/enroll"))).line).toMatchObject({ code: "policy", status: 403 });
		expect((await ota.refused(() => ask(device))).line).toMatchObject({ code: "policy", status: 403 });
	});

	it("is refused for a person whom the directory does not know any more", async () => {
		let isKnown = true;
		await begin({ person: async () => (isKnown ? alice : null) });
		const device = await enrolled();
		const late = await ota.identified({ keys: nextKey });
		await late.enrollIdentity();
		const [found] = await ota.memory.listDevices("alice", new Date());
		isKnown = false;
		const page = () => ota.request("/enroll");
		const file = () => ota.request(`/devices/${found?.enrollment.id}.mobileconfig`);
		for (const asked of [() => ask(device), () => ask(late), page, file]) {
			expect((await ota.refused(asked)).line).toMatchObject({ code: "policy", status: 403 });
		}
	});

	it("is for the person who enrolled, whomever the directory describes", async () => {
		const payload = { PayloadType: "com.apple.webClip.managed", Label: "${user.id}", URL: "https://example.com" };
		const templates = () => [{ name: "clip", payload: { ...payload, IsRemovable: true } }];
		await begin({ templates, person: async () => ({ ...alice, id: "bob" }) });
		expect((await enrolled()).finalProfile?.payloads[1]).toMatchObject({ Label: "alice" });
	});

	it("is not given back by a session that is older than the sign-in that took it", async () => {
		await begin({ policy: { groups: ["staff"] } });
		const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);
		ota.person.now = { ...alice, signedInAt: ago(60) };
		const device = await enrolled();
		const [found] = await ota.memory.listDevices("alice", new Date());
		ota.person.now = { ...alice, groups: [], signedInAt: ago(30) };
		const page = () => ota.request("/enroll");
		const file = () => ota.request(`/devices/${found?.enrollment.id}.mobileconfig`);
		expect((await ota.refused(page)).status).toBe(403);
		ota.person.now = { ...alice, signedInAt: ago(60) };
		for (const asked of [page, file, () => ask(device)]) {
			expect((await ota.refused(asked)).line).toMatchObject({ code: "policy", status: 403 });
		}
		ota.person.now = { ...alice, signedInAt: ago(10) };
		expect((await file()).status).toBe(200);
		await openedBy(device, await ask(device));
	});

	it("answers with fresh bytes once the client identity was fetched: its challenge is spent", async () => {
		const device = await enrolled();
		await device.enrollClientIdentities();
		await openedBy(device, await ask(device));
		await device.enrollClientIdentities();
	});

	it("is not repeated to another identity, nor are a file's bytes", async () => {
		const device = await enrolled();
		const [found] = await ota.memory.listDevices("alice", new Date());
		const file = await ota.request(`/devices/${found?.enrollment.id}.mobileconfig`);
		const [bytes, update] = [await file.arrayBuffer(), await (await ask(device)).arrayBuffer()];
		expect(Buffer.from(bytes).equals(Buffer.from(update))).toBe(false);
		const latest = await ota.memory.findDelivery(found?.enrollment.id ?? "");
		expect(latest).toMatchObject({ number: 2, kind: "update" });
		ota.memory.deliveries.set(`${latest?.enrollmentId} 2`, {
			...(latest as NonNullable<typeof latest>),
			certificateSerialNumber: "another",
		});
		expect(Buffer.from(await (await ask(device)).arrayBuffer()).equals(Buffer.from(update))).toBe(false);
	});

	it("costs nothing when it fails, and says how long to wait when it was given too often", async () => {
		let payload: Record<string, unknown> = { PayloadType: "com.apple.mdm" };
		await begin({ templates: () => [{ name: "clip", payload }] });
		const good = {
			PayloadType: "com.apple.webClip.managed",
			Label: "a",
			URL: "https://example.com",
			IsRemovable: true,
		};
		payload = good;
		const device = await enrolled();
		await confirm(device);
		payload = { PayloadType: "com.apple.mdm" };
		for (let round = 0; round < 25; round++) expect((await ask(device)).status).toBe(503);
		payload = good;
		expect((await ask(device)).status).toBe(200);
		for (let round = 0; round < 19; round++) {
			await confirm(device);
			expect((await ask(device)).status).toBe(200);
		}
		await confirm(device);
		const { status, headers } = await ota.refused(() => ask(device));
		expect([status, Number(headers.get("retry-after")) > 3000]).toEqual([429, true]);
	});

	it("is not had for nothing, however it ends", async () => {
		let payload: Record<string, unknown> = { PayloadType: "com.apple.webClip.managed", Label: "a", URL: "https://a" };
		await begin({ templates: () => [{ name: "clip", payload }] });
		const device = await enrolled();
		payload = { PayloadType: "com.apple.mdm" };
		for (let round = 0; round < 200; round++) expect((await ask(device)).status).toBe(503);
		expect((await ask(device)).status).toBe(429);
	});

	it("is given twenty times an hour, repetitions aside", async () => {
		const device = await enrolled();
		for (let round = 0; round < 20; round++) {
			await confirm(device);
			for (const _ of [1, 2]) expect((await ask(device)).status).toBe(200);
		}
		await confirm(device);
		expect((await ota.refused(() => ask(device))).line).toMatchObject({ code: "rate", status: 429 });
	});

	it("waits while the directory is away", async () => {
		let isAway = false;
		const person = () => (isAway ? Promise.reject(new Error("connect ECONNREFUSED")) : Promise.resolve(alice));
		await begin({ person });
		const device = await enrolled();
		isAway = true;
		expect((await ota.refused(() => ask(device))).line).toMatchObject({ code: "store_unavailable", status: 503 });
	});

	it("gets what is for the groups of the latest sign-in", async () => {
		await publish(wifi("One"), "[{group: staff}]");
		const device = await enrolled();
		expect(wifiOf(device.finalProfile as FinalProfile)).toBeDefined();
		ota.person.now = { ...alice, groups: ["alumni"] };
		expect((await ota.request("/enroll")).status).toBe(200);
		const profile = await openedBy(device, await ask(device));
		expect(profile.payloads.map(({ PayloadType }) => PayloadType)).toEqual(["com.apple.security.scep"]);
	});

	it("counts what the device says of itself now", async () => {
		const [old, young] = ["<30", ">=30"].map((os) => `\n    for: [{os: "${os}"}]`) as [string, string];
		const named = (ssid: string, rule: string) => wifi(ssid).replace("name: wifi", `name: ${ssid}${rule}`);
		await publish(named("Old", old) + named("Young", young));
		const device = await enrolled();
		expect(wifiOf(device.finalProfile as FinalProfile)).toMatchObject({ SSID_STR: "Old" });
		const attributes = { UDID: device.udid.toLowerCase(), PRODUCT: "Mac15,3", OS_VERSION: "30.2", IMEI: "1" };
		const response = await ota.postProfile(device.buildProfileRequest({ attributes }));
		expect(wifiOf(await openedBy(device, response))).toMatchObject({ SSID_STR: "Young" });
		const [found] = await ota.memory.listDevices("alice", new Date());
		expect(found?.enrollment.device).toMatchObject({
			UDID: device.udid,
			SERIAL: device.serialNumber,
			PRODUCT: "iPhone16,1",
			OS_VERSION: "30.2",
		});
		expect(found?.enrollment.device.IMEI).not.toBe("1");
	});

	it("does not take the word of a device for a serial number that it kept back when it enrolled", async () => {
		await publish(wifi("Boss"), "[{device: C0BOSS00001}]");
		const device = await ota.identified({ keys: nextKey, attributes: { SERIAL: undefined } });
		await device.enrollIdentity();
		await device.sendProfileRequest();
		const attributes = { UDID: device.udid, SERIAL: "C0BOSS00001" };
		const response = await ota.postProfile(device.buildProfileRequest({ attributes }));
		expect(wifiOf(await openedBy(device, response))).toBeUndefined();
		expect(await ota.memory.findDevice("C0BOSS00001", new Date())).toBeNull();
	});

	it("is led to /enroll by a 301 when the last sign-in is too old, or the identity near its end", async () => {
		const device = await enrolled();
		for (const days of [31, 369]) {
			ota.clock.offset = days * day;
			const response = await ask(device);
			expect([response.status, response.headers.get("location")]).toEqual([301, "https://ota.example.com/enroll"]);
			expect((await response.arrayBuffer()).byteLength).toBe(0);
		}
		await begin({ person: async () => alice });
		const known = await enrolled();
		ota.clock.offset = 367 * day;
		await openedBy(known, await ask(known));
		ota.clock.offset = 369 * day;
		expect((await ask(known)).status).toBe(301);
		expect(eventsOf(known).at(-1)).toMatchObject({ event: "update.led", detail: { why: "identity" } });
	});

	it("is refused once device or person are blocked, and by an identity that a new enrollment has superseded", async () => {
		const device = await enrolled();
		const again = ota.device({
			udid: device.udid,
			serialNumber: device.serialNumber,
			identity: device.builtIn,
			keys: nextKey,
		});
		await again.fetchRoot();
		await again.fetchProfileService();
		await again.sendDeviceResponse();
		await again.enrollIdentity();
		await openedBy(device, await ask(device));
		await again.sendProfileRequest();
		expect((await ota.refused(() => ask(device))).line).toMatchObject({ code: "unknown_certificate", status: 403 });
		await openedBy(again, await ask(again));
		const target = { device: device.udid };
		await ota.memory.revoke({ target, reason: 1, by: "root", now: new Date(), audit });
		expect((await ota.refused(() => ask(again))).status).toBe(403);
	});

	it("is not led to sign in in the middle of a journey, however short a sign-in counts", async () => {
		await begin({ policy: { signInDays: 0 } });
		ota.person.now = { ...alice, signedInAt: new Date(Date.now() - 3_600_000) };
		const device = await enrolled();
		ota.clock.offset = 19 * 60_000;
		await openedBy(device, await ask(device));
		ota.clock.offset = 21 * 60_000;
		expect((await ask(device)).status).toBe(301);
	});

	it("does not believe a sign-in of the future", async () => {
		ota.person.now = { ...alice, signedInAt: new Date(Date.now() + 400 * day) };
		const device = await enrolled();
		ota.clock.offset = 31 * day;
		expect((await ask(device)).status).toBe(301);
	});

	it("is offered no later than the identity's renewal", async () => {
		await publish(wifi("One"), "everyone", "updateAfterDays: 1000\n");
		const device = await enrolled();
		const { notAfter } = readCertificate((device.identity as Identity).certificate);
		const expiration = device.finalProfile?.outer.PayloadExpirationDate as Date;
		expect(notAfter.getTime() - expiration.getTime()).toBe(30 * day);
	});

	it("offers the next update when a profile says so", async () => {
		await publish(wifi("One"), "everyone", "updateAfterDays: 14\n");
		const device = await enrolled();
		const expiration = device.finalProfile?.outer.PayloadExpirationDate as Date;
		const days = (expiration.getTime() - Date.now()) / day;
		expect([days > 13.9, days < 14.1]).toEqual([true, true]);
	});
});

describe("an imported schema", () => {
	const keys = [{ key: "Size", type: "integer", title: "Size", range: { max: 3 } }] as const;
	const schema = writeSchemaFile([{ type: "com.example.layout", title: "Layout", on: { iOS: {} }, keys }]);
	const templates = () => [{ name: "layout", payload: { PayloadType: "com.example.layout", Size: 4 } }];

	it("judges its types before delivery, and names them in Settings", async () => {
		await begin({ templates });
		const unknown = await enrolled();
		expect(unknown.finalProfile?.payloads[1]).not.toHaveProperty("PayloadDisplayName");
		await begin({ templates, schema });
		const device = await ota.identified({ keys: nextKey });
		await device.enrollIdentity();
		const { status, line } = await ota.refused(() => ask(device));
		expect([status, line.code, line.why]).toEqual([503, "config", expect.stringMatching(/^Template layout, Size: /)]);
		await begin({
			templates: () => templates().map((each) => ({ ...each, payload: { ...each.payload, Size: 3 } })),
			schema,
		});
		expect((await enrolled()).finalProfile?.payloads[1]).toMatchObject({ PayloadDisplayName: "Layout", Size: 3 });
	});
});

function confirm(device: DeviceSession): Promise<Response> {
	const { identity } = device;
	if (!identity) throw new Error("no identity");
	return ota.postProfile(buildDeviceResponse({ identity, attributes: { Installed: true } }));
}

describe("a confirming post", () => {
	it("is answered with 200 and nothing, and is written down once", async () => {
		const device = await enrolled();
		for (let round = 0; round < 2; round++) {
			const response = await confirm(device);
			expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 0]);
		}
		const confirmed = eventsOf(device).filter(({ event }) => event === "profile.confirmed");
		expect(confirmed).toMatchObject([{ detail: { udid: device.udid } }]);
	});

	it("is malformed before there was anything to install, and refused from an identity that does not count", async () => {
		const device = await ota.identified({ keys: nextKey });
		await device.enrollIdentity();
		expect((await ota.refused(() => confirm(device))).line).toMatchObject({ code: "malformed", status: 400 });
		await device.sendProfileRequest();
		const target = { device: device.udid };
		await ota.memory.revoke({ target, reason: 1, by: "root", now: new Date(), audit });
		expect((await ota.refused(() => confirm(device))).status).toBe(403);
	});
});

describe("policy of devices", () => {
	const refusedAt = async (step: () => Promise<unknown>) => {
		await expect(step()).rejects.toMatchObject({ status: 403, code: "policy" });
	};

	it("lets in devices of the allow list alone, and later as well", async () => {
		await begin({ policy: { devices: "listed" } });
		const device = ota.device({ keys: nextKey });
		await device.fetchRoot();
		await device.fetchProfileService();
		await refusedAt(() => device.sendDeviceResponse());
		const value = device.serialNumber.toUpperCase();
		await ota.memory.allowDevices({ devices: [{ value, note: "", createdAt: new Date(), by: "root" }], audit });
		await device.sendDeviceResponse();
		await device.enrollIdentity();
		await device.sendProfileRequest();
		await openedBy(device, await ask(device));
		await ota.memory.disallowDevices({ values: [value], audit });
		expect((await ota.refused(() => ask(device))).line).toMatchObject({ code: "policy" });
	});

	it("counts no device that is gone for good", async () => {
		await begin({ limits: { devices: 1 } });
		const lost = await enrolled();
		await refusedAt(() => ota.identified({ keys: nextKey }));
		const target = { device: lost.udid };
		await ota.memory.revoke({ target, reason: 1, by: "root", now: new Date(), audit });
		await enrolled();
	});

	it("holds for a person's download as well, and for how often", async () => {
		await begin({ policy: { devices: "listed" } });
		const device = ota.device({ keys: nextKey });
		const value = device.udid.toUpperCase();
		await ota.memory.allowDevices({ devices: [{ value, note: "", createdAt: new Date(), by: "root" }], audit });
		await device.fetchRoot();
		await device.fetchProfileService();
		await device.sendDeviceResponse();
		await device.enrollIdentity();
		await device.sendProfileRequest();
		const [found] = await ota.memory.listDevices("alice", new Date());
		const file = () => ota.request(`/devices/${found?.enrollment.id}.mobileconfig`);
		for (let round = 0; round < 20; round++) expect((await file()).status).toBe(200);
		expect((await ota.refused(file)).line).toMatchObject({ code: "rate", status: 429 });
		// The device's own updates are counted apart.
		await openedBy(device, await ask(device));
		await ota.memory.disallowDevices({ values: [value], audit });
		expect((await ota.refused(file)).line).toMatchObject({ code: "policy", status: 403 });
	});

	it("counts again when an identity is asked for: many that began at once are as many as may be", async () => {
		await begin({ limits: { devices: 1 } });
		const devices = [await ota.identified({ keys: nextKey }), await ota.identified({ keys: nextKey })];
		await devices[0]?.enrollIdentity();
		await devices[0]?.sendProfileRequest();
		await expect(devices[1]?.enrollIdentity()).rejects.toMatchObject({ failInfo: 2 });
		expect(ota.log.at(-1)).toMatchObject({ event: "scep.refused", code: "policy" });
	});

	it("holds for renewals, and for a file's client identity once the file is old", async () => {
		let groups = ["staff"];
		await begin({ policy: { groups: ["staff"] }, person: async () => ({ ...alice, groups }) });
		const device = await enrolled();
		groups = ["alumni"];
		await device.enrollClientIdentities();
		const client = [...device.clientIdentities.values()][0] as Identity;
		expect(new X509Certificate(client.certificate).issuer).toContain("Issuing CA");
		ota.clock.offset = 21 * 60_000;
		await expect(device.enrollClientIdentities()).rejects.toMatchObject({ failInfo: 2 });
		expect(eventsOf(device).at(-1)).toMatchObject({ event: "refused", detail: { code: "policy" } });
	});

	it("counts devices by person and by group", async () => {
		const policy = { devicesPerPerson: { staff: 1, vip: 0 }, devicesPerGroup: { lab: 1 } };
		await begin({ policy });
		const carol = { id: "carol", email: "carol@example.com", groups: ["staff"] };
		const dave = { id: "dave", email: "dave@example.com", groups: ["lab"] };
		const erin = { id: "erin", email: "erin@example.com", groups: ["lab", "vip"] };
		ota.person.now = carol;
		await enrolled();
		await refusedAt(() => ota.identified({ keys: nextKey }));
		ota.person.now = { ...carol, groups: ["staff", "vip"] };
		await enrolled();
		ota.person.now = dave;
		const first = await enrolled();
		ota.person.now = erin;
		await refusedAt(() => ota.identified({ keys: nextKey }));
		ota.person.now = dave;
		const { udid, serialNumber, builtIn } = first;
		await ota.identified({ udid, serialNumber, identity: builtIn, keys: nextKey });
	});
});

describe("a person's own devices", () => {
	const get = (path: string) => ota.request(path, { headers: { accept: "text/html" } });

	it("are listed, each with its configuration of today as a file that it alone can read", async () => {
		await publish(wifi("One"));
		const device = await enrolled();
		await publish(wifi("Two"));
		const page = await (await get("/devices")).text();
		expect(page).toContain(`Serial number ${device.serialNumber}`);
		const [, path = ""] = /href="([^"]+\.mobileconfig)"/.exec(page) ?? [];
		const response = await get(path);
		expect(response.headers.get("content-disposition")).toBe('attachment; filename="configuration.mobileconfig"');
		expect(wifiOf(await openedBy(device, response))).toMatchObject({ SSID_STR: "Two" });
		expect(eventsOf(device).at(-1)).toMatchObject({ event: "profile.delivered", detail: { kind: "download" } });
		await device.enrollClientIdentities();
	});

	it("are led to enroll again once their identity is near its end", async () => {
		await enrolled();
		const [found] = await ota.memory.listDevices("alice", new Date());
		ota.clock.offset = 369 * day;
		expect(await (await get("/devices")).text()).toContain("It has to be set up again");
		const file = () => get(`/devices/${found?.enrollment.id}.mobileconfig`);
		expect((await ota.refused(file)).line).toMatchObject({ code: "conflict", status: 409 });
	});

	it("are nobody else's: the file of another's device is not there", async () => {
		await enrolled();
		const [found] = await ota.memory.listDevices("alice", new Date());
		const path = `/devices/${found?.enrollment.id}.mobileconfig`;
		expect((await get(path)).status).toBe(200);
		ota.person.now = { id: "mallory", email: "mallory@example.com" };
		expect((await ota.refused(() => get(path))).status).toBe(404);
		expect(await (await get("/devices")).text()).toContain("No device has been set up with this account yet.");
		ota.person.now = null;
		const led = await get(path);
		expect([led.status, led.headers.get("location")]).toEqual([302, expect.stringContaining(encodeURIComponent(path))]);
		for (const other of ["/devices/", "/devices/../enroll.x", "/devices/a.mobileconfig", "/devices/%00.mobileconfig"]) {
			expect((await get(other)).status).not.toBe(200);
		}
	});
});
