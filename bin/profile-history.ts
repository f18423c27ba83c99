/** `ota profile history`: the versions of a profile, who made them, and what they said of it. */
import { asOperator, type Operator } from "./operator.ts";
import { asTyped } from "./profile-typed.ts";
import { stateOf } from "./profile-versions.ts";

const usage = `usage: ota profile history NAME

One line each, newest first: the version, whether devices get it, when and by whom it was made, the note.
What changed: ota profile diff NAME FROM TO
`;

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(args, usage, {}, ({ words: [name, ...more] }) => {
		if (!name || more.length > 0) return "Name one profile.";
		return asOperator((operator) => history(operator, name));
	});

async function history({ store, say }: Operator, name: string): Promise<0> {
	const { published } = await stateOf(store, name);
	for (const { version, createdAt, by, note } of await store.listVersions(name)) {
		const state = version === published ? "published" : "-        ";
		say(`version ${version}  ${state}  ${createdAt.toISOString()} by ${by}${note && `  ${note}`}`);
	}
	return 0;
}
