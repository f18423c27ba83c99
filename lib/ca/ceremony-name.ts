/**
 * Distinguished names of our own certificates: O, then CN, one attribute each (RFC 5280 section 4.1.2.4 and appendix A.1).
 */
import { ObjectIdentifier, PrintableString, Sequence, Set as SetOf, Utf8String } from "asn1js";
import { RelativeDistinguishedNames } from "pkijs";
import { nameAttributes } from "../der/oids.ts";
import { readDer, sequence, tag } from "../der/reader.ts";
import { oid, text } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import type { SubjectName } from "../ports.ts";

const organizationName = "2.5.4.10";
const commonName = "2.5.4.3";
/** ub-common-name is 64; the longest title that follows the organization takes 16 of them. */
const longestOrganization = 48;

/** What a certificate of the ceremony is called, after the organization. */
export type Title = "Root CA" | "Issuing CA" | "SCEP RA" | "Profile Signing" | "OCSP Responder";

/** Refuses (`config`) an organization that would not fit in a name: empty, over 48 characters, blanks at an end, control characters. */
export function checkOrganization(organization: string): string {
	const length = [...organization].length;
	if (length === 0 || length > longestOrganization) {
		throw new OtaError(
			"config",
			`The organization's name must have 1 to ${longestOrganization} characters, not ${length}.`,
		);
	}
	if (organization !== organization.trim() || /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(organization)) {
		throw new OtaError(
			"config",
			"The organization's name must not contain control characters or begin or end with a blank.",
		);
	}
	return organization;
}

/** O=<organization>, CN=<organization> <title>. */
export function distinguishedName(organization: string, title: Title): RelativeDistinguishedNames {
	const name = [relativeName(organizationName, organization), relativeName(commonName, `${organization} ${title}`)];
	// Read back from DER: built from attributes, pkijs would put both into one RelativeDistinguishedName.
	return RelativeDistinguishedNames.fromBER(new Sequence({ value: name }).toBER());
}

function relativeName(type: string, value: string): SetOf {
	const attribute = new Sequence({ value: [new ObjectIdentifier({ value: type }), directoryString(value)] });
	return new SetOf({ value: [attribute] });
}

/** PrintableString where its alphabet allows, UTF8String otherwise (RFC 5280 section 4.1.2.4). */
function directoryString(value: string): PrintableString | Utf8String {
	return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? new PrintableString({ value }) : new Utf8String({ value });
}

/** ub-common-name (RFC 5280 appendix A.1). */
const longestCommonName = 64;

/**
 * The name of the CA that follows one of this name (DER): the same, with " G2" (G3, ...) at the end of its CN. A key of its own
 * under a name of its own: verifiers find issuers by name. `config` for a name that cannot be carried on.
 */
export function nextGeneration(subject: Uint8Array): SubjectName {
	const name = readSubject(subject);
	const common = name.filter(([type]) => type === "CN");
	const [, current] = common[0] ?? [];
	if (current === undefined || common.length > 1) throw unfit("it has not one CN");
	const [, base = current, generation = "1"] = /^(.+) G(\d{1,4})$/.exec(current) ?? [];
	const next = `${base} G${Number(generation) + 1}`;
	if ([...next].length > longestCommonName) throw unfit(`${next} is longer than ${longestCommonName} characters`);
	return name.map(([type, value]) => [type, type === "CN" ? next : value]);
}

function readSubject(subject: Uint8Array): SubjectName {
	const types = new Map(Object.entries(nameAttributes).map(([type, dotted]) => [dotted, type]));
	return readDer(subject).children.map((rdn): [string, string] => {
		const [attribute, more] = rdn.children;
		if (rdn.tag !== tag.set || attribute === undefined || more !== undefined)
			throw unfit("one of its parts has several values");
		const fields = sequence(attribute, "AttributeTypeAndValue");
		const dotted = oid(fields.take());
		const type = types.get(dotted);
		if (type === undefined) throw unfit(`it has the attribute ${dotted}, which is none of ours`);
		return [type, text(fields.take())];
	});
}

const unfit = (why: string): OtaError =>
	new OtaError("config", `The issuing CA's subject cannot be carried on to a next generation: ${why}.`);
