/** Every lint has a certificate that fails it, and it alone; a good one fails none. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { lintTbs } from "../../lib/ca/lint.ts";
import { buildLeaf } from "../../lib/ca/template.ts";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { ber, oids, publicKeyInfo } from "../device/index.ts";
import { softwareKeys } from "../harness/software-keys.ts";

const day = 86_400_000;
const now = new Date("2026-11-22T12:00:00Z");
const device = publicKeyInfo(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey);
const emailProtection = "1.3.6.1.5.5.7.3.4";
let ca: X509;
beforeAll(async () => {
	ca = readCertificate(pemCertificates((await softwareKeys(now)).authorities.ca)[0] as Uint8Array);
});

interface Parts {
	version: Uint8Array;
	serial: Uint8Array;
	algorithm: Uint8Array;
	issuer: Uint8Array;
	notBefore: Date;
	notAfter: Date;
	subject: Uint8Array;
	key: Uint8Array;
	extensions: Record<string, Uint8Array | null>;
}

const basicConstraints = (...content: Uint8Array[]) =>
	ber.extension(oids.basicConstraints, ber.sequence(...content), true);
const extendedKeyUsage = (...usages: string[]) => ber.extension(oids.extKeyUsage, ber.sequence(...usages.map(ber.oid)));
const authority = (identifier: Uint8Array) =>
	ber.extension(oids.authorityKeyIdentifier, ber.sequence(ber.tlv(0x80, identifier)));

function goodParts(): Parts {
	return {
		version: ber.context(0, ber.integer(2)),
		serial: ber.integer(Uint8Array.of(0x41, 2, 3, 4, 5, 6, 7, 8)),
		algorithm: ber.algorithm(oids.sha256WithRSAEncryption),
		issuer: ca.subject,
		notBefore: now,
		notAfter: new Date(now.getTime() + 398 * day),
		subject: ber.name([["CN", "alice@example.com"]]),
		key: device,
		extensions: {
			basicConstraints: basicConstraints(),
			keyUsage: ber.keyUsage([0, 2]),
			extendedKeyUsage: extendedKeyUsage(emailProtection),
			subjectKeyIdentifier: ber.extension(oids.subjectKeyIdentifier, ber.octetString(new Uint8Array(20))),
			authorityKeyIdentifier: authority(Buffer.from(ca.subjectKeyIdentifier as string, "hex")),
		},
	};
}
function tbsOf(parts: Parts): Uint8Array {
	const extensions = Object.values(parts.extensions).filter((one) => one !== null);
	return ber.sequence(
		parts.version,
		parts.serial,
		parts.algorithm,
		parts.issuer,
		ber.sequence(ber.time(parts.notBefore), ber.time(parts.notAfter)),
		parts.subject,
		parts.key,
		...(extensions.length > 0 ? [ber.context(3, ber.sequence(...extensions))] : []),
	);
}
type Bend = () => Omit<Partial<Parts>, "extensions"> & { extensions?: Partial<Parts["extensions"]> };
/** The good parts, but for those that `bend` names. */
function bent(bend: Bend): Uint8Array {
	const [good, other] = [goodParts(), bend()];
	return tbsOf({ ...good, ...other, extensions: { ...good.extensions, ...(other.extensions as Parts["extensions"]) } });
}

/** The names of the lints that fail; the code is `internal` always. */
function failures(tbs: Uint8Array): string[] {
	try {
		lintTbs(tbs, ca);
		return [];
	} catch (error) {
		const { code, message } = error as { code: string; message: string };
		expect(code).toBe("internal");
		return message.replace("certificate fails lint: ", "").split("; ");
	}
}

describe("a good certificate", () => {
	it("fails no lint and comes back as it was", () => {
		const tbs = bent(() => ({}));
		expect(Buffer.from(lintTbs(tbs, ca).tbs)).toEqual(Buffer.from(tbs));
	});

	it.each(["identity", "client"] as const)("from the template for %s fails none", (purpose) => {
		const subject = [["CN", "alice"]] as const;
		const { tbs } = buildLeaf({ publicKeyInfo: device, purpose, subject, subjectAltName: {}, now }, ca, randomBytes);
		expect(failures(tbs)).toEqual([]);
	});
});

const issuer = "issuer is the CA's subject";
const subject = "subject is not empty and not the CA's";
const serial = "serial number is positive and of 8 to 20 octets";
const within = "validity lies within the CA's";
const length = "validity is positive and at most 398 days";
const usage = "keyUsage is digitalSignature and keyEncipherment";
const extended = "one extended key usage, clientAuth or emailProtection";
const aki = "authority key identifier is the CA's";
const algorithm = "signature algorithm is the CA's";
const late = (days: number) => () => ({ notAfter: new Date(now.getTime() + days * day) });
const extension = (name: string, value: Uint8Array | null) => () => ({ extensions: { [name]: value } });

describe("each lint", () => {
	it.each([
		["another issuer", [issuer], () => ({ issuer: ber.name([["CN", "another"]]) })],
		["an empty subject", [subject], () => ({ subject: ber.sequence() })],
		["the CA's name as subject", [subject], () => ({ subject: ca.subject })],
		["a serial number of 7 octets", [serial], () => ({ serial: ber.integer(new Uint8Array(7).fill(1)) })],
		["a serial number of 21 octets", [serial], () => ({ serial: ber.integer(new Uint8Array(21).fill(1)) })],
		["the serial number 0", [serial], () => ({ serial: ber.integer(0) })],
		["an end after the CA's", [within, length], late(3650)],
		["a beginning before the CA's", [within, length], () => ({ notBefore: new Date("2020-01-01") })],
		["400 days", [length], late(400)],
		["an end before its beginning", [length], late(-1)],
		["an end at its beginning", [length], late(0)],
		["CA:TRUE", ["CA is false"], extension("basicConstraints", basicConstraints(ber.boolean(true)))],
		["no keyUsage", [usage], extension("keyUsage", null)],
		["keyUsage with keyCertSign too", [usage], extension("keyUsage", ber.keyUsage([0, 2, 5]))],
		["keyUsage digitalSignature alone", [usage], extension("keyUsage", ber.keyUsage([0]))],
		["no extended key usage", [extended], extension("extendedKeyUsage", null)],
		["two of them", [extended], extension("extendedKeyUsage", extendedKeyUsage(emailProtection, oids.clientAuth))],
		["serverAuth", [extended], extension("extendedKeyUsage", extendedKeyUsage(oids.serverAuth))],
		["anyExtendedKeyUsage", [extended], extension("extendedKeyUsage", extendedKeyUsage("2.5.29.37.0"))],
		["no subject key identifier", ["subject key identifier"], extension("subjectKeyIdentifier", null)],
		["no authority key identifier", [aki], extension("authorityKeyIdentifier", null)],
		["another's authority key identifier", [aki], extension("authorityKeyIdentifier", authority(new Uint8Array(20)))],
		["the CA's own key", ["public key is not the CA's"], () => ({ key: ca.publicKeyInfo })],
		["SHA-1", [algorithm], () => ({ algorithm: ber.algorithm(oids.sha1WithRSAEncryption) })],
		["ECDSA under an RSA CA", [algorithm], () => ({ algorithm: ber.algorithm(oids.ecdsaWithSHA256, null) })],
	] as [string, string[], Bend][])("%s fails %j", (_what, expected, bend) => {
		expect(failures(bent(bend))).toEqual(expected);
	});

	it.each([
		["no TBSCertificate", () => ber.sequence()],
		["a negative serial number", () => bent(() => ({ serial: ber.tlv(2, Uint8Array.of(0x80, 1)) }))],
		["extensions in version 1", () => bent(() => ({ version: ber.context(0, ber.integer(0)) }))],
		["an empty version", () => bent(() => ({ version: ber.context(0) }))],
		["an extension twice", () => bent(() => ({ extensions: { again: ber.keyUsage([0, 2]) } }))],
		[
			"a keyUsage that is none",
			() => bent(() => ({ extensions: { keyUsage: ber.extension(oids.keyUsage, ber.nil()) } })),
		],
		["octets after the end", () => ber.concat([bent(() => ({})), Uint8Array.of(5, 0)])],
	] as [string, () => Uint8Array][])("%s cannot be read, and that is a fault of ours", (_what, tbs) => {
		expect(failures(tbs())).toEqual(["it cannot be read"]);
	});

	it("all that fail are named at once", () => {
		const extensions = { keyUsage: null, extendedKeyUsage: null, subjectKeyIdentifier: null };
		const tbs = bent(() => ({ ...late(3650)(), extensions }));
		expect(failures(tbs).length).toBeGreaterThanOrEqual(5);
	});
});
