/** A file as the next version of a profile: what it was before keeps its rules, what is secret is taken out, then it is saved. */
import { OtaError } from "../lib/errors.ts";
import type { ProfileVersion } from "../lib/ports.ts";
import type { Audience, ProfileDocument } from "../lib/profile/document.ts";
import { documentAgain } from "../lib/profile/document-again.ts";
import { documentFromProfile } from "../lib/profile/document-file.ts";
import { sealable } from "../lib/profile/document-secrets.ts";
import { documentYaml } from "../lib/profile/document-yaml.ts";
import type { Operator } from "./operator.ts";
import { catalogueOf } from "./profile-catalogue.ts";
import { type ProfileInput, readProfileInput } from "./profile-input.ts";
import { publishIfGood, publishNow } from "./profile-publish.ts";
import { type KeysOf, mayBeSaved, missingWords, numbered, saveVersion } from "./profile-save.ts";
import { mayBePublished } from "./profile-trial.ts";
import { documentOf } from "./profile-versions.ts";
import { audienceWords, counted } from "./profile-words.ts";

export interface ImportRequest {
	file: string;
	/** As typed. */
	name: string | undefined;
	/** What of the file's name may be a profile's. */
	fileName: string;
	audience: Audience | undefined;
	note: string;
	isPublished: boolean;
}

/** Answers the exit code. */
export async function importProfile(operator: Operator, request: ImportRequest, keysOf: KeysOf): Promise<0 | 1> {
	const { store, tell } = operator;
	const input = readProfileInput(request.file);
	if (input.kind === "profile" && input.isSigned) tell("Signed; whether the signature holds was not looked at.");
	const name = nameFor(request, input);
	const [newest = null] = await store.listVersions(name);
	const { document, secrets } = sealable(documentFrom(input, request, name, newest), catalogueOf(operator));
	const draft = { document, secrets, note: request.note };
	const next = await numbered(operator, draft, newest);
	if (secrets.size === 0 && newest && isSame(next.document, newest)) {
		return unchanged(operator, newest, request, keysOf);
	}
	if (!mayBeSaved(operator, next, draft)) return 1;
	for (const secret of next.missing) tell(missingWords(name, secret));
	if (request.isPublished && next.missing.length > 0) {
		tell("Nothing was saved: what is published has all its secrets. Import it without --publish first.");
		return 1;
	}
	if (request.isPublished && !(await mayBePublished(operator, next, secrets, keysOf))) {
		tell("Nothing was saved: no device must get it as it is. Without --publish it is saved as a draft.");
		return 1;
	}
	await saveVersion(operator, next, draft, keysOf);
	if (request.isPublished) await publishNow(operator, name, next.version);
	operator.say(resultLine(next.document, next.version, request.isPublished, secrets.size));
	if (secrets.size > 0) {
		tell(`${request.file} still holds ${counted(secrets.size, "secret")} in plain text: delete it or keep it safe.`);
	}
	if (!request.isPublished) tell(`Devices get it after: ota profile publish ${name}`);
	return 0;
}

function nameFor({ name, fileName, file }: ImportRequest, input: ProfileInput): string {
	const found = name ?? (input.kind === "document" ? input.document.name : fileName);
	if (found !== "") return found;
	throw new OtaError("config", `${file}: nothing of its name can be a profile's; give it one with --name`);
}

function documentFrom(
	input: ProfileInput,
	{ audience }: ImportRequest,
	name: string,
	newest: ProfileVersion | null,
): ProfileDocument {
	const read =
		input.kind === "document"
			? { ...input.document, name }
			: newest
				? documentAgain(input.profile, documentOf(newest))
				: documentFromProfile(input.profile, name);
	return audience === undefined ? read : { ...read, for: audience };
}

const isSame = (document: ProfileDocument, newest: ProfileVersion): boolean =>
	documentYaml(document) === documentYaml(documentOf(newest));

async function unchanged(
	operator: Operator,
	{ name, version, ...newest }: ProfileVersion,
	{ isPublished }: ImportRequest,
	keysOf: KeysOf,
): Promise<0 | 1> {
	const state = (await operator.store.listProfiles()).find((each) => each.name === name);
	const wasPublished = state?.published === version;
	const document = documentOf({ name, version, ...newest });
	if (isPublished && !wasPublished && !(await publishIfGood(operator, document, version, keysOf))) return 1;
	operator.say(`${resultLine(document, version, isPublished || wasPublished, 0)}  unchanged`);
	return 0;
}

function resultLine(document: ProfileDocument, version: number, isPublished: boolean, sealed: number): string {
	const { name } = document;
	const secrets = sealed > 0 ? `  ${counted(sealed, "secret")} sealed` : "";
	return `${name}  version ${version}  ${isPublished ? "published" : "draft"}  for ${audienceWords(document)}${secrets}`;
}
