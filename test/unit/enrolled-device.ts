/** An emulated device that has enrolled with a server of nothing but keys, and the profiles that such a server sends. */
import type { KeyObject } from "node:crypto";
import { build, type PlistValue } from "plist";
import {
	buildCertificate,
	buildEnvelopedData,
	buildSignedData,
	DeviceSession,
	generateDeviceAuthority,
	type Identity,
	readProfileService,
	type Transport,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

export type Values = { [key: string]: PlistValue };

export const url = "https://ota.example.com";
export const profileType = "application/x-apple-aspen-config";
export const now = () => new Date("2026-11-26");
export const udid = "00008110-000A1B2C3D4E801E";
export const serialNumber = "C39VK7XQ0D91";

const dates = { notBefore: new Date("2020-01-01"), notAfter: new Date("2049-01-01") };
const attributes = ["UDID", "SERIAL", "PRODUCT", "OS_VERSION", "VERSION", "DEVICE_NAME", "LANGUAGE"];
const authority = generateDeviceAuthority();

/** The keys that every payload has. */
export const keys = (payloadType: string, identifier: string): Values => ({
	PayloadType: payloadType,
	PayloadVersion: 1,
	PayloadIdentifier: identifier,
	PayloadUUID: `uuid of ${identifier}`,
});
export const wifi = (ssid: string): Values => ({
	...keys("com.apple.wifi.managed", "wifi"),
	SSID_STR: ssid,
	Password: "p4ss",
});
export const bytes = (value: PlistValue): Uint8Array => new Uint8Array(Buffer.from(build(value)));

/** What such a server has, and the one identity that it gave out. */
export interface World {
	root: Uint8Array;
	signer: { certificate: Uint8Array; key: KeyObject };
	identity: Identity;
}

export function makeWorld(): World {
	const key = (): KeyObject => newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
	const [rootKey, signerKey, deviceKey] = [key(), key(), key()];
	const root = buildCertificate({ subject: [["CN", "Root"]], key: rootKey, ...dates, ca: {}, keyUsage: [5, 6] });
	const issuer = { certificate: root, privateKey: rootKey };
	const leaf = (name: string, leafKey: KeyObject, keyUsage: number[]) =>
		buildCertificate({ subject: [["CN", name]], key: leafKey, issuer, ...dates, keyUsage });
	return {
		root,
		signer: { certificate: leaf("Profiles", signerKey, [0]), key: signerKey },
		identity: { certificate: leaf("Device", deviceKey, [0, 2]), privateKey: deviceKey, chain: [root] },
	};
}

/** A final profile as the server sends it; `change` is of its outer keys. */
export function finalProfile({ identity, signer }: World, payloads: Values[], change: Values = {}): Uint8Array {
	const recipients = [identity.certificate];
	const sealed = buildEnvelopedData({ content: bytes(payloads), recipients, cipher: "aes-256-cbc", encoding: "der" });
	const outer = { ...keys("Configuration", "outer"), IsEncrypted: true, EncryptedPayloadContent: sealed, ...change };
	return buildSignedData({
		content: bytes(outer),
		signers: [signer],
		certificates: [signer.certificate],
		encoding: "der",
	});
}

/** A device with its profile, of alice. */
export function enrolledDevice(world: World, transport: Transport, server = url): DeviceSession {
	const device = new DeviceSession({ url: server, authority, transport, now, udid, serialNumber });
	const content = { URL: `${server}/profile`, DeviceAttributes: attributes, Challenge: "c0ffee" };
	device.user = "alice";
	device.root = world.root;
	device.profileService = readProfileService(bytes({ ...keys("Profile Service", "service"), PayloadContent: content }));
	device.identity = world.identity;
	device.openFinalProfile(finalProfile(world, [wifi("Office")]));
	return device;
}
