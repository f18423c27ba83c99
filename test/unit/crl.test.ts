/** A revocation list from its entries to its signature: openssl and pkijs read it as it was meant, the agent signs it. */
import { type KeyObject, sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { CertificateRevocationList } from "pkijs";
import { checkToBeSigned, readIssuer } from "../../hsm/agent/to-be-signed.ts";
import { buildTbsCertList, type CertListRequest, signCertList } from "../../lib/ca/crl.ts";
import { readCertificateList } from "../../lib/ca/crl-reading.ts";
import { verifyCertificateList } from "../../lib/ca/crl-verify.ts";
import type { Sign } from "../../lib/ca/proven-signature.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { toHex } from "../../lib/der/values.ts";
import { asOtaError } from "../../lib/errors.ts";
import { buildCertificate, pemOf } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { OpenSsl } from "../harness/openssl.ts";

const day = 86_400_000;
const now = new Date("2026-11-22T12:00:00Z");
const later = (days: number): Date => new Date(now.getTime() + days * day);
const openssl = new OpenSsl();
afterAll(() => openssl.remove());

interface Authority {
	ca: X509;
	key: KeyObject;
	sign: Sign;
}
const makers = {
	rsa: () => newKeyPair("rsa", { modulusLength: 2048 }).privateKey,
	"P-256": () => newKeyPair("ec", { namedCurve: "P-256" }).privateKey,
	"P-384": () => newKeyPair("ec", { namedCurve: "P-384" }).privateKey,
} as const;
type Kind = keyof typeof makers;
const kinds = Object.keys(makers) as Kind[];
const authorities = {} as Record<Kind, Authority>;
beforeAll(() => {
	for (const kind of kinds) {
		const key = makers[kind]();
		const dates = { notBefore: later(-1), notAfter: later(3650) };
		const ca = buildCertificate({ subject: [["CN", `CA ${kind}`]], key, ca: {}, keyUsage: [5, 6], ...dates });
		openssl.file(`${kind}.pem`, pemOf(ca));
		authorities[kind] = { ca: readCertificate(ca), key, sign: async (hash, message) => sign(hash, message, key) };
	}
});

const entries = [
	{ serialNumber: "05", revokedAt: later(-3), reason: 1 },
	{ serialNumber: "7f00000000000000000000000000000000000001", revokedAt: later(-2), reason: null },
	{ serialNumber: "fe", revokedAt: later(-1), reason: 0 },
	{ serialNumber: "ff01", revokedAt: later(-1), reason: 9 },
];
const requestOf = (ca: X509, more: Partial<CertListRequest> = {}): CertListRequest => ({
	ca,
	entries,
	number: 1_795_348_800,
	thisUpdate: now,
	nextUpdate: later(7),
	...more,
});
const listOf = async ({ ca, sign }: Authority, more: Partial<CertListRequest> = {}): Promise<Uint8Array> =>
	signCertList(buildTbsCertList(requestOf(ca, more)), ca, sign);
const codeOf = (run: () => unknown): string => {
	try {
		run();
		return "accepted";
	} catch (error) {
		return asOtaError(error).code;
	}
};

describe.each(kinds)("a list of a CA with %s", (kind) => {
	it("passes openssl crl -verify, which reads what was meant", async () => {
		const list = openssl.file("list.der", await listOf(authorities[kind]));
		const args = ["crl", "-inform", "DER", "-in", list, "-noout"];
		expect(() => openssl.run(...args, "-verify", "-CAfile", openssl.output(`${kind}.pem`))).not.toThrow();
		const text = openssl.run(...args, "-text");
		expect(text).toMatch(/Version 2 \(0x1\)/);
		expect(text).toMatch(/Last Update: Nov 22 12:00:00 2026 GMT\s+Next Update: Nov 29 12:00:00 2026 GMT/);
		expect(text.match(/Serial Number: \S+/g)).toEqual([
			"Serial Number: 05",
			"Serial Number: 7F00000000000000000000000000000000000001",
			"Serial Number: FE",
			"Serial Number: FF01",
		]);
		expect(text.match(/Reason Code:\s+[\w ]+/g)?.map((line) => line.split(/\s{2,}/)[1])).toEqual([
			"Key Compromise",
			"Privilege Withdrawn",
		]);
		expect(text.match(/X509v3 [\w ]+: ?(critical)?/g)?.slice(0, 2)).toEqual([
			"X509v3 Authority Key Identifier: ",
			"X509v3 CRL Number: ",
		]);
	});

	it("is DER that pkijs writes back to the same octets", async () => {
		const der = await listOf(authorities[kind]);
		const list = CertificateRevocationList.fromBER(Uint8Array.from(der));
		expect(list.revokedCertificates).toHaveLength(4);
		expect(toHex(new Uint8Array(list.toSchema(true).toBER()))).toBe(toHex(der));
	});

	it("is one that the agent lets the CA sign", () => {
		const { ca } = authorities[kind];
		const tbs = buildTbsCertList(requestOf(ca));
		expect(() => checkToBeSigned(tbs, "sha256", readIssuer(ca.der), now, "lists")).not.toThrow();
	});

	it("is read and verified by us", async () => {
		const { ca } = authorities[kind];
		const list = readCertificateList(await listOf(authorities[kind]));
		expect(() => verifyCertificateList(list, ca, now)).not.toThrow();
		expect([...list.revoked.values()]).toEqual(entries.map((entry) => ({ ...entry, reason: entry.reason || null })));
		expect([list.isRevoked("05"), list.isRevoked("06")]).toEqual([true, false]);
		expect(Number.parseInt(list.number as string, 16)).toBe(1_795_348_800);
		expect(list.authorityKeyIdentifier).toBe(ca.subjectKeyIdentifier);
	});
});

describe("a TBSCertList", () => {
	const hexOf = (more: Partial<CertListRequest>): string =>
		toHex(buildTbsCertList(requestOf(authorities.rsa.ca, more)));

	it("has each entry as X.690 writes it", () => {
		const written = hexOf({ entries: [{ serialNumber: "80", revokedAt: now, reason: 4 }] });
		const time = Buffer.from("261122120000Z").toString("hex");
		expect(written).toContain(`3023302102020080170d${time}300c300a0603551d1504030a0104`);
		const without = hexOf({ entries: [{ serialNumber: "0080", revokedAt: now, reason: 0 }] });
		expect(without).toContain(`3015301302020080170d${time}a0`);
	});

	it("without entries has no list of them", async () => {
		const list = readCertificateList(await listOf(authorities.rsa, { entries: [] }));
		expect(list.revoked.size).toBe(0);
	});

	it("writes UTCTime through 2049 and GeneralizedTime from 2050 on", async () => {
		const [last, first] = [new Date("2049-12-31T23:59:59Z"), new Date("2050-01-01T00:00:00Z")];
		const dated = { thisUpdate: last, nextUpdate: first };
		const revoked = [last, first].map((revokedAt, at) => ({ serialNumber: `0${at + 1}`, revokedAt, reason: 5 }));
		const written = hexOf({ ...dated, entries: revoked });
		const count = (digits: string) => written.split(Buffer.from(digits).toString("hex")).length - 1;
		expect([count("491231235959Z"), count("20500101000000Z"), count("20491231")]).toEqual([2, 2, 0]);
		const list = readCertificateList(await listOf(authorities.rsa, { ...dated, entries: revoked }));
		expect([list.thisUpdate, list.nextUpdate]).toEqual([last, first]);
		expect([...list.revoked.values()]).toEqual(revoked);
	});

	it("cuts fractions of seconds", async () => {
		const list = readCertificateList(await listOf(authorities.rsa, { thisUpdate: new Date(now.getTime() + 999) }));
		expect(list.thisUpdate).toEqual(now);
	});

	it("of a CA that does not name its key has the number alone", async () => {
		const { key } = authorities.rsa;
		const ca = readCertificate(
			Buffer.from(
				openssl
					.run(
						...["req", "-x509", "-new", "-key", openssl.file("key.pem", key.export({ type: "pkcs8", format: "pem" }))],
						...["-subj", "/CN=plain", "-addext", "subjectKeyIdentifier=none", "-outform", "PEM"],
					)
					.replace(/-----[^-]+-----|\s/g, ""),
				"base64",
			),
		);
		expect(ca.subjectKeyIdentifier).toBeNull();
		const list = readCertificateList(await listOf({ ...authorities.rsa, ca }));
		expect([list.authorityKeyIdentifier, list.number]).toEqual([null, (1_795_348_800).toString(16)]);
	});

	it("of ten thousand entries is read as it was written", async () => {
		const many = Array.from({ length: 10_000 }, (_, at) => ({
			serialNumber: `40${at.toString(16).padStart(30, "0")}`,
			revokedAt: new Date(now.getTime() - at * 1000),
			reason: [null, 1, 3, 4, 5, 9][at % 6] as number | null,
		}));
		const list = readCertificateList(await listOf(authorities["P-256"], { entries: many }));
		expect([...list.revoked.values()]).toEqual(many);
	});

	it.each([
		["removeFromCRL", { entries: [{ serialNumber: "01", revokedAt: now, reason: 8 }] }],
		["reason 7", { entries: [{ serialNumber: "01", revokedAt: now, reason: 7 }] }],
		["reason 11", { entries: [{ serialNumber: "01", revokedAt: now, reason: 11 }] }],
		["no serial number", { entries: [{ serialNumber: "", revokedAt: now, reason: null }] }],
		["the serial number 0", { entries: [{ serialNumber: "00", revokedAt: now, reason: null }] }],
		["an odd serial number", { entries: [{ serialNumber: "123", revokedAt: now, reason: null }] }],
		["a serial number of 21 octets", { entries: [{ serialNumber: "01".repeat(21), revokedAt: now, reason: null }] }],
		["no number", { number: Number.NaN }],
		["a negative number", { number: -1 }],
		["no time to be valid for", { nextUpdate: now }],
	])("with %s is not written", (_what, more) => {
		expect(codeOf(() => hexOf(more))).toBe("internal");
	});
});

describe("a signature that came back", () => {
	const codeWith = async (signs: Sign): Promise<string> => {
		const { ca } = authorities.rsa;
		const signed = signCertList(buildTbsCertList(requestOf(ca)), ca, signs);
		return signed.then(
			() => "accepted",
			(error) => asOtaError(error).code,
		);
	};

	it("of another key is refused", async () => {
		expect(await codeWith(async (hash, message) => sign(hash, message, makers.rsa()))).toBe("hsm_unavailable");
	});

	it("of octets that were changed on their way is refused", async () => {
		const bend: Sign = async (hash, message) => {
			message[message.length - 1] = (message.at(-1) as number) ^ 1;
			return sign(hash, message, authorities.rsa.key);
		};
		expect(await codeWith(bend)).toBe("hsm_unavailable");
	});

	it("empty is refused", async () => {
		expect(await codeWith(async () => new Uint8Array(0))).toBe("hsm_unavailable");
	});
});
