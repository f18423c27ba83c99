/** Lints of the extensions (RFC 5280 section 4.2), by the names that zlint has for them. */
import { keyUsageBit } from "../cms/certificate.ts";
import { oids } from "../der/oids.ts";
import { context, type Element } from "../der/reader.ts";
import { type Judged, type Lint, latin1, uniformResourceIdentifier } from "./lint-reading.ts";

const isCritical = ({ extensions }: Judged, id: string): boolean => extensions.get(id)?.critical === true;
/** Critical where it is there. */
const critical = (name: string, citation: string, id: string): Lint => ({
	name,
	citation,
	check: (tbs) => !tbs.extensions.has(id) || isCritical(tbs, id),
});
const notCritical = (name: string, citation: string, id: string): Lint => ({
	name,
	citation,
	check: (tbs) => !isCritical(tbs, id),
});

const nonRepudiation = 1;
const dataEncipherment = 3;
const keyAgreement = 4;
const { digitalSignature, keyEncipherment, keyCertSign } = keyUsageBit;

/** RFC 5280 section 4.2.1.12: which bits of keyUsage a purpose may be consistent with. */
const consistent: Readonly<Record<string, readonly number[]>> = {
	[oids.serverAuth]: [digitalSignature, keyEncipherment, keyAgreement],
	[oids.clientAuth]: [digitalSignature, keyAgreement],
	[oids.emailProtection]: [digitalSignature, nonRepudiation, keyEncipherment, keyAgreement],
};

function isConsistent({ keyUsage, purposes }: Judged): boolean {
	if (keyUsage === null || purposes === null) return true;
	const { bits } = keyUsage;
	if (bits.includes(keyEncipherment) && bits.includes(keyAgreement)) return false;
	const asked = purposes.flatMap((purpose) => (consistent[purpose] ? [consistent[purpose]] : []));
	// With more purposes than one each bit must be good for one of them.
	return asked.length < purposes.length || bits.every((bit) => asked.some((allowed) => allowed.includes(bit)));
}

/** RFC 3279 section 2.3.1. */
const ofRsa: readonly number[] = [digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment];

const keyUsageLints: readonly Lint[] = [
	critical("w_ext_key_usage_not_critical", "RFC 5280: 4.2.1.3", oids.keyUsage),
	{
		name: "e_ext_key_usage_without_bits",
		citation: "RFC 5280: 4.2.1.3",
		check: ({ keyUsage }) => keyUsage === null || keyUsage.bits.length > 0,
	},
	{
		name: "e_key_usage_incorrect_length",
		citation: "RFC 5280: 4.2.1.3",
		check: ({ keyUsage }) => keyUsage === null || keyUsage.octets.length * 8 - keyUsage.unused <= 9,
	},
	{
		name: "e_incorrect_ku_encoding",
		citation: "RFC 5280 Section 4.2.1.3, X.690 section 11.2",
		// The last bit that counts is 1, and those after it are 0.
		check: ({ keyUsage }) => keyUsage === null || lastIsSet(keyUsage.octets.at(-1) ?? 0, keyUsage.unused),
	},
	{
		name: "e_superfluous_ku_encoding",
		citation: "RFC 5280 Section 4.2.1.3, X.690 section 11.2.2",
		check: ({ keyUsage }) => keyUsage === null || keyUsage.octets.length < 2 || keyUsage.octets.at(-1) !== 0,
	},
	{
		name: "e_ext_key_usage_cert_sign_without_ca",
		citation: "RFC 5280: 4.2.1.3 & 4.2.1.9",
		check: ({ keyUsage, isCa }) => isCa || !keyUsage?.bits.includes(keyCertSign),
	},
	{
		name: "e_rsa_allowed_ku_ee",
		citation: "RFC 3279: 2.3.1",
		check: ({ keyUsage, key, isCa }) =>
			isCa || key.rsa === null || (keyUsage?.bits ?? []).every((bit) => ofRsa.includes(bit)),
	},
	{
		name: "e_key_usage_and_extended_key_usage_inconsistent",
		citation: "RFC 5280, Section 4.2.1.12.",
		check: isConsistent,
	},
];

const lastIsSet = (octet: number, unused: number): boolean =>
	octet === 0 || (octet & ((1 << (unused + 1)) - 1)) === 1 << unused;

const basicLints: readonly Lint[] = [
	{
		name: "e_ext_duplicate_extension",
		citation: "RFC 5280: 4.2",
		check: ({ hasExtensionTwice }) => !hasExtensionTwice,
	},
	critical("e_basic_constraints_not_critical", "RFC 5280: 4.2.1.9", oids.basicConstraints),
	{
		name: "e_path_len_constraint_improperly_included",
		citation: "RFC 5280: 4.2.1.9",
		check: ({ pathLength, isCa, keyUsage }) =>
			pathLength === null || (isCa && keyUsage?.bits.includes(keyCertSign) === true),
	},
	{
		name: "e_path_len_constraint_zero_or_less",
		citation: "RFC 5280: 4.2.1.9",
		check: ({ pathLength }) => pathLength === null || (pathLength[0] as number) < 0x80,
	},
	{
		name: "w_eku_critical_improperly",
		citation: "RFC 5280: 4.2.1.12",
		check: (tbs) => !isCritical(tbs, oids.extKeyUsage) || !tbs.purposes?.includes(oids.anyExtendedKeyUsage),
	},
	{
		name: "e_ext_san_not_critical_without_subject",
		citation: "RFC 5280: 4.2.1.6",
		check: (tbs) =>
			tbs.relativeNames?.length !== 0 || tbs.alternatives === null || isCritical(tbs, oids.subjectAltName),
	},
];

const keyIdentifier = context(0, false);
const authorityCertIssuer = context(1);
const authorityCertSerialNumber = context(2, false);
const hasField = (fields: readonly Element[] | null, type: number): boolean =>
	fields?.some((field) => field.tag === type) === true;

const identifierLints: readonly Lint[] = [
	notCritical("e_ext_subject_key_identifier_critical", "RFC 5280: 4.2.1.2", oids.subjectKeyIdentifier),
	{
		name: "w_ext_subject_key_identifier_missing_sub_cert",
		citation: "RFC 5280: 4.2 & 4.2.1.2",
		check: ({ extensions }) => extensions.has(oids.subjectKeyIdentifier),
	},
	notCritical("e_ext_authority_key_identifier_critical", "RFC 5280: 4.2.1.1", oids.authorityKeyIdentifier),
	{
		name: "e_ext_authority_key_identifier_no_key_identifier",
		citation: "RFC 5280: 4.2.1.1",
		// A CA from elsewhere whose certificate lacks the identifier gives none to name.
		check: ({ authorityKey }, ca) => hasField(authorityKey, keyIdentifier) || ca.subjectKeyIdentifier === null,
	},
	{
		name: "e_mp_authority_key_identifier_correct",
		citation: "Mozilla Root Store Policy / Section 5.2",
		check: ({ authorityKey }) =>
			!hasField(authorityKey, authorityCertIssuer) && !hasField(authorityKey, authorityCertSerialNumber),
	},
];

const distributionPoint = context(0);
const fullName = context(0);
const cRLIssuer = context(2);

/** GeneralNames of a DistributionPoint's fullName. */
function namesOf(point: Element): readonly Element[] {
	const name = point.children.find((field) => field.tag === distributionPoint)?.children[0];
	return name?.tag === fullName ? name.children : [];
}

const isRetrievable = (name: Element): boolean =>
	name.tag === uniformResourceIdentifier && /^(?:https?|ldap):\/\//i.test(latin1(name.content));

const revocationLints: readonly Lint[] = [
	notCritical("w_ext_crl_distribution_marked_critical", "RFC 5280: 4.2.1.13", oids.cRLDistributionPoints),
	{
		name: "e_distribution_point_incomplete",
		citation: "RFC 5280: 4.2.1.13",
		check: ({ distributionPoints }) =>
			(distributionPoints ?? []).every(({ children }) =>
				children.some((field) => field.tag === distributionPoint || field.tag === cRLIssuer),
			),
	},
	{
		name: "w_distribution_point_missing_ldap_or_uri",
		citation: "RFC 5280: 4.2.1.13",
		check: ({ distributionPoints }) => (distributionPoints ?? []).every((point) => namesOf(point).some(isRetrievable)),
	},
	notCritical("e_ext_aia_marked_critical", "RFC 5280: 4.2.2.1", oids.authorityInfoAccess),
];

export const extensionLints: readonly Lint[] = [
	...basicLints,
	...keyUsageLints,
	...identifierLints,
	...revocationLints,
];
