/** Who is barred: a person by the SSO's subject, a device by its UDID and its serial number. */
import type { AuditEvent, Block, PeopleStore, RevocationStore, RevocationTarget } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import { comparableEmail, spellings } from "./blocked-names.ts";
import type { PrismaLike, Sql } from "./client.ts";
import { holds, must, persist } from "./failures.ts";

/** By what a target's enrollments are found; null where it has none of that. */
export function namesOf(target: RevocationTarget) {
	const person = "person" in target ? target.person : null;
	return { device: "device" in target ? target.device : null, person, email: person && comparableEmail(person) };
}

/** The block that holds: a former one stays as it is. */
export async function keepBlock(sql: Sql, block: Block, audit: AuditEvent): Promise<Block> {
	const { kind, value } = block;
	await insertBlock(sql, block, audit);
	const rows = await sql.$queryRaw`SELECT * FROM "Block" WHERE "kind" = ${kind} AND "value" = ${value}`;
	const [former] = rows as Block[];
	return former ?? block;
}

/** Whether it is new; the audit event tells of a new one alone. */
async function insertBlock(sql: Sql, block: Block, audit: AuditEvent): Promise<boolean> {
	const { kind, value, createdAt, reason, by } = block;
	const kept = await sql.$executeRaw`
		INSERT INTO "Block" ("kind", "value", "createdAt", "reason", "by")
		VALUES (${kind}, ${value}, ${createdAt}, ${reason}, ${by}) ON CONFLICT DO NOTHING`;
	if (kept !== 1) return false;
	await insertAuditEvent(sql, { ...audit, event: "blocked", detail: { ...audit.detail, [kind]: value } });
	return true;
}

export async function blockDevices(
	client: PrismaLike,
	{ blocks, audit }: Parameters<PeopleStore["blockDevices"]>[0],
): Promise<number> {
	let added = 0;
	// In one order, so that it waits for a revocation rather than deadlock with it.
	const inOrder = [...blocks].sort((a, b) => (a.value < b.value ? -1 : 1));
	await persist(() =>
		client.$transaction(async (sql) => {
			added = 0;
			for (const block of inOrder) if (await insertBlock(sql, block, audit)) added += 1;
		}),
	);
	return added;
}

export async function listBlocks(client: PrismaLike): Promise<Block[]> {
	return (await persist(
		() => client.$queryRaw`SELECT * FROM "Block" ORDER BY "createdAt", "kind", "value"`,
	)) as Block[];
}

export async function liftBlock(
	client: PrismaLike,
	{ target, audit }: Parameters<RevocationStore["liftBlock"]>[0],
): Promise<boolean> {
	const { device, person, email } = namesOf(target);
	const [, upper, lower] = spellings(device ?? "");
	return holds(() =>
		client.$transaction(async (sql) => {
			const lifted = (await sql.$queryRaw`
				DELETE FROM "Block"
				WHERE ("kind" = 'person' AND ("value" = ${person}
						OR "value" IN (SELECT "userId" FROM "Enrollment" WHERE "userEmail" = ${email})))
					OR ("kind" = 'device' AND ("value" IN (${device}, ${upper}, ${lower})
						OR "value" IN (SELECT "udid" FROM "Enrollment" WHERE "deviceSerial" = ${device})
						OR "value" IN (SELECT "deviceSerial" FROM "Enrollment" WHERE "udid" = ${device})))
				RETURNING "kind", "value"`) as Pick<Block, "kind" | "value">[];
			must(Math.min(lifted.length, 1));
			for (const { kind, value } of lifted) {
				await insertAuditEvent(sql, { ...audit, detail: { ...audit.detail, [kind]: value } });
			}
		}),
	);
}

export async function isBlocked(
	client: PrismaLike,
	{ userId = "", udid = "", serialNumber }: Parameters<RevocationStore["isBlocked"]>[0],
): Promise<boolean> {
	const [device, deviceUpper, deviceLower] = spellings(udid);
	const [serial, serialUpper, serialLower] = spellings(serialNumber ?? "");
	const rows = await persist(
		() => client.$queryRaw`
			SELECT 1 FROM "Block"
			WHERE ("kind" = 'person' AND "value" = ${userId}) OR ("kind" = 'device' AND "value" IN
				(${device}, ${deviceUpper}, ${deviceLower}, ${serial}, ${serialUpper}, ${serialLower}))
			LIMIT 1`,
	);
	return (rows as unknown[]).length > 0;
}
