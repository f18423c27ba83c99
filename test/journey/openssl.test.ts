/** Second opinions on everything that the server hands out: openssl, python's plistlib, pkijs. */
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as asn1js from "asn1js";
import { ContentInfo, EnvelopedData, SignedData } from "pkijs";
import { type PlistValue, parse } from "plist";
import {
	type DeviceSession,
	discover,
	type Identity,
	openEnvelopedData,
	type PkcsReq,
	pemOf,
	readPem,
	requestFor,
	type ScepPayload,
	type Transport,
	verifySignedData,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { OpenSsl } from "../harness/openssl.ts";
import { softwareKeys } from "../harness/software-keys.ts";
import { type WatchedOta, watchedOta } from "../harness/watched-ota.ts";
import { hasPlistlib, readWithPlistlib, tagged } from "../unit/profile-plistlib.ts";

const nextKey = rsaKeySource();
const openssl = new OpenSsl();
afterAll(() => openssl.remove());

const profiles = ["profile service", "identity profile", "final profile"] as const;

/** What one journey left on the wire. */
interface Wire {
	ota: WatchedOta;
	device: DeviceSession;
	/** The signed profiles by their names. */
	profiles: Record<(typeof profiles)[number], Uint8Array>;
	caCertificates: Uint8Array;
	/** A SCEP request with its answer, and the refusal of a bent one. */
	request: PkcsReq;
	certRep: Uint8Array;
	refusal: Uint8Array;
	/** PEM files. */
	root: string;
	ca: string;
}

async function travel(name: string, caKey: "rsa" | "p-256"): Promise<Wire> {
	const ota = await watchedOta({ keys: await softwareKeys(new Date(), caKey) });
	const seen: [string, Uint8Array][] = [];
	const transport: Transport = async (request) => {
		const response = await ota.transport(request);
		seen.push([new URL(request.url).pathname, new Uint8Array(await response.clone().arrayBuffer())]);
		return response;
	};
	const last = (path: string): Uint8Array => seen.findLast(([at]) => at === path)?.[1] as Uint8Array;
	const device = ota.device({ transport, keys: nextKey });
	await device.fetchRoot();
	await device.fetchProfileService();
	await device.sendDeviceResponse();
	const identityProfile = last("/profile");
	await device.enrollIdentity();
	await device.sendProfileRequest();
	const [der, pem] = [openssl.file(`${name}.CA`, last("/CA")), openssl.output(`${name}-root.pem`)];
	openssl.run("x509", "-inform", "DER", "-in", der, "-out", pem);
	const spare = await ota.identified();
	const payload = spare.identityPayload as ScepPayload;
	const server = await discover({ transport, payload });
	const request = requestFor(payload, server, nextKey(), "iphone");
	const post = async (message: Uint8Array) => new Uint8Array(await (await ota.postScep(message)).arrayBuffer());
	return {
		ota,
		device,
		profiles: {
			"profile service": last("/enroll"),
			"identity profile": identityProfile,
			"final profile": last("/profile"),
		},
		caCertificates: new Uint8Array(await (await ota.request("/scep?operation=GetCACert")).arrayBuffer()),
		request,
		certRep: await post(request.message),
		refusal: await post(requestFor(payload, server, nextKey(), "iphone", { messageType: "18" }).message),
		root: pem,
		ca: openssl.file(`${name}-ca.pem`, ota.keys.authorities.ca),
	};
}

const wires = new Map<string, Wire>();
beforeAll(async () => {
	for (const caKey of ["rsa", "p-256"] as const) wires.set(caKey, await travel(caKey, caKey));
});

describe.each(["rsa", "p-256"] as const)("with an issuing CA on %s, openssl", (caKey) => {
	const wire = (): Wire => wires.get(caKey) as Wire;
	const file = (name: string, content: Uint8Array): string =>
		openssl.file(`${caKey}-${name.replaceAll(" ", "-")}`, content);
	/** cms -verify against the root alone; the content. */
	function verified(name: string, message: Uint8Array): Buffer {
		const out = openssl.output(`${caKey}-content`);
		openssl.run("cms", "-verify", "-inform", "DER", "-in", file(name, message), "-CAfile", wire().root, "-out", out);
		return openssl.read(out);
	}
	function decrypted(name: string, message: Uint8Array, { certificate, privateKey }: Omit<Identity, "chain">): Buffer {
		const out = openssl.output(`${caKey}-plain`);
		const recipient = openssl.file(`${caKey}-recipient.pem`, pemOf(certificate));
		const key = openssl.file(`${caKey}-key.pem`, privateKey.export({ type: "pkcs8", format: "pem" }));
		const args = ["-inform", "DER", "-in", file(name, message), "-recip", recipient, "-inkey", key, "-out", out];
		openssl.run("cms", "-decrypt", ...args);
		return openssl.read(out);
	}
	const encryptedContent = (): Uint8Array => {
		const outer = parse(verified("final", wire().profiles["final profile"]).toString("utf8")) as Record<
			string,
			PlistValue
		>;
		return outer.EncryptedPayloadContent as Uint8Array;
	};

	it.each(profiles)("verifies the %s with the root of /CA", (name) => {
		const content = verified(name, wire().profiles[name]);
		expect(content.equals(verifySignedData(wire().profiles[name], name).content as Uint8Array)).toBe(true);
		expect(content.toString("utf8")).toMatch(/^<\?xml [\s\S]*<\/plist>\s*$/);
	});

	it("refuses a profile with one bit of its content changed", () => {
		const bent = Buffer.from(wire().profiles["profile service"]);
		const at = bent.indexOf("Challenge");
		bent[at] = (bent[at] as number) ^ 1;
		expect(() => verified("bent", bent)).toThrow(/verification failure|digest failure/i);
	});

	it("decrypts the final profile with the identity's key, as the device does", () => {
		const identity = wire().device.identity as Identity;
		const plain = decrypted("enveloped", encryptedContent(), identity);
		expect(plain.equals(openEnvelopedData(encryptedContent(), identity, "final profile").content)).toBe(true);
		const payloads = parse(plain.toString("utf8")) as PlistValue[];
		expect(payloads).toHaveLength(4);
		expect(JSON.stringify(payloads)).toContain("alice@example.com");
		expect(JSON.stringify(payloads)).toContain(wire().device.serialNumber);
	});

	it("says that the final profile is encrypted with AES-256-CBC to one recipient", () => {
		const printed = openssl.run("cms", "-cmsout", "-print", "-inform", "DER", "-in", file("e", encryptedContent()));
		expect(printed).toMatch(/contentEncryptionAlgorithm:\s+algorithm: aes-256-cbc/);
		expect(printed.match(/d\.ktri:/g)).toHaveLength(1);
		expect(printed).toMatch(/keyEncryptionAlgorithm:\s+algorithm: rsaEncryption/);
	});

	it("accepts every certificate, strictly", async () => {
		const { device, ota, root, ca } = wire();
		await device.enrollClientIdentities();
		const client = [...device.clientIdentities.values()][0] as Identity;
		const leaves = [
			(device.identity as Identity).certificate,
			client.certificate,
			...[ota.keys.authorities.ra, ota.keys.authorities.profile].flatMap(readPem),
		];
		for (const leaf of leaves) {
			const path = openssl.file(`${caKey}-leaf.pem`, pemOf(leaf));
			expect(openssl.run("verify", "-x509_strict", "-CAfile", root, "-untrusted", ca, path)).toContain(": OK");
		}
		expect(openssl.run("verify", "-x509_strict", "-CAfile", root, ca)).toContain(": OK");
		const forClients = openssl.file(`${caKey}-client.pem`, pemOf(client.certificate));
		const args = ["-x509_strict", "-purpose", "sslclient", "-CAfile", root, "-untrusted", ca, forClients];
		expect(openssl.run("verify", ...args)).toContain(": OK");
	});

	it("verifies and opens a CertRep", () => {
		const { request, certRep } = wire();
		const inner = verified("certrep", certRep);
		const certificates = decrypted("certrep-enveloped", inner, request.signer);
		const printed = openssl.run("pkcs7", "-inform", "DER", "-in", file("p7", certificates), "-print_certs");
		expect(printed.match(/BEGIN CERTIFICATE/g)).toHaveLength(1);
		const [issued] = readPem(printed) as [Uint8Array];
		expect(new X509Certificate(issued).subject).toContain("CN=alice@example.com");
	});

	it("verifies a FAILURE, whose content is empty", () => {
		expect(verified("refusal", wire().refusal)).toHaveLength(0);
	});

	it("lists the certificates of GetCACert: RA, issuing CA, root", () => {
		const path = file("cacert", wire().caCertificates);
		const printed = openssl.run("pkcs7", "-inform", "DER", "-in", path, "-print_certs");
		const { ra, ca, root } = wire().ota.keys.authorities;
		const expected = [ra, ca, root].flatMap(readPem).map((der) => new X509Certificate(der).fingerprint256);
		expect(readPem(printed).map((der) => new X509Certificate(der).fingerprint256)).toEqual(expected);
	});

	const messages = (): Record<string, Uint8Array> => ({
		...wire().profiles,
		enveloped: encryptedContent(),
		GetCACert: wire().caCertificates,
		CertRep: wire().certRep,
		FAILURE: wire().refusal,
		"issued certificate": (wire().device.identity as Identity).certificate,
	});

	it("finds one ASN.1 value and nothing after it in every message", () => {
		for (const [name, bytes] of Object.entries(messages())) {
			const printed = openssl.run("asn1parse", "-inform", "DER", "-in", file(name, bytes));
			const [, header = "", length = ""] = /^ *0:d=0 +hl=(\d) l= *(\d+) cons: SEQUENCE/.exec(printed) ?? [];
			expect([name, Number(header) + Number(length)]).toEqual([name, bytes.length]);
		}
	});

	it("agrees with pkijs, which reads every CMS message and writes the same octets", () => {
		const { "issued certificate": _, ...cms } = messages();
		for (const [name, bytes] of Object.entries(cms)) {
			const { offset, result } = asn1js.fromBER(Uint8Array.from(bytes));
			expect([name, offset]).toEqual([name, bytes.length]);
			const info = new ContentInfo({ schema: result });
			const isEnveloped = name === "enveloped";
			expect(info.contentType).toBe(`1.2.840.113549.1.7.${isEnveloped ? 3 : 2}`);
			const data = isEnveloped ? new EnvelopedData({ schema: info.content }) : new SignedData({ schema: info.content });
			if (data instanceof SignedData) expect(data.signerInfos).toHaveLength(name === "GetCACert" ? 0 : 1);
			else expect(data.recipientInfos).toHaveLength(1);
			// pkijs leaves an empty content out when it writes.
			if (name === "FAILURE") continue;
			const again = Buffer.from(new ContentInfo({ ...info, content: data.toSchema(true) }).toSchema().toBER());
			expect([name, again.equals(bytes)]).toEqual([name, true]);
		}
	});
});

(hasPlistlib ? describe : describe.skip)("python's plistlib", () => {
	it.each(profiles)("reads the same values in the %s", (name) => {
		const { content } = verifySignedData((wires.get("rsa") as Wire).profiles[name], name);
		const ours = parse(Buffer.from(content as Uint8Array).toString("utf8"));
		expect(readWithPlistlib(content as Uint8Array)).toEqual(tagged(ours));
	});

	it("reads the same values in the encrypted content", () => {
		const { profiles: signed, device } = wires.get("rsa") as Wire;
		const outer = parse(
			Buffer.from(verifySignedData(signed["final profile"], "final profile").content as Uint8Array).toString("utf8"),
		) as Record<string, PlistValue>;
		const encrypted = outer.EncryptedPayloadContent as Uint8Array;
		const { content } = openEnvelopedData(encrypted, device.identity as Identity, "final profile");
		const [type, payloads] = readWithPlistlib(content);
		expect([type, payloads]).toEqual(tagged(device.finalProfile?.payloads));
	});
});
