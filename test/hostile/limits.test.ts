/** Who asks too often is told so, at no cost to the others. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { DeviceSession, generateDeviceAuthority, issueDeviceIdentity } from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { alice } from "../harness/ota.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";
import { watchedOta } from "../harness/watched-ota.ts";

let keys: SoftwareKeys;
const authority = generateDeviceAuthority();
const nextKey = rsaKeySource();
beforeAll(async () => {
	keys = await softwareKeys();
});

const tally = (values: readonly unknown[]): Record<string, number> => {
	const counts: Record<string, number> = {};
	for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
	return counts;
};
const signature = { "content-type": "application/pkcs7-signature" };

describe("a person", () => {
	it("E02 who asks a thousand times gets OTA_LIMIT_ENROLL profiles, then 429, and OTA_LIMIT_LIVE live challenges", async () => {
		const ota = await watchedOta({ keys, authority });
		const answers = await Promise.all(Array.from({ length: 1000 }, () => ota.request("/enroll")));
		expect(tally(answers.map(({ status }) => status))).toEqual({ 200: 120, 429: 880 });
		expect(answers.at(-1)?.headers.get("retry-after")).toBe("60");
		expect(ota.memory.enrollments.size).toBe(120);
		const live = [...ota.memory.challenges.values()].filter(({ withdrawnAt }) => withdrawnAt === null);
		expect(live).toHaveLength(5);
		ota.person.now = { id: "bob", email: "bob@example.com" };
		expect((await ota.request("/enroll")).status).toBe(200);
	});

	it("is counted over all processes, by the database", async () => {
		const first = await watchedOta({ keys, authority, options: { limits: { enroll: 3 } } });
		const second = await watchedOta({
			keys,
			authority,
			wrapStore: () => first.store,
			options: { limits: { enroll: 3 } },
		});
		const statuses: number[] = [];
		for (const ota of [first, second, first, second, first]) statuses.push((await ota.request("/enroll")).status);
		expect(statuses).toEqual([200, 200, 200, 429, 429]);
		// A minute later the person is as good as new.
		second.clock.offset = 61_000;
		expect((await second.request("/enroll")).status).toBe(200);
	});

	it("has OTA_LIMIT_DEVICES devices, each as often as it likes", async () => {
		const ota = await watchedOta({ keys, authority, options: { limits: { devices: 1 } } });
		const enrolled = async (udid: string) => {
			const device = await ota.identified({ udid, keys: nextKey });
			await device.enrollIdentity();
			return device;
		};
		await enrolled("00008110-000A1B2C3D4E801E");
		await enrolled("00008110-000A1B2C3D4E801E");
		await expect(enrolled("00008110-FFFFFFFFFFFFFFFF")).rejects.toMatchObject({ status: 403 });
		ota.person.now = { ...alice, id: "bob", email: "bob@example.com" };
		await enrolled("00008110-FFFFFFFFFFFFFFFF");
	});
});

describe("an enrollment", () => {
	it("whose old response comes a thousand times leaves a hundred refusals in the audit", async () => {
		const ota = await watchedOta({ keys, authority });
		const device = await ota.identified();
		const response = device.buildDeviceResponse();
		ota.clock.offset = 21 * 60_000;
		const before = ota.memory.events.length;
		for (let round = 0; round < 150; round++) expect((await ota.postProfile(response)).status).toBe(410);
		expect(ota.memory.events.length - before).toBe(100);
	});
});

describe("an address", () => {
	const from = (address: string) => ({ ...signature, "x-test-address": address });
	const options = { address: (request: Request) => request.headers.get("x-test-address") };
	const garbage = Buffer.from("garbage");

	it("that was refused too often is not even read, and others are", async () => {
		const ota = await watchedOta({ keys, authority, options });
		const post = (address: string) =>
			ota.request("/profile", { method: "POST", body: garbage, headers: from(address) });
		const statuses: number[] = [];
		for (let round = 0; round < 320; round++) statuses.push((await post("192.0.2.1")).status);
		expect(tally(statuses)).toEqual({ 400: 301, 429: 19 });
		expect((await post("192.0.2.2")).status).toBe(400);
		const pki = { method: "POST", body: garbage, headers: { "x-test-address": "192.0.2.1" } };
		expect((await ota.request("/scep?operation=PKIOperation", pki)).status).toBe(429);
		// Pages and the profile service are the person's, not the address's.
		expect((await ota.request("/enroll", { headers: from("192.0.2.1") })).status).toBe(200);
	});

	it("that nobody knows is not counted", async () => {
		const ota = await watchedOta({ keys, authority });
		for (let round = 0; round < 320; round++) expect((await ota.postProfile(garbage)).status).toBe(400);
	});

	it("that was refused once is refused while all together guess by the thousand", async () => {
		const ota = await watchedOta({ keys, authority, options });
		const session = new DeviceSession({
			url: ota.url,
			transport: ota.transport,
			identity: issueDeviceIdentity(authority),
		});
		await session.fetchRoot();
		await session.fetchProfileService();
		const guess = Buffer.from(session.buildDeviceResponse({ challenge: "0".repeat(64) }));
		const post = (address: string) => ota.request("/profile", { method: "POST", body: guess, headers: from(address) });
		for (let round = 0; round <= 10_000; round++) {
			const { status } = await post(`10.0.${round >> 8}.${round & 255}`);
			if (status !== 403) throw new Error(`guess ${round} was answered ${status}`);
		}
		expect((await post("10.0.0.1")).status).toBe(429);
		expect((await post("198.51.100.7")).status).toBe(403);
	});
});
