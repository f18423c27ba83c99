/** A new version of a profile: its secrets get their versions, the lint has its say, then it is sealed and saved. */
import { sealSecrets } from "../lib/enroll/profile-secrets.ts";
import { OtaError } from "../lib/errors.ts";
import type { AuditEvent, Keys, ProfileVersion } from "../lib/ports.ts";
import type { PlainSecrets, ProfileDocument } from "../lib/profile/document.ts";
import { lintDocument, lintSecrets } from "../lib/profile/document-lint.ts";
import { secretNames, withVersions } from "../lib/profile/document-secrets.ts";
import { documentYaml, readDocumentYaml } from "../lib/profile/document-yaml.ts";
import { isDeliverable } from "../lib/profile/lint.ts";
import type { Finding } from "../lib/profile/lint-finding.ts";
import type { Operator } from "./operator.ts";
import { catalogueOf } from "./profile-catalogue.ts";
import { documentOf } from "./profile-versions.ts";
import { countsOf, findingLine } from "./profile-words.ts";

/** Asked only when there is something to seal or to open. */
export type KeysOf = (operator: Operator) => Promise<Pick<Keys, "seal" | "open">>;

export interface Draft {
	/** Its secrets stand in it by name alone. */
	document: ProfileDocument;
	secrets: PlainSecrets;
	note: string;
}

export interface Numbered {
	document: ProfileDocument;
	version: number;
	/** Names that stand in it and have no value. */
	missing: readonly string[];
}

/** The draft as the version after `newest`. What the database has for a secret stays, unless the draft brings another. */
export async function numbered(
	{ store }: Operator,
	{ document, secrets }: Draft,
	newest: ProfileVersion | null,
): Promise<Numbered> {
	const { name } = document;
	// An older version's export may name what the newest does not have any more.
	const told = Object.entries(document.secrets).map(([secret, version]) => ({ profile: name, name: secret, version }));
	const kept = await store.findSecrets(told);
	const before = {
		...Object.fromEntries(kept.map((secret) => [secret.name, secret.version])),
		...(newest && documentOf(newest).secrets),
	};
	const version = (newest?.version ?? 0) + 1;
	const versioned = withVersions({ ...document, secrets: {} }, before, new Map(secrets), version);
	const missing = secretNames(versioned).filter((secret) => !Object.hasOwn(versioned.secrets, secret));
	return { document: versioned, version, missing };
}

/** Tells the findings; whether nothing stands against saving. A secret that has no value yet is told, and may come later. */
export function mayBeSaved(
	operator: Operator,
	{ document, missing }: Numbered,
	{ secrets }: Pick<Draft, "secrets">,
): boolean {
	const catalogue = catalogueOf(operator);
	const findings = [
		...lintBesideSecrets(operator, document, missing),
		...lintSecrets(document, secrets, { catalogue }),
	];
	for (const finding of findings) operator.tell(findingLine(finding));
	if (isDeliverable(findings)) return true;
	operator.tell(`Nothing was saved: ${countsOf(findings)}.`);
	return false;
}

/** As if the missing secrets had a value: what to do about them is told in this command line's own words. */
export function lintBesideSecrets(
	operator: Pick<Operator, "config" | "now">,
	document: ProfileDocument,
	missing: readonly string[],
): Finding[] {
	const catalogue = catalogueOf(operator);
	const awaited = Object.fromEntries(missing.map((name) => [name, 1]));
	return lintDocument({ ...document, secrets: { ...document.secrets, ...awaited } }, { catalogue, now: operator.now });
}

export const missingWords = (name: string, secret: string): string =>
	`warning  secret ${secret} has no value. Give it one before publishing: ota profile secret ${name} ${secret}`;

/** Seals and saves. Throws `conflict` when somebody saved meanwhile, the key's and the store's. */
export async function saveVersion(
	operator: Operator,
	{ document, version }: Numbered,
	{ secrets, note }: Pick<Draft, "secrets" | "note">,
	keysOf: KeysOf,
): Promise<void> {
	const { store, now, by } = operator;
	const { name } = document;
	const text = documentYaml(document);
	// What cannot be read back would stop every delivery.
	readDocumentYaml(text);
	const sealed = secrets.size > 0 ? await sealSecrets(await keysOf(operator), name, version, secrets) : [];
	const isSaved = await store.saveProfile({
		version: { name, version, document: text, note, createdAt: now, by },
		after: version - 1,
		secrets: sealed,
		audit: profileEvent(operator, "profile.saved", name, version),
	});
	if (isSaved) return;
	throw new OtaError(
		"conflict",
		`Somebody changed ${name} meanwhile: look at ota profile diff ${name}, then try again.`,
	);
}

export const profileEvent = (
	{ now, by }: Operator,
	event: string,
	profile: string,
	version: number | null,
): AuditEvent => ({
	at: now,
	event,
	enrollmentId: null,
	detail: { profile, version, by },
});
