/**
 * Lints of the subject and of subjectAltName (RFC 5280 sections 4.1.2.6 and 4.2.1.6, upper bounds of appendix A.1), by the
 * names that zlint has for them.
 */
import { nameAttributes } from "../der/oids.ts";
import { tag } from "../der/reader.ts";
import { type JudgedAttribute, type Lint, latin1, rfc822Name } from "./lint-reading.ts";

/** Every attribute of this type. */
const every = (type: string, isGood: (attribute: JudgedAttribute) => boolean): Lint["check"] => {
	const dotted = nameAttributes[type];
	return ({ attributes }) => attributes.every((each) => each.type !== dotted || isGood(each));
};

/** Upper bounds count characters; octets of what is no text. */
const fits = ({ text, octets }: JudgedAttribute, most: number): boolean =>
	octets <= most || (text !== null && [...text].length <= most);

const maxLength = (name: string, citation: string, type: string, most: number): Lint => ({
	name,
	citation,
	check: every(type, (attribute) => fits(attribute, most)),
});

const isPrintableString = (attribute: JudgedAttribute): boolean => attribute.tag === tag.printableString;

const subjectLints: readonly Lint[] = [
	{ name: "e_subject_not_dn", citation: "RFC 5280: 4.1.2.6", check: ({ relativeNames }) => relativeNames !== null },
	{
		name: "e_subject_empty_without_san",
		citation: "RFC 5280: 4.2 & 4.2.1.6",
		check: ({ relativeNames, alternatives }) => relativeNames?.length !== 0 || alternatives !== null,
	},
	{
		name: "n_multiple_subject_rdn",
		citation: "lint.AWSLabs certlint",
		check: ({ relativeNames }) => (relativeNames ?? []).every((attributes) => attributes === 1),
	},
	{
		name: "e_subject_dn_not_printable_characters",
		citation: "RFC 5280: Appendix A",
		check: ({ attributes }) => attributes.every(({ text }) => text !== null && !/\p{Cc}/u.test(text)),
	},
	{
		name: "e_subject_printable_string_badalpha",
		citation: "RFC 5280: Appendix B. ASN.1 Notes",
		check: ({ attributes }) =>
			attributes.every((each) => !isPrintableString(each) || /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(each.text ?? "@")),
	},
	{
		name: "e_subject_dn_country_not_printable_string",
		citation: "RFC 5280: Appendix A",
		check: every("C", isPrintableString),
	},
	{
		name: "e_subject_dn_serial_number_not_printable_string",
		citation: "RFC 5280: Appendix A",
		check: every("serialNumber", isPrintableString),
	},
	maxLength("e_subject_dn_serial_number_max_length", "RFC 5280: Appendix A", "serialNumber", 64),
	maxLength("e_subject_common_name_max_length", "RFC 5280: A.1", "CN", 64),
	maxLength("e_subject_organization_name_max_length", "RFC 5280: A.1", "O", 64),
	maxLength("e_subject_organizational_unit_name_max_length", "RFC 5280: A.1", "OU", 64),
	maxLength("e_subject_locality_name_max_length", "RFC 5280: A.1", "L", 128),
	maxLength("e_subject_state_name_max_length", "RFC 5280: A.1", "ST", 128),
	maxLength("e_subject_email_max_length", "RFC 5280: A.1", "emailAddress", 255),
];

const everyHost =
	(isGood: (host: string) => boolean): Lint["check"] =>
	({ hosts }) =>
		hosts.every(isGood);
const everyLabel = (isGood: (label: string) => boolean): Lint["check"] =>
	everyHost((host) => host.split(".").every(isGood));

/** Without a list of public suffixes the last two labels count as the second-level domain. */
const registered = (host: string): string[] => host.split(".").slice(-2);
const below = (host: string): string[] => host.split(".").slice(0, -2);

/** An A-label that is none has no way back to Unicode; names without one are not asked. */
const isUnicode = (host: string): boolean => !/(?:^|\.)xn--/i.test(host) || URL.canParse(`https://${host}/`);

const hostLints: readonly Lint[] = [
	{
		name: "e_rfc_dnsname_empty_label",
		citation: "RFC5280: 4.2.1.6",
		// The final dot of an absolute name is an empty label as well.
		check: everyLabel((label) => label !== ""),
	},
	{
		name: "e_rfc_dnsname_label_too_long",
		citation: "RFC 5280: 4.2.1.6, citing RFC 1035",
		check: everyLabel((label) => label.length <= 63),
	},
	{
		name: "e_rfc_dnsname_hyphen_in_sld",
		citation: "RFC5280: 4.2.1.6",
		check: everyHost((host) => registered(host).every((label) => !/^-|-$/.test(label))),
	},
	{
		name: "e_rfc_dnsname_underscore_in_sld",
		citation: "RFC5280: 4.2.1.6",
		check: everyHost((host) => registered(host).every((label) => !label.includes("_"))),
	},
	{
		name: "w_rfc_dnsname_underscore_in_trd",
		citation: "RFC5280: 4.1.2.6",
		check: everyHost((host) => below(host).every((label) => !label.includes("_"))),
	},
	{ name: "e_international_dns_name_not_unicode", citation: "RFC 3490", check: everyHost(isUnicode) },
	{
		name: "e_ext_san_dns_name_too_long",
		citation: "RFC 5280",
		check: everyHost((host) => host.length <= 253),
	},
	{
		name: "e_ext_san_dns_not_ia5_string",
		citation: "RFC 5280: 4.2.1.6",
		check: everyHost((host) => !/[\x80-\xff]/.test(host)),
	},
	{ name: "e_ext_san_space_dns_name", citation: "RFC 5280: 4.2.1.6", check: everyHost((host) => host !== " ") },
	{
		name: "e_san_dns_name_includes_null_char",
		citation: "awslabs certlint",
		check: everyHost((host) => !host.includes("\0")),
	},
	{
		name: "e_san_dns_name_starts_with_period",
		citation: "awslabs certlint",
		check: everyHost((host) => !host.startsWith(".")),
	},
	{ name: "e_san_bare_wildcard", citation: "awslabs certlint", check: everyHost((host) => !host.endsWith("*")) },
	{
		name: "e_san_wildcard_not_first",
		citation: "awslabs certlint",
		check: everyHost((host) => host.lastIndexOf("*") <= 0),
	},
	{
		name: "n_san_dns_name_duplicate",
		citation: "awslabs certlint",
		check: ({ hosts }) => new Set(hosts).size === hosts.length,
	},
];

const alternativeLints: readonly Lint[] = [
	{
		name: "e_ext_san_no_entries",
		citation: "RFC 5280: 4.2.1.6",
		check: ({ alternatives }) => alternatives === null || alternatives.length > 0,
	},
	{
		name: "e_ext_san_empty_name",
		citation: "RFC 5280: 4.2.1.6",
		check: ({ alternatives }) => alternatives === null || alternatives.every(({ content }) => content.length > 0),
	},
	{
		name: "e_ext_san_rfc822_format_invalid",
		citation: "RFC 5280: 4.2.1.6",
		check: ({ alternatives }) =>
			(alternatives ?? []).every((name) => name.tag !== rfc822Name || isMailbox(latin1(name.content))),
	},
];

/** RFC 2821 Mailbox, and no phrase, comment or angle bracket around it. */
const isMailbox = (text: string): boolean => text === "" || /^[^\s<>@]+@[^\s<>@()]+$/.test(text);

export const nameLints: readonly Lint[] = [...subjectLints, ...alternativeLints, ...hostLints];
