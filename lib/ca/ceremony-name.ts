/**
 * Distinguished names of our own certificates: O, then CN, one attribute each (RFC 5280 section 4.1.2.4 and appendix A.1).
 */
import { ObjectIdentifier, PrintableString, Sequence, Set as SetOf, Utf8String } from "asn1js";
import { RelativeDistinguishedNames } from "pkijs";
import { OtaError } from "../errors.ts";

const organizationName = "2.5.4.10";
const commonName = "2.5.4.3";
/** ub-common-name is 64; the longest title that follows the organization takes 16 of them. */
const longestOrganization = 48;

/** What a certificate of the ceremony is called, after the organization. */
export type Title = "Root CA" | "Issuing CA" | "SCEP RA" | "Profile Signing";

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
