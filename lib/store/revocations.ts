/** Revocation of one certificate, or of all that a device or a person has, with a block. Nothing is ever unrevoked. */
import type { Block, RevocationStore } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import { keepBlock, namesOf } from "./blocks.ts";
import type { PrismaLike, Sql } from "./client.ts";
import { persist } from "./failures.ts";

type Revocation = Parameters<RevocationStore["revoke"]>[0];
type Revoked = Awaited<ReturnType<RevocationStore["revoke"]>>;

export async function revoke(client: PrismaLike, input: Revocation): Promise<Revoked> {
	let revoked: Revoked = null;
	await persist(() =>
		client.$transaction(async (sql) => {
			revoked = "serialNumber" in input.target ? await revokeOne(sql, input) : await revokeAll(sql, input);
		}),
	);
	return revoked;
}

/** The enrollment first, as everywhere: it is locked, though nothing of it changes. */
async function revokeOne(sql: Sql, input: Revocation): Promise<Revoked> {
	const serialNumber = "serialNumber" in input.target ? input.target.serialNumber : "";
	const known = await sql.$executeRaw`
		UPDATE "Enrollment" SET "state" = "state"
		WHERE "id" = (SELECT "enrollmentId" FROM "Certificate" WHERE "serialNumber" = ${serialNumber})`;
	if (known === 0) return null;
	const ended = await sql.$queryRaw`
		UPDATE "Certificate" SET "revokedAt" = ${input.now},
			"revocationReason" = CASE WHEN "state" = 'issued' THEN ${input.reason} ELSE "revocationReason" END,
			"state" = CASE WHEN "state" = 'issued' THEN 'revoked' ELSE 'abandoned' END
		WHERE "serialNumber" = ${serialNumber} AND "state" IN ('issued', 'reserved')
		RETURNING "serialNumber", "enrollmentId"`;
	const revoked = await tell(sql, ended as Ended[], input);
	return { revoked, already: revoked.length > 0 ? [] : [serialNumber], blocks: [] };
}

interface Found {
	id: string;
	userId: string;
	udid: string | null;
	deviceSerial: string | null;
}

async function revokeAll(sql: Sql, input: Revocation): Promise<Revoked> {
	const { target, reason, by, now, audit } = input;
	const { device, person, email } = namesOf(target);
	const found = (await sql.$queryRaw`
		UPDATE "Enrollment" SET "state" = CASE WHEN "state" = 'delivered' THEN "state" ELSE 'cancelled' END
		WHERE "udid" = ${device} OR "deviceSerial" = ${device} OR "userId" = ${person} OR "userEmail" = ${email}
		RETURNING "id", "userId", "udid", "deviceSerial"`) as Found[];
	if (found.length === 0) return null;
	const blocks: Block[] = [];
	for (const name of blocked(found, device === null ? "person" : "device")) {
		blocks.push(await keepBlock(sql, { ...name, createdAt: now, reason, by }, audit));
	}
	await withdrawAll(sql, input);
	const ended = await sql.$queryRaw`
		UPDATE "Certificate" SET "revokedAt" = ${now},
			"revocationReason" = CASE WHEN "state" = 'issued' THEN ${reason} ELSE "revocationReason" END,
			"state" = CASE WHEN "state" = 'issued' THEN 'revoked' ELSE 'abandoned' END
		WHERE "state" IN ('issued', 'reserved') AND "enrollmentId" IN (SELECT "id" FROM "Enrollment"
			WHERE "udid" = ${device} OR "deviceSerial" = ${device} OR "userId" = ${person} OR "userEmail" = ${email})
		RETURNING "serialNumber", "enrollmentId"`;
	const all = (await sql.$queryRaw`
		SELECT "serialNumber" FROM "Certificate"
		WHERE "state" IN ('revoked', 'abandoned') AND "enrollmentId" IN (SELECT "id" FROM "Enrollment"
			WHERE "udid" = ${device} OR "deviceSerial" = ${device} OR "userId" = ${person} OR "userEmail" = ${email})
		ORDER BY "serialNumber"`) as Pick<Ended, "serialNumber">[];
	const revoked = await tell(sql, ended as Ended[], input);
	const endedNow = new Set(revoked);
	return { revoked, already: all.map((each) => each.serialNumber).filter((each) => !endedNow.has(each)), blocks };
}

/** In one order, so that two revocations wait for each other rather than deadlock. */
function blocked(found: readonly Found[], kind: Block["kind"]): Pick<Block, "kind" | "value">[] {
	const values = found.flatMap((each) => (kind === "person" ? [each.userId] : [each.udid, each.deviceSerial]));
	return [...new Set(values)].flatMap((value) => (value === null ? [] : [{ kind, value }])).sort(byValue);
}

const byValue = (a: { value: string }, b: { value: string }): number => (a.value < b.value ? -1 : 1);

/** Challenges that have led to no certificate, and requests that wait. */
async function withdrawAll(sql: Sql, { target, by, now }: Revocation): Promise<void> {
	const { device, person, email } = namesOf(target);
	await sql.$executeRaw`
		UPDATE "Challenge" SET "withdrawnAt" = ${now}
		WHERE "withdrawnAt" IS NULL AND "enrollmentId" IN (SELECT "id" FROM "Enrollment"
				WHERE "udid" = ${device} OR "deviceSerial" = ${device} OR "userId" = ${person} OR "userEmail" = ${email})
			AND ("usedAt" IS NULL OR (EXISTS (SELECT 1 FROM "Approval" WHERE "challengeHash" = "hash")
				AND NOT EXISTS (SELECT 1 FROM "Certificate" WHERE "challengeHash" = "hash")))`;
	await sql.$executeRaw`
		UPDATE "Approval" SET "state" = 'refused', "decidedAt" = ${now}, "decidedBy" = ${by}
		WHERE "state" = 'pending' AND "enrollmentId" IN (SELECT "id" FROM "Enrollment"
			WHERE "udid" = ${device} OR "deviceSerial" = ${device} OR "userId" = ${person} OR "userEmail" = ${email})`;
}

interface Ended {
	serialNumber: string;
	enrollmentId: string;
}

/** One audit event for each; answers their serial numbers in order. */
async function tell(sql: Sql, ended: readonly Ended[], { audit }: Revocation): Promise<string[]> {
	const inOrder = [...ended].sort((a, b) => (a.serialNumber < b.serialNumber ? -1 : 1));
	for (const { serialNumber, enrollmentId } of inOrder) {
		const detail = { ...audit.detail, serialNumber };
		await insertAuditEvent(sql, { ...audit, enrollmentId: audit.enrollmentId ?? enrollmentId, detail });
	}
	return inOrder.map((each) => each.serialNumber);
}
