/** People as their latest sign-in described them, and the groups that it told of. */
import type { KnownPerson, PeopleStore, User } from "../ports.ts";
import { comparableEmail } from "./blocked-names.ts";
import type { PrismaLike, Sql, Step, Tables } from "./client.ts";
import { persist } from "./failures.ts";

export async function savePerson(client: PrismaLike, person: KnownPerson): Promise<void> {
	await persist(async () =>
		(await isAsKnown(client, person.user))
			? touchPerson(client, person)
			: client.$transaction((sql) => keepPerson(sql, person)),
	);
}

/** Most sign-ins say what the one before said: then touchPerson is enough. People are never deleted. */
export async function isAsKnown(client: PrismaLike, user: User): Promise<boolean> {
	const [known] = (await client.$queryRaw`SELECT "user" FROM "Person" WHERE "id" = ${user.id}`) as { user: string }[];
	return known?.user === JSON.stringify(user);
}

export function touchPerson(sql: Sql, { user, signedInAt }: KnownPerson): Step {
	return sql.$executeRaw`
		UPDATE "Person" SET "signedInAt" = ${signedInAt} WHERE "id" = ${user.id} AND "signedInAt" < ${signedInAt}`;
}

/** The person's row is locked from here on, so that groups and description stay together. */
export async function keepPerson(sql: Tables, { user, signedInAt }: KnownPerson): Promise<void> {
	const kept = await sql.$executeRaw`
		INSERT INTO "Person" ("id", "email", "user", "signedInAt")
		VALUES (${user.id}, ${comparableEmail(user.email)}, ${JSON.stringify(user)}, ${signedInAt})
		ON CONFLICT ("id") DO UPDATE SET "email" = excluded."email", "user" = excluded."user",
			"signedInAt" = excluded."signedInAt"
		WHERE "Person"."signedInAt" <= excluded."signedInAt"`;
	if (kept !== 1) return;
	await sql.$executeRaw`DELETE FROM "PersonGroup" WHERE "userId" = ${user.id}`;
	// PostgreSQL keeps no text with a NUL, and nobody asks for such a group.
	const groups = [...new Set(user.groups)].filter((group) => !group.includes("\u0000"));
	if (groups.length === 0) return;
	await sql.personGroup.createMany({ data: groups.map((group) => ({ group, userId: user.id })) } as never);
}

export async function findPerson(
	client: PrismaLike,
	by: Parameters<PeopleStore["findPerson"]>[0],
): Promise<KnownPerson | null> {
	const rows = await persist(() =>
		"id" in by
			? client.$queryRaw`SELECT "user", "signedInAt" FROM "Person" WHERE "id" = ${by.id}`
			: client.$queryRaw`
				SELECT "user", "signedInAt" FROM "Person" WHERE "email" = ${comparableEmail(by.email)}
				ORDER BY "signedInAt" DESC LIMIT 1`,
	);
	const [row] = rows as { user: string; signedInAt: Date }[];
	return row ? { user: JSON.parse(row.user) as User, signedInAt: row.signedInAt } : null;
}
