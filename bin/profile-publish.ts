/** `ota profile publish` and `ota profile withdraw`: what devices get from now on. */
import { asOtaError, OtaError } from "../lib/errors.ts";
import type { ProfileDocument } from "../lib/profile/document.ts";
import { asOperator, type Operator } from "./operator.ts";
import { agentKeys } from "./operator-context.ts";
import { type KeysOf, lintBesideSecrets, profileEvent } from "./profile-save.ts";
import { missingSecrets } from "./profile-sealed-secrets.ts";
import { mayBePublished, tellWithout } from "./profile-trial.ts";
import { asTyped, text } from "./profile-typed.ts";
import { documentOf, readVersion, stateOf, versionOf } from "./profile-versions.ts";
import { audienceWords, counted, findingLine } from "./profile-words.ts";

const publishUsage = `usage: ota profile publish NAME [--version N]

From now on devices that NAME is for get this version of it, the newest unless told; those that have an older one get it with their
next update. Refused while the lint finds errors, or a secret has no value or does not open, and when a trial iPhone, iPad or Mac of a
person for whom its rules hold would not take it, together with all else that is published. With secrets the HSM agent must run.

  ota profile publish office
  ota profile publish office --version 3     back to what was good
`;

const withdrawUsage = `usage: ota profile withdraw NAME

From now on devices get nothing of NAME; those that have it lose it with their next update. Its versions stay:
"ota profile publish NAME" brings it back. A warning tells what devices would be refused without it.
`;

export const publish = (args: readonly string[]): Promise<number> =>
	asTyped(args, publishUsage, { version: text }, ({ flags, words: [name, ...more] }) => {
		if (!name || more.length > 0) return "Name one profile.";
		const version = flags.version === undefined ? undefined : readVersion(flags.version);
		if (version === null) return "--version is a number, as in: ota profile history NAME";
		return asOperator((operator) => publishProfile(operator, name, version, agentKeys));
	});

export const withdraw = (args: readonly string[]): Promise<number> =>
	asTyped(args, withdrawUsage, {}, ({ words: [name, ...more] }) => {
		if (!name || more.length > 0) return "Name one profile.";
		return asOperator((operator) => withdrawProfile(operator, name));
	});

async function publishProfile(
	operator: Operator,
	name: string,
	wanted: number | undefined,
	keysOf: KeysOf,
): Promise<0 | 1> {
	const { store, say } = operator;
	const { latest, published } = await stateOf(store, name);
	const version = wanted ?? latest;
	const document = documentOf(await versionOf(store, name, version));
	if (published === version) {
		say(`${name}  version ${version}  published already  for ${audienceWords(document)}`);
		return 0;
	}
	if (!(await publishIfGood(operator, document, version, keysOf))) return 1;
	say(`${name}  version ${version}  published  for ${audienceWords(document)}`);
	return 0;
}

/** Publishes what nothing stands against; otherwise tells what does. */
export async function publishIfGood(
	operator: Operator,
	document: ProfileDocument,
	version: number,
	keysOf: KeysOf,
): Promise<boolean> {
	const { tell } = operator;
	const { name } = document;
	const missing = await missingSecrets(operator, document);
	const errors = lintBesideSecrets(operator, document, missing).filter(({ level }) => level === "error");
	for (const finding of errors) tell(findingLine(finding));
	for (const secret of missing) {
		tell(`error    secret ${secret} has no value. Give it one: ota profile secret ${name} ${secret}`);
	}
	if (errors.length + missing.length > 0) {
		tell(`Not published: ${counted(errors.length + missing.length, "error")}.`);
		return false;
	}
	if (!(await mayBePublished(operator, { document, version }, new Map(), keysOf))) {
		tell("Not published.");
		return false;
	}
	await publishNow(operator, name, version);
	return true;
}

/** Throws `conflict` when the version is gone. */
export async function publishNow(operator: Operator, name: string, version: number): Promise<void> {
	const { store, now } = operator;
	const audit = profileEvent(operator, "profile.published", name, version);
	if (await store.publishProfile({ name, version, now, audit })) return;
	throw new OtaError("conflict", `${name} has no version ${version} any more: look at ota profile history ${name}`);
}

async function withdrawProfile(operator: Operator, name: string): Promise<0 | 1> {
	const { store, now, say, tell } = operator;
	const { published } = await stateOf(store, name);
	if (published === null) {
		say(`${name}  is not published`);
		return 0;
	}
	const audit = profileEvent(operator, "profile.withdrawn", name, published);
	await store.publishProfile({ name, version: null, now, audit });
	say(`${name}  version ${published}  withdrawn`);
	// It is withdrawn, whatever a trial finds.
	try {
		const document = documentOf(await versionOf(store, name, published));
		await tellWithout(operator, { document, version: published });
	} catch (error) {
		tell(`warning  there was no trial of what devices get without it: ${asOtaError(error).message}`);
	}
	return 0;
}
