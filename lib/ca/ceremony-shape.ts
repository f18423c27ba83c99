/** What a transcript must say to be one: the exact sections of its kind, in their order, each with all of its fields and attributes. */
import type { RecordedCeremony, RecordedSection } from "./ceremony-reading.ts";
import type { CertifiedRole } from "./ceremony-template.ts";
import { origins, statement, type TranscriptKind } from "./ceremony-transcript.ts";

/** Roles by the titles of their sections. */
export const rolesOf: Readonly<Record<string, CertifiedRole | "seal">> = {
	"Root CA": "root",
	"Issuing CA": "ca",
	"SCEP RA": "ra",
	"Profile Signing": "profile",
	"OCSP Responder": "ocsp",
	"Seal (AES)": "seal",
	"Seal (RSA)": "seal",
};

const headFields = ["Format", "Kind", "Organization", "Held at", "Held by", "Token"] as const;
const certificateFields = [
	...["Key type", "Key SHA-256", "Subject", "Issuer", "Serial number"],
	...["Not before", "Not after", "SHA-256", "SHA-1"],
] as const;
/** Those without which nobody knows whether the key stays in its token, and what it does; others are as the token tells them. */
const leastAttributes = [
	"class",
	"type",
	"size",
	"CKA_ID",
	"CKA_SENSITIVE",
	"CKA_EXTRACTABLE",
	"CKA_SIGN",
	"CKA_DECRYPT",
];

const optionalHeadFields: Record<TranscriptKind, readonly string[]> = {
	ceremony: ["Witnesses", "Plan SHA-256"],
	rotation: [],
	rollover: [],
};
const sectionsOf: Record<TranscriptKind, (sections: readonly RecordedSection[]) => string[]> = {
	ceremony: ceremonyFaults,
	rotation: rotationFaults,
	rollover: rolloverFaults,
};

/** Every fault, with its section; none when everything is said that a ceremony, a rotation or a rollover says. */
export function shapeFaults(recorded: RecordedCeremony): string[] {
	const { sections, kind, head } = recorded;
	const needed = kind === "rollover" ? [...headFields, "Next CA", "Next SHA-256"] : headFields;
	return [
		...fieldFaults(head, needed, optionalHeadFields[kind]).map((fault) => `the head ${fault}`),
		...sectionsOf[kind](sections),
		...statementFaults(recorded),
		...sections.flatMap((section) => sectionFaults(section, kind).map((fault) => `${section.title} ${fault}`)),
		...sharedKeys(sections),
	];
}

function ceremonyFaults(sections: readonly RecordedSection[]): string[] {
	const told = sections.map(({ title }) => title);
	const faults = Object.entries({ "Root CA": 0, "Issuing CA": 1, "SCEP RA": 2, "Profile Signing": 3 }).flatMap(
		([title, index]) => (told[index] === title ? [] : [`the transcript's section ${index + 1} is not ${title}`]),
	);
	// A ceremony may do without a responder.
	const seal = told[4] === "OCSP Responder" ? 5 : 4;
	if (rolesOf[told[seal] ?? ""] !== "seal") faults.push(`the transcript's section ${seal + 1} is not the seal key's`);
	if (told.length > seal + 1) faults.push(`the transcript has ${told.length} sections, a ceremony has ${seal + 1}`);
	return faults;
}

function rotationFaults(sections: readonly RecordedSection[]): string[] {
	const [only, more] = sections.map(({ title }) => rolesOf[title]);
	const isFit = only === "ra" || only === "profile" || only === "ocsp";
	if (more === undefined && sections.length === 1 && isFit) return [];
	return ["a rotation has one section, SCEP RA, Profile Signing or OCSP Responder"];
}

function rolloverFaults(sections: readonly RecordedSection[]): string[] {
	const told = sections.map(({ title }) => title).join(", ");
	const least = "Issuing CA, SCEP RA, Profile Signing";
	if (told === least || told === `${least}, OCSP Responder`) return [];
	return [`a rollover has the sections ${least} and, with a responder, OCSP Responder`];
}

/** One sentence tells in short what the sections tell at length: the two must agree. */
function statementFaults({ kind, statement: told, sections }: RecordedCeremony): string[] {
	const hasOldKeys = sections.some(({ fields }) => fields.has("Key origin"));
	const isFirstOld = sections[0]?.fields.has("Key origin") ?? false;
	const isRootHere = sections.every(({ fields }) => fields.has("Key label"));
	return told === statement(kind, { hasOldKeys, isFirstOld, isRootHere })
		? []
		: ["the sentence below the transcript's head does not fit its sections"];
}

function sectionFaults({ title, fields, attributes }: RecordedSection, kind: RecordedCeremony["kind"]): string[] {
	const role = rolesOf[title];
	// Told among the sections already.
	if (role === undefined) return [];
	const isKeyElsewhere = role === "root" && !fields.has("Key label");
	const ofKey = isKeyElsewhere ? [] : ["Key label", "Attributes"];
	const ofCertificate =
		role === "seal" ? (title === "Seal (RSA)" ? ["Key SHA-256"] : []) : ["File", ...certificateFields];
	const optional = isKeyElsewhere ? [] : ["Key token", "Key origin"];
	const faults = fieldFaults(fields, [...ofKey, ...ofCertificate], optional);
	for (const name of isKeyElsewhere ? [] : leastAttributes) {
		if (!attributes.has(name)) faults.push(`has no attribute ${name}`);
	}
	const origin = fields.get("Key origin");
	if (origin !== undefined && !Object.values<string>(origins).includes(origin)) faults.push("has another Key origin");
	const file = fields.get("File");
	if (role !== "seal" && file !== undefined && !isFileOf(role, file, kind))
		faults.push(`names ${file}, which is no file of its certificate`);
	return faults;
}

/** Dated, but for a ceremony's, and a responder's where there was none before; `-old` is its certificate by the CA before. */
function isFileOf(role: CertifiedRole, file: string, kind: TranscriptKind): boolean {
	if (kind === "ceremony") return file === `${role}.pem`;
	if (kind === "rotation" && role === "ocsp") return /^ocsp(-\d{8}(-\d+)?)?(-old)?\.pem$/.test(file);
	return new RegExp(`^${role}-\\d{8}(-\\d+)?\\.pem$`).test(file);
}

function fieldFaults(
	fields: RecordedSection["fields"],
	needed: readonly string[],
	optional: readonly string[],
): string[] {
	const missing = needed.filter((name) => !fields.has(name)).map((name) => `has no ${name}`);
	const unknown = [...fields.keys()].filter((name) => !needed.includes(name) && !optional.includes(name));
	return [...missing, ...unknown.map((name) => `has ${name}, which does not belong there`)];
}

/** One key, one role: a section that tells of another's key would let that key speak for both. */
function sharedKeys(sections: readonly RecordedSection[]): string[] {
	return ["Key SHA-256", "SHA-256"].flatMap((name) => {
		const told = sections.flatMap(({ fields }) => fields.get(name) ?? []);
		return new Set(told).size === told.length ? [] : [`two sections of the transcript have one ${name}`];
	});
}
