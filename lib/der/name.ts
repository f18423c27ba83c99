/** Distinguished names (RFC 5280 section 4.1.2.4): written from a list of attributes; compared as bytes elsewhere. */
import { OtaError } from "../errors.ts";
import type { SubjectName } from "../ports.ts";
import { nameAttributes } from "./oids.ts";
import { type Element, malformed, readDer, sequence, tag } from "./reader.ts";
import { oid, text } from "./values.ts";
import { directoryString, ia5String, objectIdentifier, printableString, sequenceOf, setOf } from "./writer.ts";

/** RDNSequence with one attribute in each RDN, in the given order. */
export function writeName(name: SubjectName): Uint8Array {
	return sequenceOf(
		...name.map(([type, value]) => setOf(sequenceOf(objectIdentifier(oidOf(type)), attributeValue(type, value)))),
	);
}

function oidOf(type: string): string {
	const dotted = nameAttributes[type];
	if (dotted === undefined) throw new OtaError("internal", `name attribute ${type} is not known`);
	return dotted;
}

function attributeValue(type: string, value: string): Uint8Array {
	if (value.length === 0) throw new OtaError("internal", `name attribute ${type} is empty`);
	if (type === "emailAddress") return ia5String(value);
	if (type === "serialNumber" || type === "C") return printableString(value);
	return directoryString(value);
}

/** An attribute as it was found: its short name, or the dotted OID of a type that has none here. */
export type NameAttribute = readonly [type: string, value: string];

const shortNames: ReadonlyMap<string, string> = new Map(
	Object.entries(nameAttributes).map(([short, dotted]) => [dotted, short]),
);

/** Every attribute of a name (DER) in order, whatever RDN it is in. `malformed` when a value is no text. */
export function readName(name: Uint8Array): NameAttribute[] {
	return sequenceChildren(readDer(name)).flatMap((rdn) => {
		if (rdn.tag !== tag.set) throw malformed("RelativeDistinguishedName is no SET");
		return rdn.children.map((element): NameAttribute => {
			const fields = sequence(element, "AttributeTypeAndValue");
			const type = oid(fields.take());
			const value = text(fields.take());
			fields.end();
			return [shortNames.get(type) ?? type, value];
		});
	});
}

function sequenceChildren(element: Element): readonly Element[] {
	if (element.tag !== tag.sequence) throw malformed("Name is no SEQUENCE");
	return element.children;
}

/** The values of CN in the DER of a name. */
export function commonNames(name: Uint8Array): string[] {
	const values: string[] = [];
	for (const rdn of readDer(name).children) {
		if (rdn.tag !== tag.set) continue;
		for (const element of rdn.children) {
			const fields = sequence(element, "AttributeTypeAndValue");
			if (oid(fields.take()) === nameAttributes.CN) values.push(text(fields.take()));
		}
	}
	return values;
}
