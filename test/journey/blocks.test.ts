/** A person or a device that was blocked gets nothing at any step, and everything again once the block is lifted. */
import { beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { RevocationTarget } from "../../lib/ports.ts";
import { buildDeviceResponse, DeviceError, type DeviceSession, knownAttributes } from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { alice } from "../harness/ota.ts";
import { type WatchedOta, watchedOta } from "../harness/watched-ota.ts";

const nextKey = rsaKeySource();
let ota: WatchedOta;
beforeAll(async () => {
	ota = await watchedOta();
});
const audit = { at: new Date(), event: "certificate.revoked", enrollmentId: null, detail: {} };
const revoke = (target: RevocationTarget) =>
	ota.memory.revoke({ target, reason: 1, by: "root", now: new Date(), audit });
const lift = (target: RevocationTarget) => ota.memory.liftBlock({ target, by: "root", now: new Date(), audit });
/** Code and status of the refusal. */
async function refusalOf(act: () => Promise<unknown>): Promise<unknown[]> {
	const failure: unknown = await act().catch((error: unknown) => error);
	expect(failure).toBeInstanceOf(DeviceError);
	const { status, code, failInfo } = failure as DeviceError;
	return [status, code, failInfo];
}
const policy = [403, "policy", undefined];

describe("a blocked person", () => {
	let device: DeviceSession;
	let certified: DeviceSession;
	beforeEach(async () => {
		ota.person.now = { ...alice, id: `alice-${Math.random()}` };
		device = await ota.identified({ keys: nextKey });
		certified = await ota.identified({ keys: nextKey });
		await certified.enrollIdentity();
		await revoke({ person: ota.person.now.id as string });
	});

	it("cannot start, go on, or fetch a profile", async () => {
		expect((await ota.refused(() => ota.request("/enroll"))).line).toMatchObject({ code: "policy", status: 403 });
		expect(await refusalOf(() => device.sendDeviceResponse())).toEqual(policy);
		expect(await refusalOf(() => certified.sendProfileRequest())).toEqual(policy);
	});

	it("gets no certificate, for a challenge that was good", async () => {
		expect(await refusalOf(() => device.enrollIdentity())).toEqual([undefined, undefined, 2]);
		expect(ota.memory.events.at(-1)).toMatchObject({ event: "refused", detail: { code: "policy" } });
	});

	it("begins again once the block is lifted", async () => {
		expect(await lift({ person: ota.person.now?.id as string })).toBe(true);
		const again = await ota.identified({ keys: nextKey });
		await again.enrollIdentity();
		await again.sendProfileRequest();
	});
});

describe("a blocked device", () => {
	it("is refused for another person as well, by its UDID or its serial number", async () => {
		ota.person.now = { ...alice, id: "bob", email: "bob@example.com" };
		const device = await ota.identified({ keys: nextKey });
		await revoke({ device: device.serialNumber });
		ota.person.now = { ...alice, id: "carol", email: "carol@example.com" };
		const { udid, serialNumber, builtIn } = device;
		const again = ota.device({ udid, serialNumber, identity: builtIn });
		await again.fetchRoot();
		await again.fetchProfileService();
		expect(await refusalOf(() => again.sendDeviceResponse())).toEqual(policy);
		const disguised = buildDeviceResponse({
			identity: builtIn,
			attributes: { ...knownAttributes("iphone", udid, "F2LXYZ123456") },
			challenge: again.profileService?.challenge as string,
		});
		expect((await ota.postProfile(disguised)).status).toBe(403);
		expect(await lift({ device: udid })).toBe(true);
		await again.sendDeviceResponse();
		await again.enrollIdentity();
	});
});
