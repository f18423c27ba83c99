/** `ota profile list`: all profiles, what devices get of them, and who. */
import type { ProfileState } from "../lib/ports.ts";
import type { ProfileDocument } from "../lib/profile/document.ts";
import { asOperator, type Operator } from "./operator.ts";
import { asTyped, flag } from "./profile-typed.ts";
import { documentOf, versionOf } from "./profile-versions.ts";
import { audienceWords, counted } from "./profile-words.ts";

const usage = `usage: ota profile list [--json]

One line each: its name, its newest version, the version that devices get and since when, who gets it, how many payloads it has.
With --json an array of them. What is in one: ota profile export NAME
`;

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(args, usage, { json: flag }, ({ flags: { json = false }, words }) =>
		words.length > 0 ? "Nothing more to say." : asOperator((operator) => list(operator, json)),
	);

async function list({ store, say, tell }: Operator, isJson: boolean): Promise<0> {
	const states = await store.listProfiles();
	const listed: Listed[] = [];
	for (const state of states) {
		const document = documentOf(await versionOf(store, state.name, state.published ?? state.latest));
		listed.push({ ...state, document });
	}
	if (isJson) say(JSON.stringify(listed.map(asJson)));
	else for (const each of listed) say(line(each));
	tell(`${counted(states.length, "profile")}.`);
	return 0;
}

/** With the document of the version that devices get, or else of the newest. */
type Listed = ProfileState & { document: ProfileDocument };

function asJson({ document, ...state }: Listed): object {
	const { for: audience, except, payloads } = document;
	return { ...state, for: audience, except, payloads: payloads.length };
}

function line({ name, latest, published, publishedAt, document }: Listed): string {
	const since = published === null ? "not published" : `published ${published}  since ${publishedAt?.toISOString()}`;
	const payloads = counted(document.payloads.length, "payload");
	return `${name}  version ${latest}  ${since}  for ${audienceWords(document)}  ${payloads}`;
}
