/** `ota profile history`: the versions of a profile, who made them, and what they said of it. */
import { asOperator, type Operator } from "./operator.ts";
import { asTyped, flag } from "./profile-typed.ts";
import { stateOf } from "./profile-versions.ts";

const usage = `usage: ota profile history NAME [--json]

One line each, newest first: the version, whether devices get it, when and by whom it was made, the note. With --json an array.
What changed: ota profile diff NAME FROM TO
`;

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(args, usage, { json: flag }, ({ flags: { json = false }, words: [name, ...more] }) => {
		if (!name || more.length > 0) return "Name one profile.";
		return asOperator((operator) => history(operator, name, json));
	});

async function history({ store, say }: Operator, name: string, isJson: boolean): Promise<0> {
	const { published } = await stateOf(store, name);
	const versions = (await store.listVersions(name)).map(({ version, createdAt, by, note }) => {
		return { version, isPublished: version === published, createdAt, by, note };
	});
	if (isJson) {
		say(JSON.stringify(versions));
		return 0;
	}
	for (const { version, isPublished, createdAt, by, note } of versions) {
		const state = isPublished ? "published" : "-        ";
		say(`version ${version}  ${state}  ${createdAt.toISOString()} by ${by}${note && `  ${note}`}`);
	}
	return 0;
}
