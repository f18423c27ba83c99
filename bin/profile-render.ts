/** `ota profile render`: what a person's device would get, and why. */
import { asOperator } from "./operator.ts";
import { templatesFor } from "./operator-context.ts";
import { isYamlName } from "./profile-input.ts";
import { renderProfile } from "./profile-rendering.ts";
import { readClaims, type SubjectFlags } from "./profile-subject.ts";
import { asTyped, flag, text, texts } from "./profile-typed.ts";

const usage = `usage: ota profile render --user EMAIL-OR-SUBJECT --device UDID-OR-SERIAL [...]
       ota profile render --user EMAIL-OR-SUBJECT --product iPhone15,4 [--os 18.1] [--serial S] [...]
       ota profile render --device UDID-OR-SERIAL [...]

What would this person's device get now, and why? Payloads go to standard output as an XML property list; standard error says of each
profile and payload whether it counts, and what the lint finds. Person and device are taken from the database as far as they are
there, and from the flags, which count first; without --user the device's owner. Needs neither token nor agent: secrets are •••.

  --groups a,b         of the person, instead of those of the latest sign-in
  --claim NAME=VALUE   of the person; once more with one name: a list
  --product, --os, --serial   of the device: PRODUCT, version, serial number
  --with FILE.yaml     with this document in place of the published version of its profile
  --draft NAME         with the newest version of NAME, published or not
  --json               one object: payloads (data as base64), outer, trace, findings

Exit code 1 when a device could not get it as it is.

  ota profile render --user ana@example.com --product iPhone15,4 --os 18.1 --groups staff
  ota profile render --device C39VK7XQ0D91 --with office.yaml
`;

const flags = {
	...{ user: text, groups: text, claim: texts, device: text, product: text, os: text, serial: text },
	...{ with: texts, draft: texts, json: flag },
};

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(args, usage, flags, ({ flags: typed, words }) => {
		if (words.length > 0) return "Everything has its flag.";
		const who: SubjectFlags = typed;
		const fault = subjectFault(who);
		if (fault) return fault;
		const claims = readClaims(typed.claim ?? []);
		if (claims === null) return "--claim is NAME=VALUE.";
		const { with: files = [], draft: drafts = [], json = false } = typed;
		if (!files.every(isYamlName)) return "--with takes documents (.yaml, .yml).";
		return asOperator((operator) =>
			renderProfile(operator, { who: { ...who, claims }, files, drafts, json }, templatesFor),
		);
	});

function subjectFault({ user, device, product, os }: SubjectFlags): string | null {
	if (user === undefined && device === undefined) return "Name a person (--user), a device (--device), or both.";
	if (device === undefined && product === undefined) return "Name a device (--device), or its model (--product).";
	if (os !== undefined && !/^\d{1,3}(?:\.\d{1,3}){0,2}$/.test(os)) return "--os is a version like 18.1.";
	return null;
}
