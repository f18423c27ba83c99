/** The names of a certificate of ours, back from its DER: a renewal inherits them. */
import type { X509 } from "../cms/certificate.ts";
import { readName } from "../der/name.ts";
import { oids } from "../der/oids.ts";
import { context, type Element, readDer } from "../der/reader.ts";
import { OtaError } from "../errors.ts";
import type { SubjectAltName, SubjectName } from "../ports.ts";

export interface Names {
	subject: SubjectName;
	subjectAltName: SubjectAltName;
}

/** Of the kinds that `buildLeaf` writes; `internal` for others. */
export function namesOf(certificate: X509): Names {
	const extension = certificate.extensions.get(oids.subjectAltName);
	const alternatives = extension ? readDer(extension.value).children : [];
	return { subject: readName(certificate.subject), subjectAltName: readAlternatives(alternatives) };
}

function readAlternatives(names: readonly Element[]): SubjectAltName {
	const of = (number: number) => names.filter(({ tag }) => tag === context(number, false)).map(textOf);
	const [mailboxes, dNSName] = [of(1), of(2)];
	const [rfc822Name] = mailboxes;
	if (mailboxes.length > 1 || mailboxes.length + dNSName.length !== names.length) {
		throw new OtaError("internal", "a certificate with names that are none of ours");
	}
	return { ...(rfc822Name !== undefined && { rfc822Name }), ...(dNSName.length > 0 && { dNSName }) };
}

const textOf = ({ content }: Element): string => Buffer.from(content).toString("latin1");
