/** Operators' profiles: versions that are only ever added, and which of them devices get. */
import type { ProfileState, ProfileStore, ProfileVersion, SealedSecret } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import type { PrismaLike, Sql } from "./client.ts";
import { holds, must, persist } from "./failures.ts";

export async function saveProfile(
	client: PrismaLike,
	{ version, after, secrets, audit }: Parameters<ProfileStore["saveProfile"]>[0],
): Promise<boolean> {
	const { name, document, note, createdAt, by } = version;
	const number = after + 1;
	return holds(() =>
		client.$transaction(async (sql) => {
			must(await count(sql, name, after));
			await sql.$executeRaw`
				INSERT INTO "ProfileVersion" ("name", "version", "document", "note", "createdAt", "by")
				VALUES (${name}, ${number}, ${document}, ${note}, ${createdAt}, ${by})`;
			for (const secret of secrets) {
				await sql.$executeRaw`
					INSERT INTO "ProfileSecret" ("profile", "name", "version", "sealed")
					VALUES (${name}, ${secret.name}, ${number}, ${secret.sealed})`;
			}
			await insertAuditEvent(sql, audit);
		}),
	);
}

/** The profile's newest version is the one after `after` from now on; or nothing changes. */
async function count(sql: Sql, name: string, after: number): Promise<unknown> {
	const latest = after + 1;
	return after === 0
		? await sql.$executeRaw`INSERT INTO "Profile" ("name", "latest") VALUES (${name}, ${latest}) ON CONFLICT DO NOTHING`
		: await sql.$executeRaw`UPDATE "Profile" SET "latest" = ${latest} WHERE "name" = ${name} AND "latest" = ${after}`;
}

export async function publishProfile(
	client: PrismaLike,
	{ name, version, now, audit }: Parameters<ProfileStore["publishProfile"]>[0],
): Promise<boolean> {
	return holds(() =>
		client.$transaction(async (sql) => {
			const published =
				version === null
					? await sql.$executeRaw`
						UPDATE "Profile" SET "published" = NULL, "publishedAt" = NULL WHERE "name" = ${name}`
					: await sql.$executeRaw`
						UPDATE "Profile" SET "published" = ${version}, "publishedAt" = ${now}
						WHERE "name" = ${name} AND EXISTS (SELECT 1 FROM "ProfileVersion"
							WHERE "ProfileVersion"."name" = "Profile"."name" AND "version" = ${version})`;
			must(published);
			await insertAuditEvent(sql, audit);
		}),
	);
}

export async function listProfiles(client: PrismaLike): Promise<ProfileState[]> {
	const rows = await persist(() => client.$queryRaw`SELECT * FROM "Profile"`);
	return (rows as ProfileState[]).sort(byName);
}

/** Databases have their own alphabets. */
const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

export async function listVersions(client: PrismaLike, name: string): Promise<ProfileVersion[]> {
	return (await persist(
		() => client.$queryRaw`SELECT * FROM "ProfileVersion" WHERE "name" = ${name} ORDER BY "version" DESC`,
	)) as ProfileVersion[];
}

export async function publishedVersions(client: PrismaLike): Promise<{ name: string; version: number }[]> {
	const rows = await persist(
		() => client.$queryRaw`SELECT "name", "published" AS "version" FROM "Profile" WHERE "published" IS NOT NULL`,
	);
	return (rows as { name: string; version: number }[]).sort(byName);
}

export async function findVersion(client: PrismaLike, name: string, version: number): Promise<ProfileVersion | null> {
	const rows = await persist(
		() => client.$queryRaw`SELECT * FROM "ProfileVersion" WHERE "name" = ${name} AND "version" = ${version}`,
	);
	const [found] = rows as ProfileVersion[];
	return found ?? null;
}

export async function findSecrets(
	client: PrismaLike,
	wanted: Parameters<ProfileStore["findSecrets"]>[0],
): Promise<SealedSecret[]> {
	if (wanted.length === 0) return [];
	const where = { OR: wanted.map(({ profile, name, version }) => ({ profile, name, version })) };
	return (await persist(() => client.profileSecret.findMany({ where }))) as SealedSecret[];
}
