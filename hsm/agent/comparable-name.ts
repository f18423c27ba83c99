/** Names as verifiers compare them (RFC 5280 section 7.1): types and texts, whatever the case, the blanks and the string's type. */
import { nameAttributes } from "../../lib/der/oids.ts";
import { type Element, malformed, sequence, tag } from "../../lib/der/reader.ts";
import { oid, text } from "../../lib/der/values.ts";

/** The same for two names that some verifier may take for one; `malformed` for anything but a list of texts. */
export function comparableName(name: Element): string {
	return attributesOf(name)
		.map(([type, value]) => `${type}=${folded(value)}`)
		.join("\n");
}

/** Everything that this project writes into a name: one attribute each, of the known types (lib/der/oids.ts). */
export function isPlainName(name: Element): boolean {
	const known = new Set(Object.values(nameAttributes));
	const attributes = attributesOf(name);
	return (
		attributes.length > 0 &&
		name.children.every(({ children }) => children.length === 1) &&
		attributes.every(([type, value]) => known.has(type) && value.length > 0 && !invisible.test(value))
	);
}

/** Two names may look alike by these, and differ: controls, formats, and what is shown as nothing. */
const invisible = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
/** Folding long runs of combining marks takes for ever. */
const longestValue = 256;
const mostAttributes = 20;

/** Compatibility forms and case folded, runs of blanks one (RFC 4518 section 2, and stricter). */
const folded = (value: string): string =>
	value.normalize("NFKC").toUpperCase().toLowerCase().replace(/\s+/gu, " ").trim();

function attributesOf(name: Element): [type: string, value: string][] {
	if (name.tag !== tag.sequence) throw malformed("Name: unexpected type");
	if (name.children.length > mostAttributes) throw malformed("Name: more attributes than anybody has");
	return name.children.flatMap((rdn) => {
		if (rdn.tag !== tag.set || rdn.children.length === 0 || rdn.children.length > mostAttributes)
			throw malformed("RelativeDistinguishedName: unexpected form");
		return rdn.children.map((element): [string, string] => {
			const fields = sequence(element, "AttributeTypeAndValue");
			const attribute: [string, string] = [oid(fields.take()), text(fields.take())];
			fields.end();
			if (attribute[1].length > longestValue) throw malformed("Name: an attribute longer than its limit");
			return attribute;
		});
	});
}
