/** How the emulated device reads the server's profiles, answers them, and what it refuses. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { build, type PlistValue, parse } from "plist";
import {
	buildCertificate,
	buildEnvelopedData,
	buildSignedData,
	DeviceError,
	type DeviceOptions,
	DeviceSession,
	describePayloads,
	generateDeviceAuthority,
	type Identity,
	openFinalProfile,
	plainValue,
	readIdentityProfile,
	readProfileService,
	type Transport,
	verifySignedData,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

type Values = { [key: string]: PlistValue };

const bytes = (value: PlistValue): Uint8Array => new Uint8Array(Buffer.from(build(value)));
const keys = (type: string, identifier: string): Values => ({
	PayloadType: type,
	PayloadVersion: 1,
	PayloadIdentifier: identifier,
	PayloadUUID: `uuid of ${identifier}`,
});
const content: Values = {
	URL: "https://ota.example.com/profile",
	DeviceAttributes: ["UDID", "SERIAL", "IMEI", "ICCID", "MAC_ADDRESS_EN0"],
	Challenge: "c0ffee",
};
const service = (change: Values = {}, inner: Values = {}): Uint8Array =>
	bytes({ ...keys("Profile Service", "a"), PayloadContent: { ...content, ...inner }, ...change });
const scepContent: Values = {
	URL: "https://ota.example.com/scep",
	Name: "Example",
	Subject: [[["O", "Example"]], [["CN", "alice"]]],
	Challenge: "s3cret",
	Keysize: 2048,
	"Key Type": "RSA",
	"Key Usage": 5,
};
const scep = (change: Values = {}): Values => ({
	...keys("com.apple.security.scep", "scep"),
	PayloadContent: { ...scepContent, ...change },
});
const identityProfile = (payloads: PlistValue): Uint8Array =>
	bytes({ ...keys("Configuration", "b"), PayloadContent: payloads });

describe("the profile service", () => {
	it("is read with its challenge as text or as data", () => {
		expect(readProfileService(service())).toMatchObject({ url: content.URL, challenge: "c0ffee" });
		expect(readProfileService(service({}, { Challenge: Uint8Array.of(1) })).challenge).toEqual(Uint8Array.of(1));
	});

	it.each<[string, Uint8Array, RegExp]>([
		["another PayloadType", service({ PayloadType: "Configuration" }), /Profile Service/],
		["no UUID", service({ PayloadUUID: "" }), /PayloadUUID/],
		["version as text", service({ PayloadVersion: "1" }), /PayloadVersion/],
		["payloads in an array", service({ PayloadContent: [content] }), /must be a dictionary/],
		["attributes that are no strings", service({}, { DeviceAttributes: [1] }), /must be strings/],
		["a number as challenge", service({}, { Challenge: 5 }), /string or data/],
		["an array as root", bytes([]), /must be a dictionary/],
		["no property list", Buffer.from("{}"), /not an XML property list/],
	])("is refused with %s", (_name, profile, words) => {
		expect(() => readProfileService(profile)).toThrow(words);
	});
});

describe("the identity profile", () => {
	it("gives its one SCEP payload", () => {
		expect(readIdentityProfile(identityProfile([scep()]))).toMatchObject({
			url: scepContent.URL,
			name: "Example",
			keySize: 2048,
			keyUsage: 5,
			challenge: "s3cret",
			subject: [
				["O", "Example"],
				["CN", "alice"],
			],
		});
	});

	it.each<[string, PlistValue, RegExp]>([
		["two payloads", [scep(), scep()], /exactly one payload/],
		["no payload", [], /exactly one payload/],
		["another payload", [{ ...scep(), PayloadType: "com.apple.security.root" }], /must be com.apple.security.scep/],
		["a key that is not RSA", [scep({ "Key Type": "ECSECPrimeRandom" })], /Key Type must be RSA/],
		["an odd key size", [scep({ Keysize: 3000 })], /Keysize/],
		["a flat subject", [scep({ Subject: [["CN", "alice"]] })], /Subject must be/],
		["a text as subject", [scep({ Subject: "CN=alice" })], /Subject must be/],
		["no challenge", [scep({ Challenge: 1 })], /would ask the person/],
		["a fingerprint in text", [scep({ CAFingerprint: "00" })], /CAFingerprint must be data/],
	])("is refused with %s", (_name, payloads, words) => {
		expect(() => readIdentityProfile(identityProfile(payloads))).toThrow(words);
	});
});

describe("the final profile", () => {
	let identity: Identity;
	beforeAll(() => {
		const { privateKey } = newKeyPair("rsa", { modulusLength: 2048 });
		const dates = { notBefore: new Date("2026-01-01"), notAfter: new Date("2036-01-01") };
		const certificate = buildCertificate({ subject: [["CN", "device"]], key: privateKey, ...dates });
		identity = { certificate, privateKey, chain: [] };
	});
	const wifi = { ...keys("com.apple.wifi.managed", "wifi"), PayloadCertificateUUID: "uuid of scep" };
	const sealed = (root: PlistValue): Uint8Array =>
		buildEnvelopedData({
			content: bytes(root),
			recipients: [identity.certificate],
			cipher: "aes-256-cbc",
			encoding: "der",
		});
	const outer = (root: PlistValue, change: Values = {}): Uint8Array =>
		bytes({
			...keys("Configuration", "outer"),
			IsEncrypted: true,
			EncryptedPayloadContent: sealed(root),
			...change,
		});

	it("is opened, and its payloads come in order", () => {
		const { payloads, outer: shell } = openFinalProfile(outer([scep(), wifi]), identity, ["C39VK7XQ0D91"]);
		expect(payloads.map((one) => one.PayloadType)).toEqual(["com.apple.security.scep", "com.apple.wifi.managed"]);
		expect(shell).not.toHaveProperty("EncryptedPayloadContent");
	});

	it("is refused when it is not as iOS needs it", () => {
		const cases: [Uint8Array, RegExp][] = [
			[outer({ payload: scep() }), /root must be an array/],
			[outer([scep()], { IsEncrypted: false }), /IsEncrypted/],
			[outer([scep()], { PayloadContent: [scep()] }), /in the clear/],
			[outer([scep()], { EncryptedPayloadContent: "text" }), /must be data/],
			[outer([scep()], { UserEmail: "x" }), /the key UserEmail/],
			[outer([scep()], { PayloadDescription: "For alice@example.com" }), /names the person/],
			[outer([wifi]), /refers to a certificate payload/],
			[outer([scep(), { ...wifi, PayloadUUID: "uuid of scep" }]), /same PayloadUUID/],
			[outer([scep(), { ...wifi, PayloadIdentifier: "scep" }]), /same PayloadIdentifier/],
			[outer([{ ...keys("com.apple.security.root", "r"), PayloadContent: Uint8Array.of(1) }]), /DER certificate/],
			[outer([scep()], { EncryptedPayloadContent: Uint8Array.of(0x30, 0) }), DeviceError as never],
		];
		for (const [profile, words] of cases) expect(() => openFinalProfile(profile, identity, ["alice@"])).toThrow(words);
	});

	it("is told without its secrets", () => {
		const { payloads } = openFinalProfile(outer([scep(), wifi]), identity);
		const text = describePayloads(payloads);
		expect(text).toContain("1. com.apple.security.scep\n");
		expect(text).toContain("      Keysize = 2048\n");
		expect(text + JSON.stringify(payloads.map((one) => plainValue(one)))).not.toContain("s3cret");
	});
});

describe("the session", () => {
	const authority = generateDeviceAuthority();
	const never: Transport = async () => {
		throw new Error("nothing may be sent");
	};
	const session = (options: Partial<DeviceOptions> = {}): DeviceSession =>
		new DeviceSession({ url: "https://ota.example.com", authority, transport: never, ...options });
	const said = (message: Uint8Array): unknown =>
		parse(Buffer.from(verifySignedData(message, "test").content ?? []).toString());

	it("answers only what was asked and what an iPhone still tells, with the challenge", () => {
		const device = session({ udid: "00008110-000A1B2C3D4E801E", serialNumber: "C39VK7XQ0D91" });
		device.profileService = readProfileService(service());
		expect(said(device.buildDeviceResponse())).toEqual({
			UDID: "00008110-000A1B2C3D4E801E",
			SERIAL: "C39VK7XQ0D91",
			IMEI: expect.stringMatching(/^\d{15}$/),
			CHALLENGE: "c0ffee",
		});
		expect(verifySignedData(device.buildDeviceResponse(), "test").certificates).toHaveLength(4);
	});

	it("plays a Mac: extra keys, an empty IMEI, a UUID, the leaf alone", () => {
		const device = session({ model: "mac" });
		device.profileService = readProfileService(service());
		expect(said(device.buildDeviceResponse())).toEqual({
			UDID: expect.stringMatching(/^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/),
			SERIAL: expect.stringMatching(/^[0-9A-Z]{12}$/),
			IMEI: "",
			NotOnConsole: false,
			UserID: expect.any(String),
			UserLongName: expect.any(String),
			UserShortName: expect.any(String),
			CHALLENGE: "c0ffee",
		});
		expect(verifySignedData(device.buildDeviceResponse(), "test").certificates).toHaveLength(1);
	});

	it("leaves the challenge out of the profile request", () => {
		const device = session();
		device.profileService = readProfileService(service());
		device.identity = device.builtIn;
		expect(said(device.buildProfileRequest())).not.toHaveProperty("CHALLENGE");
	});

	it("trusts only profiles in DER whose signer chains to the root of /CA", () => {
		const key = (): Identity["privateKey"] => newKeyPair("rsa", { modulusLength: 1024 }).privateKey;
		const dates = { notBefore: new Date("2026-01-01"), notAfter: new Date("2036-01-01") };
		const [rootKey, signerKey] = [key(), key()];
		const root = buildCertificate({ subject: [["CN", "Root"]], key: rootKey, ...dates, ca: {}, keyUsage: [5, 6] });
		const issuer = { certificate: root, privateKey: rootKey };
		const signer = buildCertificate({ subject: [["CN", "P"]], key: signerKey, issuer, ...dates, keyUsage: [0] });
		const sign = (encoding: "ber" | "der"): Uint8Array =>
			buildSignedData({
				content: service(),
				signers: [{ certificate: signer, key: signerKey }],
				certificates: [signer],
				encoding,
			});
		const device = session({ now: () => new Date("2026-11-22") });
		expect(() => device.openProfileService(sign("der"))).toThrow(/no root certificate/);
		device.root = root;
		expect(device.openProfileService(sign("der")).challenge).toBe("c0ffee");
		expect(() => device.openProfileService(sign("ber"))).toThrow(/must be DER/);
		device.root = authority.root;
		expect(() => device.openProfileService(sign("der"))).toThrow(/does not chain/);
		const late = session({ now: () => new Date("2037-01-01") });
		late.root = root;
		expect(() => late.openProfileService(sign("der"))).toThrow(/does not chain/);
	});

	it("says that the server does not answer, naming the step", async () => {
		await expect(session().fetchRoot()).rejects.toMatchObject({ name: "DeviceError", step: "CA" });
	});
});
