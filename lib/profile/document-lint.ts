/** The lint of a document: that of its profile, and what only a document has: variables, secrets and rules. */
import { builtInCatalogue } from "./catalogue/built-in.ts";
import type { DocumentPayload, PlainSecrets, ProfileDocument } from "./document.ts";
import { audienceFaults, payloadAudienceFaults } from "./document-audience-faults.ts";
import { profileFromDocument } from "./document-file.ts";
import { type PayloadNames, payloadNames, referenceFaults } from "./document-references.ts";
import { longSecretFaults, plainSecrets, secretFaults } from "./document-secret-faults.ts";
import { withSecrets } from "./document-secrets.ts";
import { type KnownNames, knownNames, outerVariableFaults, payloadVariableFaults } from "./document-variables.ts";
import { lintProfile } from "./lint.ts";
import { type Fault, type Finding, type LintOptions, textAt } from "./lint-finding.ts";
import type { PropertyListDict } from "./property-list.ts";

/** As `identifierPrefix` makes them: of two payloads with one identifier no device takes the profile. */
const ownIdentifier = /\.next-ota\.profile(?:\.|$)/i;

type Told = Pick<Finding, "rule"> & Fault;

interface DocumentLintOptions extends LintOptions {
	/** By it dates have passed; absent: nobody asks. */
	now?: Date;
}
/** What the document's payloads are called, made once for all. */
interface Names {
	variables: KnownNames;
	payloads: PayloadNames;
}

/** Findings in the order of the document: what is around the payloads, then payload by payload. */
export function lintDocument(document: ProfileDocument, options: DocumentLintOptions = {}): Finding[] {
	const profile = profileFromDocument(document);
	const findings = lintProfile(profile, { hasVariables: true, ...options });
	const names = { variables: knownNames(document), payloads: payloadNames(document) };
	for (const told of outerFaults(document, names, options)) findings.push({ payload: null, ...told });
	for (const [index, payload] of document.payloads.entries()) {
		const named = namedPayload(profile, index);
		for (const told of payloadFaults(document, payload, names, options)) findings.push({ payload: named, ...told });
	}
	return findings.sort((one, other) => (one.payload?.index ?? -1) - (other.payload?.index ?? -1));
}

function namedPayload({ PayloadContent: content }: PropertyListDict, index: number): NonNullable<Finding["payload"]> {
	const dict = (content as readonly PropertyListDict[])[index] ?? {};
	const type = textAt(dict, "PayloadType").slice(0, 200);
	return { index, type, identifier: textAt(dict, "PayloadIdentifier").slice(0, 200) };
}

/**
 * What stands against the values of secrets at the keys that they are for: a kind, a character, a range, their length.
 * Nobody sees them again before a device does.
 */
export function lintSecrets(document: ProfileDocument, secrets: PlainSecrets, options: LintOptions = {}): Finding[] {
	const lint = (each: ProfileDocument) => lintProfile(profileFromDocument(each), { hasVariables: true, ...options });
	const placeOf = ({ rule, payload, path }: Finding) => JSON.stringify([rule, payload?.index, path]);
	const known = new Set(lint(document).map(placeOf));
	const found = lint(withSecrets(document, secrets)).filter(
		(each) => each.level === "error" && !known.has(placeOf(each)),
	);
	const profile = profileFromDocument(document);
	const long = document.payloads.flatMap(({ payload }, index) =>
		[...longSecretFaults(payload, secrets)].map((fault) => ({
			...{ rule: "secret", payload: namedPayload(profile, index) },
			...fault,
		})),
	);
	return [...found, ...long];
}

function* outerFaults(
	document: ProfileDocument,
	{ variables: known }: Names,
	{ now }: DocumentLintOptions,
): Generator<Told> {
	for (const fault of audienceFaults(document, now)) yield { rule: "audience", ...fault };
	yield* outerVariableFaults(document.profile, known);
}

function* payloadFaults(
	document: ProfileDocument,
	payload: DocumentPayload,
	{ variables: known, payloads }: Names,
	{ catalogue = builtInCatalogue }: LintOptions,
): Generator<Told> {
	const plain = plainSecrets(payload.payload, catalogue);
	for (const fault of secretFaults(payload.payload, catalogue, plain)) yield { rule: "secret", ...fault };
	if (ownIdentifier.test(textAt(payload.payload, "PayloadIdentifier"))) {
		const remedy = "Leave it out to have one made, or give it one of your own: com.example.wifi.";
		const words = "is one that this service gives itself";
		yield { rule: "name", level: "error", path: "PayloadIdentifier", words, remedy };
	}
	yield* payloadVariableFaults(payload, document, known, (path) => plain.has(path));
	for (const fault of payloadAudienceFaults(payload)) yield { rule: "audience", ...fault };
	for (const fault of referenceFaults(payloads, payload)) yield { rule: "reference", ...fault };
}
