/** Lints of our own profile: a device's certificate is what lib/ca/template.ts makes, and nothing else. */
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { nameAttributes, oids } from "../der/oids.ts";
import { context, type Element } from "../der/reader.ts";
import { equalBytes, oid, toHex } from "../der/values.ts";
import { dNSName, type Judged, type Lint, latin1, rfc822Name, uniformResourceIdentifier } from "./lint-reading.ts";
import { caSignatureAlgorithm } from "./template.ts";

/** Apple's limit for leaves, which is the template's. */
const maxLifetime = 398 * 86_400_000;
const profile = "our profile";
const own = (name: string, check: Lint["check"], citation = profile): Lint => ({ name, citation, check });

const { digitalSignature, keyEncipherment } = keyUsageBit;
/** keyUsage by the one purpose: what is not written here is no purpose of ours. */
const usages: Readonly<Record<string, readonly number[]>> = {
	[oids.emailProtection]: [digitalSignature, keyEncipherment],
	[oids.clientAuth]: [digitalSignature],
};

function isOfItsPurpose({ keyUsage, purposes }: Judged): boolean {
	const expected = usages[purposes?.[0] ?? ""];
	const bits = keyUsage?.bits ?? [];
	return expected === undefined || (bits.length === expected.length && expected.every((bit) => bits.includes(bit)));
}

const required: readonly string[] = [oids.basicConstraints, oids.keyUsage, oids.extKeyUsage, oids.subjectKeyIdentifier];
const known: ReadonlySet<string> = new Set([
	...required,
	oids.authorityKeyIdentifier,
	oids.subjectAltName,
	oids.cRLDistributionPoints,
	oids.authorityInfoAccess,
]);
const ourCritical: ReadonlySet<string> = new Set([oids.basicConstraints, oids.keyUsage]);
const ourAttributes: ReadonlySet<string> = new Set(Object.values(nameAttributes));

const fieldLints: readonly Lint[] = [
	own("ota_version_not_3", ({ version }) => version === 2),
	own("ota_signature_algorithm_not_the_cas", ({ signatureAlgorithm }, ca) =>
		equalBytes(signatureAlgorithm, caSignatureAlgorithm(ca)),
	),
	own("ota_issuer_not_the_ca", ({ issuer }, ca) => equalBytes(issuer, ca.subject), "RFC 5280: 4.1.2.4"),
	own("ota_subject_empty", ({ relativeNames }) => relativeNames?.length !== 0),
	own("ota_subject_is_the_ca", ({ subject }, ca) => !equalBytes(subject, ca.subject)),
	own("ota_subject_attribute_unknown", ({ attributes }) => attributes.every(({ type }) => ourAttributes.has(type))),
	own("ota_subject_attribute_empty", ({ attributes }) => attributes.every(({ octets }) => octets > 0)),
	own("ota_serial_number_shorter_than_8_octets", ({ serialNumber }) => serialNumber.length >= 8),
	own(
		"ota_validity_outside_the_cas",
		({ begins, ends }, ca) => begins >= ca.notBefore.getTime() && ends <= ca.notAfter.getTime(),
	),
	own("ota_validity_longer_than_398_days", ({ begins, ends }) => ends - begins <= maxLifetime),
	own("ota_public_key_is_the_cas", ({ publicKeyInfo }, ca) => !equalBytes(publicKeyInfo, ca.publicKeyInfo)),
	own("ota_public_key_not_rsa", ({ key }) => key.rsa !== null),
];

/** Letters, digits and hyphens: RFC 1034's preferred syntax, as RFC 1123 has it. */
const isHostName = (host: string): boolean =>
	host.split(".").every((label) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i.test(label));

const keyIdentifier = context(0, false);

function isTheCasKey({ authorityKey }: Judged, ca: X509): boolean {
	const identifier = authorityKey?.find((field) => field.tag === keyIdentifier);
	return (identifier ? toHex(identifier.content) : null) === ca.subjectKeyIdentifier;
}

/** A URI that a verifier may fetch, alone. */
const isAddress = (name: Element | undefined): boolean =>
	name?.tag === uniformResourceIdentifier && /^https?:\/\/[\x21-\x7e]{1,2000}$/.test(latin1(name.content));

/** The only child, of these tags one in the other, or undefined. */
function onlyChild(element: Element | undefined, ...tags: readonly number[]): Element | undefined {
	if (element?.children.length !== 1) return undefined;
	const [type, ...more] = tags;
	const [child] = element.children;
	if (type === undefined) return child;
	return child?.tag === type ? onlyChild(child, ...more) : undefined;
}

function isOneList({ distributionPoints }: Judged): boolean {
	if (distributionPoints === null) return true;
	// distributionPoint [0] { fullName [0] { URI } }
	return distributionPoints.length === 1 && isAddress(onlyChild(distributionPoints[0], context(0), context(0)));
}

function isOneResponder({ accesses }: Judged): boolean {
	if (accesses === null) return true;
	const [method, location] = accesses[0]?.children ?? [];
	return accesses.length === 1 && method !== undefined && oid(method) === oids.ocsp && isAddress(location);
}

const extensionLints: readonly Lint[] = [
	own("ota_extension_missing", ({ extensions }) => required.every((id) => extensions.has(id))),
	own("ota_extension_unknown", ({ extensions }) => [...extensions.keys()].every((id) => known.has(id))),
	own("ota_extension_critical", ({ extensions }) =>
		[...extensions].every(([id, { critical }]) => !critical || ourCritical.has(id)),
	),
	own("ota_is_a_ca", ({ isCa }) => !isCa),
	own(
		"ota_purpose_not_one_of_ours",
		({ purposes }) => purposes?.length === 1 && usages[purposes[0] as string] !== undefined,
	),
	own("ota_key_usage_not_of_the_purpose", isOfItsPurpose),
	own("ota_authority_key_identifier_not_the_cas", isTheCasKey, "RFC 5280: 4.2.1.1"),
	own("ota_san_other_name", ({ alternatives }) =>
		(alternatives ?? []).every(({ tag }) => tag === rfc822Name || tag === dNSName),
	),
	own("ota_san_rfc822_name_not_ia5_string", ({ alternatives }) =>
		(alternatives ?? []).every((name) => name.tag !== rfc822Name || /^[\x21-\x7e]+$/.test(latin1(name.content))),
	),
	own("ota_san_dns_name_not_a_host_name", ({ hosts }) => hosts.every(isHostName), "RFC 5280: 4.2.1.6"),
	own("ota_crl_not_one_address", isOneList),
	own("ota_ocsp_not_one_address", isOneResponder),
];

export const ownLints: readonly Lint[] = [...fieldLints, ...extensionLints];
