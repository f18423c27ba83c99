/** `ota profile secret`: a new value for one secret of a profile, in a new version. */
import { OtaError } from "../lib/errors.ts";
import { secretNames } from "../lib/profile/document-secrets.ts";
import { asOperator, type Operator } from "./operator.ts";
import { agentKeys } from "./operator-context.ts";
import { readInput } from "./profile-input.ts";
import { publishNow } from "./profile-publish.ts";
import { type KeysOf, mayBeSaved, missingWords, numbered, saveVersion } from "./profile-save.ts";
import { readSecretText } from "./profile-secret-value.ts";
import { mayBePublished } from "./profile-trial.ts";
import { asTyped, flag, text } from "./profile-typed.ts";
import { documentOf, stateOf, versionOf } from "./profile-versions.ts";

const usage = `usage: ota profile secret NAME SECRET [--file FILE] [--note TEXT] [--publish]

Seals a new value for \${secret.SECRET} of the profile NAME and saves it as a new version, a draft unless --publish. The value is what
comes on standard input, without its last line break, or what is typed, unseen, at a terminal. With --file it is the octets of FILE:
for keys that are data, such as PKCS#12 and certificates. The HSM agent must run. Nobody can read the value again.

  ota profile secret office wifi.Password --publish
  ota profile secret office identity.PayloadContent --file ana.p12
  pass show wifi | ota profile secret office wifi.Password
`;

interface SecretRequest {
	name: string;
	secret: string;
	note: string;
	isPublished: boolean;
	value(): Promise<string | Uint8Array>;
}

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(
		args,
		usage,
		{ file: text, note: text, publish: flag },
		({ flags: { file, note = "", publish = false }, words: [name, secret, ...more] }) => {
			if (more.length > 0) return "The value is never an argument, where others could see it: type it when asked.";
			if (!name || !secret) return "Name a profile and one of its secrets.";
			const value = async () => (file === undefined ? readSecretText(secret) : readInput(file));
			const request = { name, secret, note, isPublished: publish, value };
			return asOperator((operator) => renewSecret(operator, request, agentKeys));
		},
	);

/** Answers the exit code. */
export async function renewSecret(operator: Operator, request: SecretRequest, keysOf: KeysOf): Promise<0 | 1> {
	const { store, say, tell } = operator;
	const { name, secret, isPublished } = request;
	const { latest } = await stateOf(store, name);
	const newest = await versionOf(store, name, latest);
	const document = documentOf(newest);
	const names = secretNames(document);
	if (!names.includes(secret)) {
		const known = names.length > 0 ? `It has: ${names.join(", ")}.` : "It has none.";
		tell(`Version ${latest} of ${name} has no \${secret.${secret}}. ${known}`);
		return 1;
	}
	const value = await request.value();
	if (value.length === 0) throw new OtaError("malformed", "The value is empty; nothing was saved.");
	const draft = { document, secrets: new Map([[secret, value]]), note: request.note };
	const next = await numbered(operator, draft, newest);
	if (!mayBeSaved(operator, next, draft)) return 1;
	for (const other of next.missing) tell(missingWords(name, other));
	if (isPublished && next.missing.length > 0) return 1;
	if (isPublished && !(await mayBePublished(operator, next, draft.secrets, keysOf))) {
		tell("Nothing was saved. Without --publish it is saved as a draft.");
		return 1;
	}
	await saveVersion(operator, next, draft, keysOf);
	if (isPublished) await publishNow(operator, name, next.version);
	say(`${name}  version ${next.version}  ${isPublished ? "published" : "draft"}  secret ${secret} sealed`);
	if (!isPublished) tell(`Devices get it after: ota profile publish ${name}`);
	return 0;
}
