/** Every lint has a certificate that fails it by one bent field, and good ones fail none; zlint's names are zlint's. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { LintedTbs, lints, lintTbs } from "../../lib/ca/lint.ts";
import { buildLeaf } from "../../lib/ca/template.ts";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { ber, oids, publicKeyInfo } from "../device/index.ts";
import { softwareKeys } from "../harness/software-keys.ts";
import { describeCorpus } from "../vectors/corpora.ts";

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
	notBefore: Uint8Array;
	notAfter: Uint8Array;
	subject: Uint8Array;
	key: Uint8Array;
	/** Between the key and the extensions. */
	more: Uint8Array[];
	extensions: Record<string, Uint8Array | null>;
}

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
const utcTime = (text: string): Uint8Array => ber.tlv(23, ascii(text));
const generalizedTime = (text: string): Uint8Array => ber.tlv(24, ascii(text));
const later = (days: number): Uint8Array => ber.time(new Date(now.getTime() + days * day));
const basicConstraints = (...content: Uint8Array[]) =>
	ber.extension(oids.basicConstraints, ber.sequence(...content), true);
const keyUsage = (unused: number, ...octets: number[]) =>
	ber.extension(oids.keyUsage, ber.bitString(Uint8Array.from(octets), unused), true);
const purposes = (...usages: string[]) => ber.extension(oids.extKeyUsage, ber.sequence(...usages.map(ber.oid)));
const authority = (identifier: Uint8Array, more: Uint8Array[] = [], critical = false) =>
	ber.extension(oids.authorityKeyIdentifier, ber.sequence(ber.tlv(0x80, identifier), ...more), critical);
const theCasKey = (): Uint8Array => Buffer.from(ca.subjectKeyIdentifier as string, "hex");
const ski = (critical = false) =>
	ber.extension(oids.subjectKeyIdentifier, ber.octetString(new Uint8Array(20)), critical);
const mail = (text: string) => ber.tlv(0x81, ascii(text));
const host = (text: string) => ber.tlv(0x82, ascii(text));
const uri = (text: string) => ber.tlv(0x86, ascii(text));
const alternatives = (...names: Uint8Array[]) => ber.extension(oids.subjectAltName, ber.sequence(...names));
const point = (...names: Uint8Array[]) => ber.sequence(ber.context(0, ber.context(0, ...names)));
const lists = (...points: Uint8Array[]) => ber.extension("2.5.29.31", ber.sequence(...points));
const ocsp = "1.3.6.1.5.5.7.48.1";
const access = (method: string, location: Uint8Array) => ber.sequence(ber.oid(method), location);
const accesses = (...all: Uint8Array[]) => ber.extension("1.3.6.1.5.5.7.1.1", ber.sequence(...all));
const crl = "https://ota.example.com/crl/0123456789abcdef.crl";
const responder = access(ocsp, uri("https://ota.example.com/ocsp"));
const rsaEncryption = "1.2.840.113549.1.1.1";
const rdn = (type: string, value: Uint8Array) => ber.set(ber.sequence(ber.oid(type), value));
const rsaInfo = (modulus: Uint8Array, exponent: Uint8Array, algorithm = ber.algorithm(rsaEncryption)) =>
	ber.sequence(algorithm, ber.bitString(ber.sequence(ber.tlv(2, modulus), ber.tlv(2, exponent))));
/** A modulus of so many bits, and nothing else. */
const modulusOf = (bits: number): Uint8Array => {
	const octets = new Uint8Array(Math.ceil(bits / 8)).fill(0xff);
	octets[0] = 0xff >> (octets.length * 8 - bits);
	return bits % 8 === 0 ? ber.concat([Uint8Array.of(0), octets]) : octets;
};
const f4 = Uint8Array.of(1, 0, 1);

function goodParts(): Parts {
	return {
		version: ber.context(0, ber.integer(2)),
		serial: ber.integer(Uint8Array.of(0x41, 2, 3, 4, 5, 6, 7, 8)),
		algorithm: ber.algorithm(oids.sha256WithRSAEncryption),
		issuer: ca.subject,
		notBefore: later(0),
		notAfter: later(398),
		subject: ber.name([["CN", "alice@example.com"]]),
		key: device,
		more: [],
		extensions: {
			basicConstraints: basicConstraints(),
			keyUsage: keyUsage(5, 0xa0),
			purposes: purposes(emailProtection),
			subjectKeyIdentifier: ski(),
			authorityKeyIdentifier: authority(theCasKey()),
			alternatives: alternatives(mail("alice@example.com")),
			lists: lists(point(uri(crl))),
			accesses: accesses(responder),
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
		ber.sequence(parts.notBefore, parts.notAfter),
		parts.subject,
		parts.key,
		...parts.more,
		...(extensions.length > 0 ? [ber.context(3, ber.sequence(...extensions))] : []),
	);
}
type Bend = () => Omit<Partial<Parts>, "extensions"> & { extensions?: Partial<Parts["extensions"]> };
/** The good parts, but for those that `bend` names. */
function bent(bend: Bend): Uint8Array {
	const [good, other] = [goodParts(), bend()];
	return tbsOf({ ...good, ...other, extensions: { ...good.extensions, ...(other.extensions as Parts["extensions"]) } });
}
const extension = (name: string, value: Uint8Array | null) => () => ({ extensions: { [name]: value } });
const named = (...names: Uint8Array[]) => extension("alternatives", alternatives(...names));
const subject = (type: string, value: Uint8Array) => () => ({ subject: ber.sequence(rdn(type, value)) });
const long = (length: number) => ber.string("x".repeat(length));

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
		const tbs = bent(() => ({}));
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
		expect(failures(bent(bend)).filter((name) => name !== "ota_validity_outside_the_cas")).toEqual([]);
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

/** The lint, what else fails with it, and the bend. */
const examples: [name: string, others: string[], bend: Bend][] = [
	// RFC 5280 section 4.1
	["e_cert_extensions_version_not_3", ["ota_version_not_3"], () => ({ version: ber.context(0, ber.integer(1)) })],
	["ota_version_not_3", ["e_cert_extensions_version_not_3"], () => ({ version: ber.context(0, ber.integer(3)) })],
	["e_cert_contains_unique_identifier", [], () => ({ more: [ber.tlv(0x81, Uint8Array.of(0, 1))] })],
	[
		"e_cert_unique_identifier_version_not_2_or_3",
		["e_cert_contains_unique_identifier", "e_cert_extensions_version_not_3", "ota_version_not_3"],
		() => ({ version: ber.context(0, ber.integer(0)), more: [ber.tlv(0x82, Uint8Array.of(0, 1))] }),
	],
	["e_serial_number_longer_than_20_octets", [], () => ({ serial: ber.integer(new Uint8Array(21).fill(1)) })],
	["e_serial_number_not_positive", [], () => ({ serial: ber.tlv(2, Uint8Array.of(0x80, 2, 3, 4, 5, 6, 7, 8)) })],
	["e_serial_number_not_positive", ["ota_serial_number_shorter_than_8_octets"], () => ({ serial: ber.integer(0) })],
	["ota_serial_number_shorter_than_8_octets", [], () => ({ serial: ber.integer(new Uint8Array(7).fill(1)) })],
	[
		"e_tbs_signature_rsa_encryption_parameter_not_null",
		["ota_signature_algorithm_not_the_cas"],
		() => ({ algorithm: ber.algorithm(oids.sha256WithRSAEncryption, null) }),
	],
	[
		"e_mp_ecdsa_signature_encoding_correct",
		["ota_signature_algorithm_not_the_cas"],
		() => ({ algorithm: ber.algorithm(oids.ecdsaWithSHA256) }),
	],
	["ota_signature_algorithm_not_the_cas", [], () => ({ algorithm: ber.algorithm(oids.sha1WithRSAEncryption) })],
	["ota_signature_algorithm_not_the_cas", [], () => ({ algorithm: ber.algorithm(oids.ecdsaWithSHA256, null) })],
	["e_issuer_field_empty", ["ota_issuer_not_the_ca"], () => ({ issuer: ber.sequence() })],
	["ota_issuer_not_the_ca", [], () => ({ issuer: ber.name([["CN", "another"]]) })],
	["e_validity_time_not_positive", [], () => ({ notAfter: later(0) })],
	[
		"e_validity_time_not_positive",
		["ota_validity_longer_than_398_days", "ota_validity_outside_the_cas"],
		() => ({ notAfter: utcTime("271322000000Z") }),
	],
	["ota_validity_longer_than_398_days", [], () => ({ notAfter: later(399) })],
	["ota_validity_outside_the_cas", [], () => ({ notBefore: later(-300), notAfter: later(90) })],
	["ota_validity_outside_the_cas", [], () => ({ notBefore: later(7200), notAfter: later(7300) })],
	[
		"e_utc_time_does_not_include_seconds",
		["e_validity_time_not_positive", "ota_validity_longer_than_398_days", "ota_validity_outside_the_cas"],
		() => ({ notAfter: utcTime("2711220000Z") }),
	],
	[
		"e_utc_time_not_in_zulu",
		["e_validity_time_not_positive", "ota_validity_longer_than_398_days", "ota_validity_outside_the_cas"],
		() => ({ notAfter: utcTime("271122000000+0100") }),
	],
	[
		"e_generalized_time_does_not_include_seconds",
		["e_validity_time_not_positive", "ota_validity_longer_than_398_days", "ota_validity_outside_the_cas"],
		() => ({ notAfter: generalizedTime("205001010000Z") }),
	],
	[
		"e_generalized_time_includes_fraction_seconds",
		["e_validity_time_not_positive", "ota_validity_longer_than_398_days", "ota_validity_outside_the_cas"],
		() => ({ notAfter: generalizedTime("20500101000000.5Z") }),
	],
	[
		"e_generalized_time_not_in_zulu",
		["e_validity_time_not_positive", "ota_validity_longer_than_398_days", "ota_validity_outside_the_cas"],
		() => ({ notAfter: generalizedTime("20500101000000+0100") }),
	],
	["e_wrong_time_format_pre2050", [], () => ({ notAfter: generalizedTime("20271122000000Z") })],
	[
		"e_spki_rsa_encryption_parameter_not_null",
		[],
		() => ({ key: rsaInfo(modulusOf(2048), f4, ber.algorithm(rsaEncryption, null)) }),
	],
	[
		"e_mp_rsassa-pss_in_spki",
		["ota_public_key_not_rsa"],
		() => ({ key: rsaInfo(modulusOf(2048), f4, ber.algorithm("1.2.840.113549.1.1.10", null)) }),
	],
	[
		"e_rsa_no_public_key",
		["ota_public_key_not_rsa"],
		() => ({ key: ber.sequence(ber.algorithm(rsaEncryption), ber.bitString(new Uint8Array())) }),
	],
	["e_rsa_exp_negative", [], () => ({ key: rsaInfo(modulusOf(2048), Uint8Array.of(0x81, 0, 1)) })],
	["e_mp_exponent_cannot_be_one", [], () => ({ key: rsaInfo(modulusOf(2048), Uint8Array.of(1)) })],
	["e_mp_modulus_must_be_2048_bits_or_more", [], () => ({ key: rsaInfo(modulusOf(2040), f4) })],
	["e_mp_modulus_must_be_divisible_by_8", [], () => ({ key: rsaInfo(modulusOf(2049), f4) })],
	[
		"ota_public_key_not_rsa",
		[],
		() => ({ key: publicKeyInfo(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey) }),
	],
	["ota_public_key_is_the_cas", [], () => ({ key: ca.publicKeyInfo })],
	// The subject
	["e_subject_not_dn", [], () => ({ subject: ber.set() })],
	[
		"e_subject_empty_without_san",
		["ota_subject_empty"],
		() => ({ subject: ber.sequence(), extensions: { alternatives: null } }),
	],
	[
		"ota_subject_empty",
		["ota_extension_critical"],
		() => ({
			subject: ber.sequence(),
			extensions: { alternatives: ber.extension(oids.subjectAltName, ber.sequence(mail("a@b.c")), true) },
		}),
	],
	["ota_subject_is_the_ca", [], () => ({ subject: ca.subject })],
	["ota_subject_attribute_unknown", [], subject("2.5.4.42", ber.string("Alice"))],
	["ota_subject_attribute_empty", [], subject("2.5.4.3", ber.string(""))],
	[
		"n_multiple_subject_rdn",
		[],
		() => ({
			subject: ber.sequence(
				ber.set(ber.sequence(ber.oid("2.5.4.3"), ber.string("a")), ber.sequence(ber.oid("2.5.4.11"), ber.string("b"))),
			),
		}),
	],
	["e_subject_dn_not_printable_characters", [], subject("2.5.4.3", ber.string("a\u0007b"))],
	["e_subject_dn_not_printable_characters", [], subject("2.5.4.3", ber.tlv(12, Uint8Array.of(0xc3)))],
	["e_subject_printable_string_badalpha", [], subject("2.5.4.3", ber.string("a@b", "printable"))],
	["e_subject_dn_country_not_printable_string", [], subject("2.5.4.6", ber.string("DE"))],
	["e_subject_dn_serial_number_not_printable_string", [], subject("2.5.4.5", ber.string("1"))],
	["e_subject_dn_serial_number_max_length", [], subject("2.5.4.5", ber.string("1".repeat(65), "printable"))],
	["e_subject_common_name_max_length", [], subject("2.5.4.3", long(65))],
	["e_subject_organization_name_max_length", [], subject("2.5.4.10", long(65))],
	["e_subject_organizational_unit_name_max_length", [], subject("2.5.4.11", long(65))],
	["e_subject_locality_name_max_length", [], subject("2.5.4.7", long(129))],
	["e_subject_state_name_max_length", [], subject("2.5.4.8", long(129))],
	["e_subject_email_max_length", [], subject("1.2.840.113549.1.9.1", ber.string(`${"x".repeat(254)}@a`, "ia5"))],
	// subjectAltName
	["e_ext_san_no_entries", [], named()],
	["e_ext_san_empty_name", ["ota_san_rfc822_name_not_ia5_string"], named(mail(""))],
	["e_ext_san_empty_name", ["e_rfc_dnsname_empty_label", "ota_san_dns_name_not_a_host_name"], named(host(""))],
	["e_ext_san_rfc822_format_invalid", [], named(mail("<a@b.c>"))],
	["e_ext_san_rfc822_format_invalid", [], named(mail("a@b.c(d)"))],
	["e_ext_san_not_critical_without_subject", ["ota_subject_empty"], () => ({ subject: ber.sequence() })],
	["ota_san_other_name", [], named(uri("https://a.example/"))],
	["ota_san_rfc822_name_not_ia5_string", [], named(mail("\xe4@b.c"))],
	["e_rfc_dnsname_empty_label", ["ota_san_dns_name_not_a_host_name"], named(host("a..example"))],
	["e_rfc_dnsname_empty_label", ["ota_san_dns_name_not_a_host_name"], named(host("a.example."))],
	["e_rfc_dnsname_label_too_long", [], named(host(`${"a".repeat(64)}.example`))],
	["e_rfc_dnsname_hyphen_in_sld", ["ota_san_dns_name_not_a_host_name"], named(host("a-.example"))],
	["e_rfc_dnsname_underscore_in_sld", ["ota_san_dns_name_not_a_host_name"], named(host("a_b.example"))],
	["w_rfc_dnsname_underscore_in_trd", ["ota_san_dns_name_not_a_host_name"], named(host("a_b.c.example"))],
	["e_international_dns_name_not_unicode", [], named(host("xn--0.example"))],
	["e_ext_san_dns_name_too_long", [], named(host(`${"a.".repeat(127)}a`))],
	["e_ext_san_dns_not_ia5_string", ["ota_san_dns_name_not_a_host_name"], named(host("m\xfcller.example"))],
	["e_ext_san_space_dns_name", ["ota_san_dns_name_not_a_host_name"], named(host(" "))],
	["e_san_dns_name_includes_null_char", ["ota_san_dns_name_not_a_host_name"], named(host("a\0b.example"))],
	[
		"e_san_dns_name_starts_with_period",
		["e_rfc_dnsname_empty_label", "ota_san_dns_name_not_a_host_name"],
		named(host(".a.example")),
	],
	["e_san_bare_wildcard", ["ota_san_dns_name_not_a_host_name"], named(host("*"))],
	["e_san_wildcard_not_first", ["ota_san_dns_name_not_a_host_name"], named(host("a.*.example"))],
	["n_san_dns_name_duplicate", [], named(host("a.example"), host("a.example"))],
	["ota_san_dns_name_not_a_host_name", [], named(host("*.example"))],
	["ota_san_dns_name_not_a_host_name", [], named(host("-a.b.example"))],
	// The other extensions
	["e_ext_duplicate_extension", [], extension("again", ski())],
	["ota_extension_missing", [], extension("basicConstraints", null)],
	["ota_extension_unknown", [], extension("policies", ber.extension("2.5.29.32", ber.sequence()))],
	[
		"ota_extension_critical",
		[],
		extension("purposes", ber.extension(oids.extKeyUsage, ber.sequence(ber.oid(emailProtection)), true)),
	],
	[
		"e_basic_constraints_not_critical",
		[],
		extension("basicConstraints", ber.extension(oids.basicConstraints, ber.sequence())),
	],
	["ota_is_a_ca", [], extension("basicConstraints", basicConstraints(ber.boolean(true)))],
	["e_path_len_constraint_improperly_included", [], extension("basicConstraints", basicConstraints(ber.integer(0)))],
	[
		"e_path_len_constraint_zero_or_less",
		["e_path_len_constraint_improperly_included"],
		extension("basicConstraints", basicConstraints(ber.tlv(2, Uint8Array.of(0xff)))),
	],
	[
		"w_ext_key_usage_not_critical",
		[],
		extension("keyUsage", ber.extension(oids.keyUsage, ber.bitString(Uint8Array.of(0xa0), 5))),
	],
	["e_ext_key_usage_without_bits", ["ota_key_usage_not_of_the_purpose"], extension("keyUsage", keyUsage(0))],
	[
		"e_key_usage_incorrect_length",
		["e_key_usage_and_extended_key_usage_inconsistent", "e_rsa_allowed_ku_ee", "ota_key_usage_not_of_the_purpose"],
		extension("keyUsage", keyUsage(0, 0xa0, 1)),
	],
	["e_incorrect_ku_encoding", [], extension("keyUsage", keyUsage(4, 0xa0))],
	["e_superfluous_ku_encoding", [], extension("keyUsage", keyUsage(7, 0xa0, 0))],
	[
		"e_ext_key_usage_cert_sign_without_ca",
		["e_key_usage_and_extended_key_usage_inconsistent", "e_rsa_allowed_ku_ee", "ota_key_usage_not_of_the_purpose"],
		extension("keyUsage", keyUsage(2, 0xa4)),
	],
	["e_rsa_allowed_ku_ee", ["ota_key_usage_not_of_the_purpose"], extension("keyUsage", keyUsage(3, 0x88))],
	["ota_key_usage_not_of_the_purpose", [], extension("keyUsage", keyUsage(7, 0x80))],
	[
		"e_key_usage_and_extended_key_usage_inconsistent",
		["ota_key_usage_not_of_the_purpose"],
		extension("purposes", purposes(oids.clientAuth)),
	],
	[
		"w_eku_critical_improperly",
		["ota_extension_critical", "ota_purpose_not_one_of_ours"],
		extension("purposes", ber.extension(oids.extKeyUsage, ber.sequence(ber.oid("2.5.29.37.0")), true)),
	],
	["ota_purpose_not_one_of_ours", [], extension("purposes", purposes(emailProtection, oids.clientAuth))],
	["ota_purpose_not_one_of_ours", [], extension("purposes", purposes(oids.serverAuth))],
	["ota_purpose_not_one_of_ours", [], extension("purposes", purposes("2.5.29.37.0"))],
	["ota_purpose_not_one_of_ours", [], extension("purposes", purposes("1.3.6.1.5.5.7.3.9"))],
	["e_ext_subject_key_identifier_critical", ["ota_extension_critical"], extension("subjectKeyIdentifier", ski(true))],
	["w_ext_subject_key_identifier_missing_sub_cert", ["ota_extension_missing"], extension("subjectKeyIdentifier", null)],
	[
		"e_ext_authority_key_identifier_critical",
		["ota_extension_critical"],
		() => ({ extensions: { authorityKeyIdentifier: authority(theCasKey(), [], true) } }),
	],
	[
		"e_ext_authority_key_identifier_no_key_identifier",
		["ota_authority_key_identifier_not_the_cas"],
		extension("authorityKeyIdentifier", null),
	],
	[
		"e_mp_authority_key_identifier_correct",
		[],
		() => ({
			extensions: {
				authorityKeyIdentifier: authority(theCasKey(), [
					ber.context(1, ber.context(4, ca.subject)),
					ber.tlv(0x82, Uint8Array.of(1)),
				]),
			},
		}),
	],
	["ota_authority_key_identifier_not_the_cas", [], extension("authorityKeyIdentifier", authority(new Uint8Array(20)))],
	[
		"w_ext_crl_distribution_marked_critical",
		["ota_extension_critical"],
		extension("lists", ber.extension("2.5.29.31", ber.sequence(point(uri(crl))), true)),
	],
	[
		"e_distribution_point_incomplete",
		["ota_crl_not_one_address", "w_distribution_point_missing_ldap_or_uri"],
		extension("lists", lists(ber.sequence(ber.tlv(0x81, Uint8Array.of(0, 1))))),
	],
	[
		"w_distribution_point_missing_ldap_or_uri",
		["ota_crl_not_one_address"],
		extension("lists", lists(point(host("a.example")))),
	],
	["ota_crl_not_one_address", [], extension("lists", lists(point(uri(crl), uri(crl))))],
	["ota_crl_not_one_address", [], extension("lists", lists(point(uri(crl)), point(uri(crl))))],
	[
		"ota_crl_not_one_address",
		[],
		extension(
			"lists",
			lists(ber.sequence(ber.context(0, ber.context(0, uri(crl))), ber.tlv(0x81, Uint8Array.of(0, 1)))),
		),
	],
	["ota_crl_not_one_address", [], extension("lists", lists(point(uri("ldap://a.example/"))))],
	["ota_crl_not_one_address", [], extension("lists", lists(point(uri("https://a b/"))))],
	[
		"e_ext_aia_marked_critical",
		["ota_extension_critical"],
		extension("accesses", ber.extension("1.3.6.1.5.5.7.1.1", ber.sequence(responder), true)),
	],
	["ota_ocsp_not_one_address", [], extension("accesses", accesses())],
	["ota_ocsp_not_one_address", [], extension("accesses", accesses(responder, responder))],
	["ota_ocsp_not_one_address", [], extension("accesses", accesses(access("1.3.6.1.5.5.7.48.2", uri(crl))))],
	["ota_ocsp_not_one_address", [], extension("accesses", accesses(access(ocsp, host("a.example"))))],
];

describe("each lint", () => {
	it.each(examples)("%s is failed, with %j", (name, others, bend) => {
		expect(failures(bent(bend))).toEqual([name, ...others].sort());
	});

	it("has an example", () => {
		expect(new Set(examples.map(([name]) => name))).toEqual(new Set(lints.map(({ name }) => name)));
		expect(new Set(lints.map(({ name }) => name)).size).toBe(lints.length);
	});
});

describe("what no lint has a name for", () => {
	it.each([
		["no TBSCertificate", () => ber.sequence()],
		["an empty version", () => bent(() => ({ version: ber.context(0) }))],
		["a keyUsage that is none", () => bent(extension("keyUsage", ber.extension(oids.keyUsage, ber.nil())))],
		["extensions that are empty", () => bent(() => ({ more: [ber.context(3, ber.sequence())], extensions: none }))],
		["critical FALSE", () => bent(extension("keyUsage", ber.sequence(ber.oid(oids.keyUsage), ber.boolean(false))))],
		["cA FALSE", () => bent(extension("basicConstraints", basicConstraints(ber.boolean(false))))],
		["a key that is none", () => bent(() => ({ key: ber.sequence(ber.algorithm(rsaEncryption), ber.nil()) }))],
		["an RSA key of one number", () => bent(() => ({ key: ber.sequence(ber.algorithm(rsaEncryption), oneNumber) }))],
		["a field after the extensions", () => bent(() => ({ more: [ber.context(3, ber.sequence(ski()))] }))],
		["octets after the end", () => ber.concat([bent(() => ({})), Uint8Array.of(5, 0)])],
	] as [string, () => Uint8Array][])("cannot be read, and that is a fault of ours: %s", (_what, tbs) => {
		expect(failures(tbs())).toEqual(["it cannot be read"]);
	});
});

describe("lintTbs", () => {
	it("names all that fail at once", () => {
		const extensions = { keyUsage: null, purposes: null, subjectKeyIdentifier: null };
		expect(failures(bent(() => ({ notAfter: later(3650), extensions })))).toEqual([
			"ota_extension_missing",
			"ota_purpose_not_one_of_ours",
			"ota_validity_longer_than_398_days",
			"ota_validity_outside_the_cas",
			"w_ext_subject_key_identifier_missing_sub_cert",
		]);
	});

	it("is the only way to a LintedTbs: its constructor lints as well", () => {
		const unfit = bent(() => ({ serial: ber.integer(0) }));
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
