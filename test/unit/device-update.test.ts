/** The emulated device after its enrollment: updates, the confirming post, files, and a rest in between. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "plist";
import {
	buildSignedData,
	DeviceSession,
	generateDeviceAuthority,
	payloadUUIDs,
	restoreDevice,
	saveDevice,
	type Transport,
	verifySignedData,
} from "../device/index.ts";
import {
	bytes,
	enrolledDevice,
	finalProfile,
	keys,
	makeWorld,
	now,
	serialNumber,
	profileType as type,
	udid,
	url,
	type Values,
	type World,
	wifi,
} from "./enrolled-device.ts";

let world: World;
beforeAll(() => {
	world = makeWorld();
});
const profile = (payloads: Values[], change: Values = {}): Uint8Array => finalProfile(world, payloads, change);

/** A device that has enrolled, and whose posts are answered so. */
function enrolled(answer: () => Response = () => new Response()): { device: DeviceSession; posts: Request[] } {
	const posts: Request[] = [];
	const transport: Transport = async (request) => {
		posts.push(request);
		return answer();
	};
	return { device: enrolledDevice(world, transport), posts };
}

const config =
	(body: Uint8Array, init: ResponseInit = {}) =>
	(): Response =>
		new Response(Buffer.from(body), { headers: { "content-type": type }, ...init });
const moved =
	(location: string | null, status = 301) =>
	(): Response =>
		new Response(null, { status, headers: location === null ? {} : { location } });
const said = async (request: Request | undefined): Promise<{ values: unknown; certificates: Uint8Array[] }> => {
	const message = new Uint8Array(await (request as Request).clone().arrayBuffer());
	const { content, certificates, signer } = verifySignedData(message, "test");
	expect(Buffer.from(signer).equals(world.identity.certificate)).toBe(true);
	return { values: parse(Buffer.from(content ?? []).toString()), certificates };
};

describe("an update", () => {
	it("is a lone profile request by the identity with its issuers, without cookies and without the challenge", async () => {
		const { device, posts } = enrolled(config(profile([wifi("Office")])));
		await device.update();
		const [post] = posts;
		expect(posts).toHaveLength(1);
		expect(post).toMatchObject({ method: "POST", url: `${url}/profile` });
		expect(Object.fromEntries(post?.headers ?? [])).toEqual({ "content-type": "application/pkcs7-signature" });
		const { values, certificates } = await said(post);
		expect(values).toEqual({
			UDID: udid,
			SERIAL: serialNumber,
			PRODUCT: "iPhone16,1",
			VERSION: "23B85",
			OS_VERSION: "26.1",
			DEVICE_NAME: "Emulated iPhone",
			LANGUAGE: "en-US",
		});
		expect(certificates).toEqual([world.identity.certificate, world.root].map((one) => new Uint8Array(one)));
	});

	it("brings another profile in the place of the one that is there", async () => {
		const clip = keys("com.apple.webClip.managed", "clip");
		const { device } = enrolled(config(profile([wifi("Lab"), clip], { PayloadUUID: "another" })));
		const before = device.finalProfile;
		const outcome = await device.update();
		expect(outcome).toEqual({ kind: "profile", profile: device.finalProfile, replaced: before });
		expect(device.finalProfile).toMatchObject({ outer: { PayloadUUID: "another" }, payloads: [wifi("Lab"), clip] });
		expect([...payloadUUIDs(device.finalProfile as never)]).toEqual([
			["wifi", "uuid of wifi"],
			["clip", "uuid of clip"],
		]);
		expect(payloadUUIDs(before as never).get("wifi")).toBe("uuid of wifi");
		expect(device.steps.map(({ step }) => step)).toEqual(["update"]);
	});

	it.each([
		["as it is", `${url}/enroll?again=7f`, `${url}/enroll?again=7f`],
		["against the post's own", "/enroll", `${url}/enroll`],
	])("leads to Safari by 301, the address read %s", async (_how, location, read) => {
		const { device, posts } = enrolled(moved(location));
		const before = device.finalProfile;
		expect(await device.update()).toEqual({ kind: "redirect", location: read });
		expect(posts).toHaveLength(1);
		expect(device.finalProfile).toBe(before);
	});

	it.each<[string, () => Response, RegExp]>([
		["another redirect", moved("/enroll", 302), /answered 302/],
		["a 308", moved("/enroll", 308), /answered 308/],
		["a 301 to nowhere", moved(null), /names no address/],
		["a 301 into an app", moved("itms-services://x"), /does not open/],
		["a 301 that names the device", moved(`/enroll?device=${serialNumber}`), /names the person or the device/],
		["a 301 that names the person", moved("/enroll?user=alice%40example.com"), /names the person or the device/],
		["no content", () => new Response(null, { status: 204 }), /answered 204/],
		["another type", () => new Response("", { headers: { "content-type": `${type}; charset=utf-8` } }), /exactly/],
		["a page", () => new Response("<p>", { headers: { "content-type": "text/html" } }), /exactly/],
	])("shows an error for %s", async (_what, answer, words) => {
		const { device } = enrolled(answer);
		await expect(device.update()).rejects.toMatchObject({ name: "DeviceError", message: expect.stringMatching(words) });
	});

	it("tells the refusal's status and code", async () => {
		const body = JSON.stringify({ code: "policy", title: "This person or device may not enroll." });
		const headers = { "content-type": "application/problem+json" };
		const { device } = enrolled(() => new Response(body, { status: 403, headers }));
		await expect(device.update()).rejects.toMatchObject({ step: "update", status: 403, code: "policy" });
	});

	it("keeps the profile that is there when the other one does not fit", async () => {
		const other = profile([wifi("Lab")], { PayloadIdentifier: "beside" });
		const stranger = buildSignedData({
			content: bytes({}),
			signers: [{ certificate: world.identity.certificate, key: world.identity.privateKey }],
			certificates: [],
			encoding: "der",
		});
		for (const [answer, words] of [
			[other, /another PayloadIdentifier/],
			[stranger, /./],
			[bytes({}), /./],
		] as const) {
			const { device } = enrolled(config(answer));
			const before = device.finalProfile;
			await expect(device.update()).rejects.toThrow(words);
			expect(device.finalProfile).toBe(before);
		}
	});

	it("is not asked for by a device that has nothing to update", async () => {
		const { device, posts } = enrolled();
		device.finalProfile = undefined;
		await expect(device.update()).rejects.toThrow(/no profile to update/);
		expect(posts).toEqual([]);
	});
});

describe("the confirming post", () => {
	it("is constant, names no device, and is signed by the identity", async () => {
		const { device, posts } = enrolled();
		await device.confirm();
		expect(posts[0]?.headers.get("content-type")).toBe("application/pkcs7-signature");
		expect((await said(posts[0])).values).toEqual({ Confirmed: true });
	});

	it("expects 200 and nothing else", async () => {
		for (const answer of [() => new Response(null, { status: 204 }), moved("/enroll")]) {
			await expect(enrolled(answer).device.confirm()).rejects.toMatchObject({ step: "confirmation" });
		}
	});
});

describe("a profile that came as a file", () => {
	it("is verified, opened and installed over the one that is there", () => {
		const { device, posts } = enrolled();
		expect(device.openDownloaded(profile([wifi("Lab")])).payloads).toEqual([wifi("Lab")]);
		expect(device.finalProfile?.payloads).toEqual([wifi("Lab")]);
		expect(posts).toEqual([]);
	});

	it("is refused when it is changed on its way, or is another profile", () => {
		const { device } = enrolled();
		const changed = profile([wifi("Lab")]);
		changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
		expect(() => device.openDownloaded(changed)).toThrow(/signature/);
		expect(() => device.openDownloaded(profile([wifi("Lab")], { PayloadIdentifier: "beside" }))).toThrow(/another/);
	});
});

describe("a saved device", () => {
	it("is the same device afterwards, which can update", async () => {
		const { device } = enrolled();
		device.clientIdentities.set("uuid of scep", world.identity);
		const text = saveDevice(device);
		const posts: Request[] = [];
		const transport: Transport = async (request) => {
			posts.push(request);
			return config(profile([wifi("Lab")]))();
		};
		const again = restoreDevice(text, { transport, now });
		for (const key of ["url", "model", "udid", "serialNumber", "user", "attributes", "finalProfile"] as const) {
			expect(again[key]).toEqual(device[key]);
		}
		expect(again.profileService).toEqual(device.profileService);
		expect(saveDevice(again)).toBe(text);
		expect(await again.update()).toMatchObject({ kind: "profile", replaced: { payloads: [wifi("Office")] } });
		expect((await said(posts[0])).values).toMatchObject({ UDID: udid, SERIAL: serialNumber });
	});

	it("does not tell afterwards what it did not tell before", () => {
		const device = new DeviceSession({
			url,
			authority: generateDeviceAuthority(),
			model: "mac",
			attributes: { IMEI: undefined, ICCID: "1" },
		});
		const again = restoreDevice(saveDevice(device));
		expect(again.attributes).toEqual(device.attributes);
		expect(again.attributes).not.toHaveProperty("IMEI");
		expect(again.model).toBe("mac");
	});

	it.each([
		["no JSON", "device"],
		["null", "null"],
		["something else", '{"form":"next-ota payload schema 1"}'],
		["a device without its keys", '{"form":"next-ota device 1"}'],
	])("is not %s", (_what, text) => {
		expect(() => restoreDevice(text)).toThrow(/no device that was saved here/);
	});
});
