/** Lane L1: who may have issued a device's identity, and which leaves are refused all the same. */
import { createHash, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { appleDeviceCaKey, deniedKeys, deviceAnchors } from "../../lib/apple/anchors.ts";
import { issuerOf, judgeDeviceIdentity, judgeUdid } from "../../lib/apple/device-identity.ts";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { readPublicKey } from "../../lib/cms/signature.ts";
import { asOtaError } from "../../lib/errors.ts";
import {
	ber,
	buildCertificate,
	type CertificateOptions,
	type DeviceIdentityOptions,
	generateDeviceAuthority,
	issueDeviceIdentity,
	type Name,
	oids,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { describeCorpus } from "../vectors/corpora.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const authority = generateDeviceAuthority();
const anchors = deviceAnchors([authority.deviceCa]);
const rsa = (): KeyObject => newKeyPair("rsa", { modulusLength: 1024 }).privateKey;
const key = rsa();
const leaf = (options: DeviceIdentityOptions = {}): X509 =>
	readCertificate(issueDeviceIdentity(authority, { key, ...options }).certificate);

/** Which anchor issued it, what the judge says. */
function judged(certificate: X509, among = anchors): string {
	const anchor = issuerOf(certificate, among);
	if (anchor === null) return "issued by nobody";
	try {
		judgeDeviceIdentity(certificate, anchor);
		return `accepted under ${anchor.name}`;
	} catch (error) {
		return asOtaError(error).code;
	}
}
const accepted = "accepted under configured device CA 1";

describe("the pinned key", () => {
	it("is the one of Apple's iPhone Device CA, by its digest", () => {
		expect(sha256(appleDeviceCaKey)).toBe("13686ec675f9fd26a123adb17b5533f593cf451edd6105ae39b748277a3922e5");
	});

	it("is RSA-1024 with the exponent 65537", () => {
		expect(readPublicKey(appleDeviceCaKey).asymmetricKeyDetails).toEqual({
			modulusLength: 1024,
			publicExponent: 65_537n,
		});
	});

	it("is the only anchor unless others are configured", () => {
		expect(deviceAnchors([]).map(({ name }) => name)).toEqual(["Apple iPhone Device CA"]);
		expect(anchors.map(({ name }) => name)).toEqual(["Apple iPhone Device CA", "configured device CA 1"]);
	});
});

describe("configured roots", () => {
	const selfSigned = (options: Partial<CertificateOptions>): Uint8Array =>
		buildCertificate({
			subject: [["CN", "x"]],
			key,
			notBefore: new Date(0),
			notAfter: new Date("2040-01-01"),
			...options,
		});
	it.each([
		["no CA certificate", selfSigned({ endEntity: true })],
		["no basicConstraints", selfSigned({})],
		["text", Buffer.from("-----BEGIN CERTIFICATE-----")],
		["nothing", new Uint8Array()],
	])("with %s are a configuration fault that names the certificate", (_what, der) => {
		expect(() => deviceAnchors([authority.deviceCa, der])).toThrow(
			expect.objectContaining({ code: "config", message: expect.stringContaining("OTA_DEVICE_ROOTS: certificate 2") }),
		);
	});
});

describe("a device's leaf", () => {
	it.each([
		["as issued today", {}, accepted],
		["signed with SHA-1", { digest: "sha1" }, accepted],
		[
			"of a CA that expired in 2014, itself long over",
			{ notBefore: new Date(0), notAfter: new Date("2010-01-01") },
			accepted,
		],
		["not valid yet", { notBefore: new Date("2040-01-01"), notAfter: new Date("2041-01-01") }, accepted],
		["without an authority key identifier", { authorityKeyIdentifier: "absent" }, accepted],
		["without basicConstraints", { endEntity: false }, accepted],
		["with an extension nobody knows, not critical", { extensions: [ber.extension("1.2.3.4", ber.nil())] }, accepted],
		["that is a CA", { ca: {} }, "signer_untrusted"],
		["that is a CA with pathLen 0", { ca: { pathLen: 0 } }, "signer_untrusted"],
		["that may not sign", { keyUsage: [2] }, "signer_untrusted"],
		[
			"with an unknown critical extension",
			{ extensions: [ber.extension("1.2.3.4", ber.nil(), true)] },
			"signer_untrusted",
		],
		["with a malformed authority key identifier", { authorityKeyIdentifier: "malformed" }, "signer_untrusted"],
		[
			"with another's authority key identifier",
			{
				authorityKeyIdentifier: "absent",
				extensions: [ber.extension(oids.authorityKeyIdentifier, ber.sequence(ber.tlv(0x80, new Uint8Array(20))))],
			},
			"signer_untrusted",
		],
		[
			"with a keyUsage that is none",
			{ keyUsage: undefined, extensions: [ber.extension(oids.keyUsage, ber.nil(), true)] },
			"signer_untrusted",
		],
	] as [string, DeviceIdentityOptions, string][])("%s: %s", (_what, options, expected) => {
		expect(judged(leaf(options))).toBe(expected);
	});
});

describe("issuers that are not the anchor", () => {
	const subjectOf = (commonName: string): Name => [
		["C", "US"],
		["O", "Apple Inc."],
		["OU", "Apple iPhone"],
		["CN", commonName],
	];
	function issuedBy(subject: Name, issuerKey = rsa()): X509 {
		const certificate = buildCertificate({
			subject,
			key: issuerKey,
			notBefore: new Date("2007-04-16"),
			notAfter: new Date("2014-04-16"),
			digest: "sha1",
			keyUsage: [5, 6],
			ca: {},
		});
		return leaf({ issuer: { certificate, privateKey: issuerKey } });
	}

	it.each([
		["a self-made CA of Apple's name", issuedBy(subjectOf("Apple iPhone Device CA"))],
		["[TEST] Apple iPhone Device CA", issuedBy(subjectOf("[TEST] Apple iPhone Device CA"))],
		[
			"a self-made CA of the configured one's name",
			issuedBy([
				["C", "US"],
				["O", "Emulated Apple"],
				["CN", "Emulated Apple iPhone Device CA"],
			]),
		],
		["the right key under another name", issuedBy([["CN", "another"]], authority.deviceCaKey)],
		[
			"a self-signed leaf",
			readCertificate(
				buildCertificate({ subject: [["CN", "x"]], key, notBefore: new Date(0), notAfter: new Date("2040-01-01") }),
			),
		],
		["the configured CA's own certificate", readCertificate(authority.deviceCa)],
		["the emulated root", readCertificate(authority.root)],
	])("%s: nobody", (_what, certificate) => expect(judged(certificate)).toBe("issued by nobody"));

	it("a leaf of a leaf: nobody, for it must be issued directly", () => {
		const middle = issueDeviceIdentity(authority, { key });
		expect(judged(leaf({ issuer: middle }))).toBe("issued by nobody");
	});

	it("a leaf of the configured CA, where it is not configured: nobody", () => {
		expect(judged(leaf(), deviceAnchors([]))).toBe("issued by nobody");
	});

	it("a leaf whose signature is bent: nobody", () => {
		const der = Uint8Array.from(leaf().der);
		der[der.length - 1] = (der.at(-1) as number) ^ 1;
		expect(judged(readCertificate(der))).toBe("issued by nobody");
	});

	it("a leaf whose name was changed after signing: nobody", () => {
		const der = Buffer.from(leaf({ commonName: "AAAAAAAA" }).der);
		der.write("B", der.indexOf("AAAAAAAA"));
		expect(judged(readCertificate(der))).toBe("issued by nobody");
	});
});

describe("the UDID in a leaf of 2008", () => {
	const udid = "0123456789abcdef0123456789abcdef01234567";
	const outcome = (commonName: string, posted: string): string => {
		try {
			judgeUdid(leaf({ commonName }), posted);
			return "accepted";
		} catch (error) {
			return asOtaError(error).code;
		}
	};
	it.each([
		["is the posted one", udid, udid, "accepted"],
		["is the posted one in capitals", udid.toUpperCase(), udid, "accepted"],
		["is another's", udid, udid.replace("0", "f"), "signer_untrusted"],
		["is not there: a GUID says nothing", "8B1E2C0A-1D2E-4F30-9A4B-5C6D7E8F9011", udid, "accepted"],
		["is too short to be one", udid.slice(1), udid, "accepted"],
	])("%s", (_what, commonName, posted, expected) => expect(outcome(commonName, posted)).toBe(expected));
});

describeCorpus("certificates of Apple's own", "apple-device", (root) => {
	const file = (name: string): X509 =>
		readCertificate(pemCertificates(readFileSync(join(root, "apple-device", name), "utf8"))[0] as Uint8Array);
	const genuine = file("real-device-leaf-2024-appletv-sha256.pem");
	const leaked = file("apple-oss-spc-device-2008.pem");

	it("a genuine leaf of 2024 is accepted", () => {
		expect(judged(genuine)).toBe("accepted under Apple iPhone Device CA");
		expect(() => judgeUdid(genuine, "00008110-000A1B2C3D4E801E")).not.toThrow();
	});

	it("a genuine leaf whose private key is public is refused, although Apple's signature holds", () => {
		expect(issuerOf(leaked, anchors)?.name).toBe("Apple iPhone Device CA");
		expect(deniedKeys.has(leaked.publicKeyHash)).toBe(true);
		expect(leaked.fingerprint).toBe("b90585a5032f9cc8baad8985ebdea9017e279a757d5f652be026733a7d0c3d35");
		expect(judged(leaked)).toBe("signer_untrusted");
	});

	it("its key alone is reason enough, in whatever certificate", () => {
		const renewed = leaf({ key: leaked.publicKey });
		expect(renewed.publicKeyHash).toBe(leaked.publicKeyHash);
		expect(judged(renewed)).toBe("signer_untrusted");
	});

	it("its malformed authority key identifier alone would be reason enough", () => {
		expect(() => leaked.authorityKeyIdentifier).toThrow(expect.objectContaining({ code: "malformed" }));
	});
});
