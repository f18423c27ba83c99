/** Distinguished names (RFC 5280 section 4.1.2.4): written from a list of attributes; compared as bytes elsewhere. */
import { OtaError } from "../errors.ts";
import type { SubjectName } from "../ports.ts";
import { nameAttributes } from "./oids.ts";
import { readDer, sequence, tag } from "./reader.ts";
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
