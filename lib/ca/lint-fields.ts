/** Lints of a TBSCertificate's own fields (RFC 5280 section 4.1), by the names that zlint has for them. */
import { oids } from "../der/oids.ts";
import { tag } from "../der/reader.ts";
import { equalBytes } from "../der/values.ts";
import { algorithmIdentifier, nullValue, objectIdentifier, sequenceOf } from "../der/writer.ts";
import type { Judged, JudgedKey, Lint } from "./lint-reading.ts";

const version3 = 2;

const rsaKey: Uint8Array = algorithmIdentifier(oids.rsaEncryption, nullValue());
/** RSASSA-PSS in a SubjectPublicKeyInfo, parameters left out: only the beginning is looked at. */
const pss: Uint8Array = objectIdentifier("1.2.840.113549.1.1.10");
const rsaSignatures: readonly string[] = [oids.sha256WithRsa, oids.sha384WithRsa, oids.sha512WithRsa];
const withoutNull: readonly Uint8Array[] = rsaSignatures.map((each) => sequenceOf(objectIdentifier(each)));
const ecdsaWithNull: Uint8Array = algorithmIdentifier(oids.ecdsaWithSha256, nullValue());

const isNegative = (content: Uint8Array): boolean => (content[0] as number) >= 0x80;
const isZero = (content: Uint8Array): boolean => content.length === 1 && content[0] === 0;

const utc = ({ times }: Judged) => times.filter((each) => each.tag === tag.utcTime);
const generalized = ({ times }: Judged) => times.filter((each) => each.tag === tag.generalizedTime);

function modulusBits({ rsa }: JudgedKey): number | null {
	if (rsa === null) return null;
	const octets = rsa.modulus[0] === 0 ? rsa.modulus.subarray(1) : rsa.modulus;
	return octets.length * 8 - (octets.length > 0 ? Math.clz32(octets[0] as number) - 24 : 0);
}

export const fieldLints: readonly Lint[] = [
	{
		name: "e_cert_extensions_version_not_3",
		citation: "RFC 5280: 4.1.2.9",
		check: ({ version, extensions }) => version === version3 || extensions.size === 0,
	},
	{
		name: "e_cert_contains_unique_identifier",
		citation: "RFC 5280: 4.1.2.8",
		check: ({ hasUniqueIdentifiers }) => !hasUniqueIdentifiers,
	},
	{
		name: "e_cert_unique_identifier_version_not_2_or_3",
		citation: "RFC 5280: 4.1.2.8",
		check: ({ version, hasUniqueIdentifiers }) => !hasUniqueIdentifiers || version === 1 || version === 2,
	},
	{
		name: "e_serial_number_longer_than_20_octets",
		citation: "RFC 5280: 4.1.2.2",
		check: ({ serialNumber }) => serialNumber.length <= 20,
	},
	{
		name: "e_serial_number_not_positive",
		citation: "RFC 5280: 4.1.2.2",
		check: ({ serialNumber }) => !isNegative(serialNumber) && !isZero(serialNumber),
	},
	{
		name: "e_tbs_signature_rsa_encryption_parameter_not_null",
		citation: "RFC 4055, Section 5",
		check: ({ signatureAlgorithm }) => !withoutNull.some((each) => equalBytes(each, signatureAlgorithm)),
	},
	{
		name: "e_mp_ecdsa_signature_encoding_correct",
		citation: "Mozilla Root Store Policy / Section 5.1.2",
		check: ({ signatureAlgorithm }) => !equalBytes(signatureAlgorithm, ecdsaWithNull),
	},
	{ name: "e_issuer_field_empty", citation: "RFC 5280: 4.1.2.4", check: ({ issuer }) => issuer.length > 2 },
	{
		name: "e_validity_time_not_positive",
		citation: "lint.AWSLabs certlint",
		check: ({ begins, ends }) => ends > begins,
	},
	{
		name: "e_utc_time_does_not_include_seconds",
		citation: "RFC 5280: 4.1.2.5.1",
		check: (tbs) => utc(tbs).every(({ text }) => /^\d{12}/.test(text)),
	},
	{
		name: "e_utc_time_not_in_zulu",
		citation: "RFC 5280: 4.1.2.5.1",
		check: (tbs) => utc(tbs).every(({ text }) => text.endsWith("Z")),
	},
	{
		name: "e_generalized_time_does_not_include_seconds",
		citation: "RFC 5280: 4.1.2.5.2",
		check: (tbs) => generalized(tbs).every(({ text }) => /^\d{14}/.test(text)),
	},
	{
		name: "e_generalized_time_includes_fraction_seconds",
		citation: "RFC 5280: 4.1.2.5.2",
		check: (tbs) => generalized(tbs).every(({ text }) => !/[.,]/.test(text)),
	},
	{
		name: "e_generalized_time_not_in_zulu",
		citation: "RFC 5280: 4.1.2.5.2",
		check: (tbs) => generalized(tbs).every(({ text }) => text.endsWith("Z")),
	},
	{
		name: "e_wrong_time_format_pre2050",
		citation: "RFC 5280: 4.1.2.5",
		check: (tbs) => generalized(tbs).every(({ text }) => text >= "2050"),
	},
	{
		name: "e_spki_rsa_encryption_parameter_not_null",
		citation: "RFC 4055, Section 1.2",
		check: ({ key }) => key.rsa === null || equalBytes(key.algorithm, rsaKey),
	},
	{
		name: "e_mp_rsassa-pss_in_spki",
		citation: "Mozilla Root Store Policy / Section 5.1.1",
		check: ({ key }) => !equalBytes(key.algorithm.subarray(2, 2 + pss.length), pss),
	},
	{
		name: "e_rsa_no_public_key",
		citation: "awslabs certlint",
		check: ({ key }) => key.rsa !== null || !equalBytes(key.algorithm, rsaKey),
	},
	{
		name: "e_rsa_exp_negative",
		citation: "awslabs certlint",
		check: ({ key }) => key.rsa === null || !isNegative(key.rsa.exponent),
	},
	{
		name: "e_mp_exponent_cannot_be_one",
		citation: "Mozilla Root Store Policy / Section 5.2",
		check: ({ key }) => key.rsa === null || key.rsa.exponent.length !== 1 || key.rsa.exponent[0] !== 1,
	},
	{
		name: "e_mp_modulus_must_be_2048_bits_or_more",
		citation: "Mozilla Root Store Policy / Section 5.1",
		check: ({ key }) => (modulusBits(key) ?? 2048) >= 2048,
	},
	{
		name: "e_mp_modulus_must_be_divisible_by_8",
		citation: "Mozilla Root Store Policy / Section 5.1",
		check: ({ key }) => (modulusBits(key) ?? 0) % 8 === 0,
	},
];
