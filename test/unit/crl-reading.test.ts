/** Revocation lists of others: every field that may be wrong is, alone, and each refusal has its code. */
import { sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { readCertificateList } from "../../lib/ca/crl-reading.ts";
import { type FreshnessRules, revocationOf, verifyCertificateList } from "../../lib/ca/crl-verify.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import * as der from "../../lib/der/writer.ts";
import { asOtaError } from "../../lib/errors.ts";
import { buildCertificate, type CertificateOptions, ber as deviceBer } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { extension as critical, plain } from "../harness/to-be-signed.ts";

const day = 86_400_000;
const now = new Date("2026-11-22T12:00:00Z");
const later = (days: number): Date => new Date(now.getTime() + days * day);
const key = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
const dates = { notBefore: later(-1), notAfter: later(365) };
const caOf = (more: Partial<CertificateOptions> = {}): X509 =>
	readCertificate(buildCertificate({ subject: [["CN", "CA"]], key, ca: {}, keyUsage: [5, 6], ...dates, ...more }));
const ca = caOf();

const sha256WithRsa = der.algorithmIdentifier("1.2.840.113549.1.1.11", der.nullValue());
const sha1WithRsa = der.algorithmIdentifier("1.2.840.113549.1.1.5", der.nullValue());
const reason = (code: number): Uint8Array => plain("2.5.29.21", der.enumerated(code));
const entry = (serial: number, ...extensions: Uint8Array[]): Uint8Array =>
	der.sequenceOf(
		der.integer(serial),
		der.time(later(-1)),
		...(extensions.length > 0 ? [der.sequenceOf(...extensions)] : []),
	);
const number = plain("2.5.29.20", der.integer(7));

/** A list field by field, so that each can be bent. */
interface Fields {
	version: Uint8Array[];
	algorithm: Uint8Array;
	issuer: Uint8Array;
	thisUpdate: Uint8Array;
	nextUpdate: Uint8Array[];
	entries: Uint8Array[] | null;
	extensions: Uint8Array[] | null;
	rest: Uint8Array[];
	outer: Uint8Array;
	after: Uint8Array[];
}
function list(more: Partial<Fields> = {}): Uint8Array {
	const fields: Fields = {
		version: [der.integer(1)],
		algorithm: sha256WithRsa,
		issuer: ca.subject,
		thisUpdate: der.time(now),
		nextUpdate: [der.time(later(7))],
		entries: [entry(5, reason(1)), entry(6)],
		extensions: [number],
		rest: [],
		outer: more.algorithm ?? sha256WithRsa,
		after: [],
		...more,
	};
	const tbs = der.sequenceOf(
		...fields.version,
		fields.algorithm,
		fields.issuer,
		fields.thisUpdate,
		...fields.nextUpdate,
		...(fields.entries ? [der.sequenceOf(...fields.entries)] : []),
		...(fields.extensions ? [der.contextOf(0, der.sequenceOf(...fields.extensions))] : []),
		...fields.rest,
	);
	const digest = fields.algorithm === sha1WithRsa ? "sha1" : "sha256";
	return der.sequenceOf(tbs, fields.outer, der.bitString(sign(digest, tbs, key)), ...fields.after);
}

function outcome(run: () => unknown): string {
	try {
		run();
		return "accepted";
	} catch (error) {
		return asOtaError(error).code;
	}
}
const read = (more: Partial<Fields>): string => outcome(() => readCertificateList(list(more)));

describe("a revocation list", () => {
	it("is read with its entries and their reasons", () => {
		const { revoked, number, nextUpdate, isRevoked } = readCertificateList(list());
		expect([...revoked.values()]).toEqual([
			{ serialNumber: "05", revokedAt: later(-1), reason: 1 },
			{ serialNumber: "06", revokedAt: later(-1), reason: null },
		]);
		expect([number, nextUpdate, isRevoked("05"), isRevoked("07")]).toEqual(["07", later(7), true, false]);
	});

	it.each<[string, Partial<Fields>]>([
		["of version 1", { version: [], entries: [entry(5)], extensions: null }],
		["without entries", { entries: null }],
		["without extensions", { extensions: null }],
		["without nextUpdate", { nextUpdate: [] }],
		["with an unknown extension", { extensions: [number, plain("1.2.3.4", der.nullValue())] }],
		["with a critical number", { extensions: [critical("2.5.29.20", der.integer(7))] }],
		["with an entry's unknown extension", { entries: [entry(5, plain("1.2.3.4", der.nullValue()))] }],
		["with a date of invalidity", { entries: [entry(5, plain("2.5.29.24", der.generalizedTime(now)))] }],
	])("%s is read", (_what, more) => expect(read(more)).toBe("accepted"));

	it.each<[string, Partial<Fields>]>([
		["of version 1, written", { version: [der.integer(0)] }],
		["of version 3", { version: [der.integer(2)] }],
		["of version 1 with extensions", { version: [], entries: null }],
		["of version 1 with an entry's extensions", { version: [], extensions: null }],
		["with an empty list of entries", { entries: [] }],
		["with an empty list of extensions", { extensions: [] }],
		["valid for no time", { nextUpdate: [der.time(now)] }],
		["with a time too many", { nextUpdate: [der.time(later(7)), der.time(later(8))] }],
		["with a field too many", { rest: [der.nullValue()] }],
		["with a field after its signature", { after: [der.nullValue()] }],
		["with two signature algorithms", { outer: sha1WithRsa }],
		["with a serial number twice", { entries: [entry(5), entry(5)] }],
		["with a negative serial number", { entries: [der.sequenceOf(der.tlv(2, Uint8Array.of(0x80)), der.time(now))] }],
		["with an extension twice", { extensions: [number, number] }],
		["with an unknown critical extension", { extensions: [critical("1.2.3.4", der.nullValue())] }],
		["that is a delta", { extensions: [plain("2.5.29.27", der.integer(1))] }],
		["that is a critical delta", { extensions: [critical("2.5.29.27", der.integer(1))] }],
		["of a part", { extensions: [plain("2.5.29.28", der.sequenceOf())] }],
		["of a part, critical", { extensions: [critical("2.5.29.28", der.sequenceOf())] }],
		["with an entry's unknown critical extension", { entries: [entry(5, critical("1.2.3.4", der.nullValue()))] }],
		["with an entry of another issuer", { entries: [entry(5, plain("2.5.29.29", der.sequenceOf()))] }],
		["that takes an entry off", { entries: [entry(5, reason(8))] }],
		["with reason 7", { entries: [entry(5, reason(7))] }],
		["with reason 11", { entries: [entry(5, reason(11))] }],
		["with a reason that is a number", { entries: [entry(5, plain("2.5.29.21", der.integer(1)))] }],
		["with a number that is none", { extensions: [plain("2.5.29.20", der.nullValue())] }],
	])("%s is refused", (_what, more) => expect(read(more)).toBe("malformed"));

	it("that is no list is refused", () => {
		expect(outcome(() => readCertificateList(ca.der))).toBe("malformed");
		expect(outcome(() => readCertificateList(new Uint8Array(0)))).toBe("malformed");
		expect(outcome(() => readCertificateList(Buffer.concat([list(), Uint8Array.of(0)])))).toBe("malformed");
		expect(outcome(() => readCertificateList(deviceBer.indefinite(0x30, [list().subarray(4)])))).toBe("malformed");
		expect(outcome(() => readCertificateList(new Uint8Array(2 * 1024 * 1024 + 1)))).toBe("too_large");
	});
});

describe("a list that was read", () => {
	const judged = (more: Partial<Fields>, issuer: X509 = ca, rules: FreshnessRules = {}, at = now): string =>
		outcome(() => verifyCertificateList(readCertificateList(list(more)), issuer, at, rules));

	it("holds under its issuer, with cRLSign and without key usage", () => {
		expect(judged({})).toBe("accepted");
		expect(judged({}, caOf({ keyUsage: undefined }))).toBe("accepted");
		expect(judged({ extensions: [plain("2.5.29.35", der.sequenceOf())] })).toBe("accepted");
	});

	const authorityKey = (identifier: Uint8Array) =>
		plain("2.5.29.35", der.sequenceOf(der.contextPrimitive(0, identifier)));
	const other = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;

	it.each<[string, string, X509, Partial<Fields>]>([
		["under another name", "signer_untrusted", caOf({ subject: [["CN", "other"]] }), {}],
		["under a name in another case", "signer_untrusted", caOf({ subject: [["CN", "ca"]] }), {}],
		["under a CA that may not sign lists", "signer_untrusted", caOf({ keyUsage: [5] }), {}],
		["of another's key identifier", "signer_untrusted", ca, { extensions: [authorityKey(Buffer.alloc(20))] }],
		["under another key", "signature", caOf({ key: other }), {}],
		[
			"under a key of another kind",
			"signature",
			caOf({ key: newKeyPair("ec", { namedCurve: "P-256" }).privateKey }),
			{},
		],
		["signed over SHA-1", "algorithm", ca, { algorithm: sha1WithRsa }],
		["signed with an unknown algorithm", "algorithm", ca, { algorithm: der.algorithmIdentifier("1.2.3.4") }],
	])("%s is refused: %s", (_what, code, issuer, more) => expect(judged(more, issuer)).toBe(code));

	it("signed over SHA-1 is taken where that is told", () => {
		expect(judged({ algorithm: sha1WithRsa }, ca, { digests: ["sha1"] })).toBe("accepted");
	});

	it.each<[string, number, string]>([
		["before it", -1, "time"],
		["at its beginning", 0, "accepted"],
		["at its end", 7 * day, "accepted"],
		["after its end", 7 * day + 1000, "time"],
	])("is judged %s", (_what, milliseconds, expected) => {
		expect(judged({}, ca, {}, new Date(now.getTime() + milliseconds))).toBe(expected);
	});

	it("without nextUpdate is refused, unless its age is bounded", () => {
		expect(judged({ nextUpdate: [] })).toBe("time");
		expect(judged({ nextUpdate: [] }, ca, { maxAge: day }, later(1))).toBe("accepted");
		expect(judged({}, ca, { maxAge: day }, later(2))).toBe("time");
	});
});

describe("a certificate on a verified list", () => {
	const leafOf = (serial: number, more: Partial<CertificateOptions> = {}): X509 => {
		const issuer = { certificate: ca.der, privateKey: key };
		const serialNumber = Uint8Array.of(serial);
		return readCertificate(
			buildCertificate({ subject: [["CN", "leaf"]], key, issuer, serialNumber, ...dates, ...more }),
		);
	};
	const point = (...parts: Uint8Array[]) => plain("2.5.29.31", der.sequenceOf(der.sequenceOf(...parts)));
	const fullName = der.contextOf(0, der.contextOf(0, der.contextPrimitive(6, Buffer.from("http://pki/crl"))));
	const read = readCertificateList(list());

	it("is found, or is not", () => {
		expect(revocationOf(leafOf(5), read)).toEqual({ serialNumber: "05", revokedAt: later(-1), reason: 1 });
		expect(revocationOf(leafOf(7, { extensions: [point(fullName)] }), read)).toBeNull();
	});

	it.each([
		[
			"of another issuer",
			leafOf(7, { issuer: { certificate: caOf({ subject: [["CN", "b"]] }).der, privateKey: key } }),
		],
		["whose lists another signs", leafOf(7, { extensions: [point(fullName, der.contextOf(2, der.sequenceOf()))] })],
	])("%s is refused", (_what, leaf) => {
		expect(outcome(() => revocationOf(leaf, read))).toBe("signer_untrusted");
	});
});
