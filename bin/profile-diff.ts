/** `ota profile diff`: what changed between two versions of a profile. */
import { documentDiff } from "../lib/profile/document-diff.ts";
import { asOperator, type Operator } from "./operator.ts";
import { asTyped } from "./profile-typed.ts";
import { readVersion, stateOf, versionOf } from "./profile-versions.ts";

const usage = `usage: ota profile diff NAME [FROM [TO]]

The documents of two versions as a unified diff: the published one against the newest unless told, or the two newest when the
newest is published (or none is). FROM alone is held against the newest. A secret is its name and the version that brought its
value. Exit code 0, changed or not.

  ota profile diff office
  ota profile diff office 3 5
`;

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(args, usage, {}, ({ words: [name, from, to, ...more] }) => {
		if (!name || more.length > 0) return "Name one profile, and two versions at most.";
		const versions = [from, to].map((word) => (word === undefined ? undefined : readVersion(word)));
		if (versions.includes(null)) return "A version is a number, as in: ota profile history NAME";
		const [before, after] = versions as (number | undefined)[];
		return asOperator((operator) => diff(operator, name, before, after));
	});

async function diff(
	{ store, say, tell }: Operator,
	name: string,
	from: number | undefined,
	to: number | undefined,
): Promise<0> {
	const { latest, published } = await stateOf(store, name);
	const after = to ?? latest;
	const before = from ?? (published === null || published === latest ? latest - 1 : published);
	if (before === 0) {
		tell(`${name} has one version.`);
		return 0;
	}
	const [old, young] = await Promise.all([versionOf(store, name, before), versionOf(store, name, after)]);
	const title = (version: number) => `${name} version ${version}${version === published ? " (published)" : ""}`;
	if (old.document === young.document) tell(`Version ${before} and version ${after} are equal.`);
	else for (const line of lines(documentDiff(old.document, young.document, [title(before), title(after)]))) say(line);
	return 0;
}

const lines = (text: string): string[] => text.replace(/\n$/, "").split("\n");
