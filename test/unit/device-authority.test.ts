/** The fake Apple CA: made once, private, and as worn out as the genuine one. */
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
	createDeviceAuthority,
	type DeviceAuthority,
	isIssuedBy,
	issueDeviceIdentity,
	loadDeviceAuthority,
	readCertificate,
	readPem,
} from "../device/index.ts";

describe("the fake Apple CA", () => {
	let dir: string;
	let authority: DeviceAuthority;
	beforeAll(() => {
		dir = mkdtempSync(join(tmpdir(), "device-authority-"));
		authority = createDeviceAuthority(join(dir, "device"));
	});
	afterAll(() => rmSync(dir, { recursive: true }));

	it("is there after the first time and stays the same", () => {
		expect(loadDeviceAuthority(join(dir, "nowhere"))).toBeNull();
		expect(createDeviceAuthority(join(dir, "device")).deviceCa).toEqual(authority.deviceCa);
		expect(loadDeviceAuthority(join(dir, "device"))?.root).toEqual(authority.root);
	});

	it("keeps its folder and its key to itself", () => {
		const mode = (path: string): number => statSync(join(dir, path)).mode & 0o777;
		expect(mode("device")).toBe(0o700);
		expect(mode("device/device-ca.key")).toBe(0o600);
		expect(readdirSync(join(dir, "device")).sort()).toEqual([
			"chain.pem",
			"device-ca.key",
			"device-ca.pem",
			"roots.pem",
		]);
	});

	it("lists only the Device CA as a direct issuer of device identities", () => {
		const roots = readPem(readFileSync(join(dir, "device/roots.pem"), "utf8"));
		expect(roots.map((one) => Buffer.from(one))).toEqual([Buffer.from(authority.deviceCa)]);
	});

	it("has a Device CA of RSA-1024 and SHA-1 that expired in 2014, under two upper CAs", () => {
		const [device, iPhone, root] = [authority.deviceCa, authority.iPhoneAuthority, authority.root].map(readCertificate);
		if (!device || !iPhone || !root) throw new Error("three certificates expected");
		expect(device.x509.publicKey.asymmetricKeyDetails?.modulusLength).toBe(1024);
		expect(Buffer.from(authority.deviceCa).includes(Buffer.from("2a864886f70d010105", "hex"))).toBe(true);
		expect(new Date(device.x509.validTo).getUTCFullYear()).toBe(2014);
		expect([isIssuedBy(device, iPhone), isIssuedBy(iPhone, root), isIssuedBy(root, root)]).toEqual([true, true, true]);
		expect(createPublicKey(authority.deviceCaKey).equals(device.x509.publicKey)).toBe(true);
	});

	it.each(["sha1", "sha256"] as const)("issues device identities signed with %s", (digest) => {
		const identity = issueDeviceIdentity(authority, { digest });
		const leaf = readCertificate(identity.certificate);
		expect(isIssuedBy(leaf, readCertificate(authority.deviceCa))).toBe(true);
		expect(leaf.ca).toBe(false);
		expect([...(leaf.keyUsage ?? [])]).toEqual([0, 2]);
		expect(leaf.x509.subject).toMatch(/^CN=[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
		expect(leaf.x509.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
		expect(identity.chain.map((one) => Buffer.from(one))).toEqual(
			[authority.deviceCa, authority.iPhoneAuthority, authority.root].map((one) => Buffer.from(one)),
		);
	});

	it("can repeat the malformed authorityKeyIdentifier of a leaked certificate", () => {
		const good = issueDeviceIdentity(authority, { serialNumber: Uint8Array.of(5) });
		const bad = issueDeviceIdentity(authority, { authorityKeyIdentifier: "malformed" });
		const identifier = (der: Uint8Array): string => {
			const at = Buffer.from(der).indexOf(Buffer.from("0603551d23", "hex"));
			return Buffer.from(der)
				.subarray(at + 5, at + 9)
				.toString("hex");
		};
		expect(identifier(good.certificate)).toBe("04183016");
		expect(identifier(bad.certificate)).toBe("04168014");
	});
});
