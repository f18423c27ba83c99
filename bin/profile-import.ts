/** `ota profile import`: a file becomes a new version of a profile, and what is secret in it goes under the seal key. */
import { isTemplateName } from "../lib/profile/templates.ts";
import { asOperator } from "./operator.ts";
import { agentKeys } from "./operator-context.ts";
import { audienceForms, readAudience } from "./profile-audience.ts";
import { importProfile } from "./profile-importing.ts";
import { nameOfFile } from "./profile-input.ts";
import { asTyped, flag, text, texts } from "./profile-typed.ts";

const usage = `usage: ota profile import FILE [--name NAME] [--for WHO]... [--note TEXT] [--publish]

FILE is a .mobileconfig, signed or not (a signature is not judged), or a document (.yaml, .yml). It becomes a new version of the
profile NAME (the document's own name, or the file's, unless told): a draft that devices do not get before "ota profile publish",
or --publish. Passwords, keys and PKCS#12 in it are sealed by the HSM agent, which must run then, and are never shown again; each
import seals anew what it brings. The file itself still holds them. A file that is equal to the newest version makes no new one.

WHO is ${audienceForms}
(several --for: any of them). Finer rules are written in YAML: ota profile export NAME. A .mobileconfig says nothing of whom it is
for: it is for nobody until told, or for whom NAME was before; NAME's priority, days and rules of payloads stay too. Payloads are found
again by PayloadUUID, PayloadIdentifier or, when alone, type: one with rules that cannot be is refused, for YAML to change.

Errors of the lint: nothing is saved, exit code 1. A secret that stands by name alone and has no value yet is a warning in a
draft, and an error when it is published: "ota profile secret NAME SECRET" gives it one.

  ota profile import office.mobileconfig --for everyone --publish
  ota profile import wifi.mobileconfig --name wifi --for group:staff --for user:ana@example.com
  ota profile import office.yaml --note "new proxy"
`;

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(args, usage, { name: text, for: texts, note: text, publish: flag }, ({ flags, words: [file, ...more] }) => {
		if (!file || more.length > 0) return "Name one file.";
		if (flags.name !== undefined && !isTemplateName(flags.name)) {
			return "--name has letters, digits, '.', '_' and '-', and begins with a letter or digit; 64 at most.";
		}
		const typed = flags.for === undefined ? { audience: undefined } : readAudience(flags.for);
		if ("fault" in typed) return typed.fault;
		const { note = "", publish = false } = flags;
		if (note.length > 1_000) return "--note has 1,000 characters at most.";
		const request = { file, name: flags.name, fileName: nameOfFile(file), ...typed, note, isPublished: publish };
		return asOperator((operator) => importProfile(operator, request, agentKeys));
	});
