/** `ota profile list`: all profiles, what devices get of them, and who. */
import { asOperator, type Operator } from "./operator.ts";
import { asTyped } from "./profile-typed.ts";
import { documentOf, versionOf } from "./profile-versions.ts";
import { audienceWords, counted } from "./profile-words.ts";

const usage = `usage: ota profile list

One line each: its name, its newest version, the version that devices get and since when, who gets it, how many payloads it has.
What is in it: ota profile export NAME
`;

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(args, usage, {}, ({ words }) => (words.length > 0 ? "Nothing more to say." : asOperator(list)));

async function list({ store, say, tell }: Operator): Promise<0> {
	const states = await store.listProfiles();
	for (const { name, latest, published, publishedAt } of states) {
		const document = documentOf(await versionOf(store, name, published ?? latest));
		const since = published === null ? "not published" : `published ${published}  since ${publishedAt?.toISOString()}`;
		const payloads = counted(document.payloads.length, "payload");
		say(`${name}  version ${latest}  ${since}  for ${audienceWords(document)}  ${payloads}`);
	}
	tell(`${counted(states.length, "profile")}.`);
	return 0;
}
