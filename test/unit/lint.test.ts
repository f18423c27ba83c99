/** Every lint has a certificate that fails it by one bent field, and good ones fail none; zlint's names are zlint's. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { LintedTbs, lints, lintTbs } from "../../lib/ca/lint.ts";
import { buildLeaf } from "../../lib/ca/template.ts";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { ber, oids } from "../device/index.ts";
import {
	alternatives,
	type Bend,
	basicConstraints,
	bent,
	crl,
	device,
	extension,
	generalizedTime,
	host,
	keyUsage,
	later,
	now,
	purposes,
	rsaEncryption,
	ski,
	utcTime,
} from "../harness/bent-certificate.ts";
import { lintExamples } from "../harness/lint-examples.ts";
import { softwareKeys } from "../harness/software-keys.ts";
import { describeCorpus } from "../vectors/corpora.ts";

let ca: X509;
beforeAll(async () => {
	ca = readCertificate(pemCertificates((await softwareKeys(now)).authorities.ca)[0] as Uint8Array);
});

/** The names of the lints that fail; the code is `internal` always. */
function failures(tbs: Uint8Array): string[] {
	try {
		lintTbs(tbs, ca);
		return [];
	} catch (error) {
		const { code, message } = error as { code: string; message: string };
		expect(code).toBe("internal");
		return message.replace("certificate fails lint: ", "").split("; ").sort();
	}
}

describe("a good certificate", () => {
	it("fails no lint and comes back as it was", () => {
		const tbs = bent(ca, () => ({}));
		expect(Buffer.from(lintTbs(tbs, ca).tbs)).toEqual(Buffer.from(tbs));
	});

	const machine = { purposes: purposes(oids.clientAuth), keyUsage: keyUsage(7, 0x80) };
	const attributes = ["C", "ST", "L", "O", "OU", "CN"].map((type) => [type, type === "C" ? "DE" : "é".repeat(64)]);
	it.each([
		[
			"of a machine with two names",
			() => ({
				extensions: { ...machine, alternatives: alternatives(host("a-b.example"), host("xn--mller-kva.example")) },
			}),
		],
		["of one label", () => ({ extensions: { ...machine, alternatives: alternatives(host("printer-7")) } })],
		["without addresses", () => ({ extensions: { alternatives: null, lists: null, accesses: null } })],
		[
			"with a subject of many attributes, as long as they may be",
			() => ({ subject: ber.name(attributes as [string, string][]) }),
		],
		[
			"that ends in 2050",
			() => ({ notBefore: utcTime("491231000000Z"), notAfter: generalizedTime("20500101000000Z") }),
		],
	] as [string, Bend][])("%s fails none but for the CA's own end", (_what, bend) => {
		expect(failures(bent(ca, bend)).filter((name) => name !== "ota_validity_outside_the_cas")).toEqual([]);
	});

	it.each(["identity", "client", "machine"] as const)("from the template for %s fails none", (purpose) => {
		const revocation = { crl, ocsp: "https://ota.example.com/ocsp" };
		const names = [["CN", "alice"]] as const;
		const request = { publicKeyInfo: device, purpose, subject: names, now, revocation };
		for (const subjectAltName of [{}, { rfc822Name: "a@b.c" }, { dNSName: ["a.example", "b.example"] }]) {
			expect(failures(buildLeaf({ ...request, subjectAltName }, ca, randomBytes).tbs)).toEqual([]);
		}
	});
});

const none = Object.fromEntries(
	"basicConstraints keyUsage purposes subjectKeyIdentifier authorityKeyIdentifier alternatives lists accesses"
		.split(" ")
		.map((name) => [name, null]),
);
const oneNumber = ber.bitString(ber.sequence(ber.integer(1)));

describe("each lint", () => {
	it.each(lintExamples)("%s is failed, with %j", (name, others, bend) => {
		expect(failures(bent(ca, bend))).toEqual([name, ...others].sort());
	});

	it("has an example", () => {
		expect(new Set(lintExamples.map(([name]) => name))).toEqual(new Set(lints.map(({ name }) => name)));
		expect(new Set(lints.map(({ name }) => name)).size).toBe(lints.length);
	});
});

describe("what no lint has a name for", () => {
	it.each([
		["no TBSCertificate", () => ber.sequence()],
		["an empty version", () => bent(ca, () => ({ version: ber.context(0) }))],
		["a keyUsage that is none", () => bent(ca, extension("keyUsage", ber.extension(oids.keyUsage, ber.nil())))],
		["extensions that are empty", () => bent(ca, () => ({ more: [ber.context(3, ber.sequence())], extensions: none }))],
		["critical FALSE", () => bent(ca, extension("keyUsage", ber.sequence(ber.oid(oids.keyUsage), ber.boolean(false))))],
		["cA FALSE", () => bent(ca, extension("basicConstraints", basicConstraints(ber.boolean(false))))],
		["a key that is none", () => bent(ca, () => ({ key: ber.sequence(ber.algorithm(rsaEncryption), ber.nil()) }))],
		[
			"an RSA key of one number",
			() => bent(ca, () => ({ key: ber.sequence(ber.algorithm(rsaEncryption), oneNumber) })),
		],
		["a field after the extensions", () => bent(ca, () => ({ more: [ber.context(3, ber.sequence(ski()))] }))],
		["octets after the end", () => ber.concat([bent(ca, () => ({})), Uint8Array.of(5, 0)])],
	] as [string, () => Uint8Array][])("cannot be read, and that is a fault of ours: %s", (_what, tbs) => {
		expect(failures(tbs())).toEqual(["it cannot be read"]);
	});
});

describe("lintTbs", () => {
	it("names all that fail at once", () => {
		const extensions = { keyUsage: null, purposes: null, subjectKeyIdentifier: null };
		expect(failures(bent(ca, () => ({ notAfter: later(3650), extensions })))).toEqual([
			"ota_extension_missing",
			"ota_purpose_not_one_of_ours",
			"ota_validity_longer_than_398_days",
			"ota_validity_outside_the_cas",
			"w_ext_subject_key_identifier_missing_sub_cert",
		]);
	});

	it("is the only way to a LintedTbs: its constructor lints as well", () => {
		const unfit = bent(ca, () => ({ serial: ber.integer(0) }));
		expect(() => new LintedTbs(unfit, ca)).toThrow("certificate fails lint: e_serial_number_not_positive");
	});
});

describeCorpus("zlint's list of lints", "zlint", (root) => {
	interface Listed {
		name: string;
		citation: string;
		source: string;
	}
	const listed: Listed[] = JSON.parse(readFileSync(join(root, "zlint", "lints-v3.6.0.json"), "utf8"));
	const waivers: { notApplicable: { reason: string; lints: string[] }[] } = JSON.parse(
		readFileSync(new URL("../vectors/lint-waivers.json", import.meta.url), "utf8"),
	);
	const theirs = lints.map(({ name }) => name).filter((name) => !name.startsWith("ota_"));
	const waived = waivers.notApplicable.flatMap(({ lints: names }) => names);

	it("has every name that we borrow or waive", () => {
		const names = listed.map(({ name }) => name);
		expect(names).toHaveLength(328);
		expect([...theirs, ...waived].filter((name) => !names.includes(name))).toEqual([]);
	});

	it("has the citations that we give", () => {
		const citations = new Map(listed.map(({ name, citation }) => [name, citation]));
		const ours = lints.filter(({ name, citation }) => theirs.includes(name) && citations.get(name) !== citation);
		// X.690 in a sentence, where zlint quotes the paragraphs.
		expect(ours.map(({ name }) => name)).toEqual(["e_incorrect_ku_encoding", "e_superfluous_ku_encoding"]);
	});

	it("has no error of RFC 5280's that is neither looked for nor waived with a reason, once", () => {
		const errors = listed.filter(({ name, source }) => source === "RFC5280" && name.startsWith("e_"));
		expect(errors.length).toBeGreaterThan(90);
		const answered = [...theirs, ...waived];
		expect(errors.map(({ name }) => name).filter((name) => !answered.includes(name))).toEqual([]);
		expect(new Set(answered).size).toBe(answered.length);
		expect(waivers.notApplicable.filter(({ reason }) => reason.length < 20)).toEqual([]);
	});
});
