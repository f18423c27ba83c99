/** Revocation of one certificate, or of all that a device or a person has, with a block. Nothing is ever unrevoked. */
import type { Block, RevocationStore, RevocationTarget } from "../ports.ts";
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
	// What an identity was to fetch with a challenge goes with it.
	await sql.$executeRaw`
		UPDATE "Challenge" SET "withdrawnAt" = ${input.now}
		WHERE "usedAt" IS NULL AND "withdrawnAt" IS NULL AND "enrollmentId" =
			(SELECT "enrollmentId" FROM "Certificate" WHERE "serialNumber" = ${serialNumber} AND "purpose" = 'identity')`;
	const ended = await sql.$queryRaw`
		UPDATE "Certificate" SET "revokedAt" = ${input.now},
			"revocationReason" = CASE WHEN "state" = 'issued' THEN ${input.reason} ELSE "revocationReason" END,
			"state" = CASE WHEN "state" = 'issued' THEN 'revoked' ELSE 'abandoned' END
		WHERE "state" IN ('issued', 'reserved') AND ("serialNumber" = ${serialNumber} OR (${input.reason === keyCompromise}
			AND "publicKeyHash" = (SELECT "publicKeyHash" FROM "Certificate" WHERE "serialNumber" = ${serialNumber})))
		RETURNING "serialNumber", "enrollmentId"`;
	const revoked = await tell(sql, ended as Ended[], input);
	return { revoked, already: revoked.includes(serialNumber) ? [] : [serialNumber], blocks: [] };
}

/** The key's every certificate goes with it (RFC 5280 section 5.3.1). */
const keyCompromise = 1;

interface Found {
	id: string;
	userId: string;
	udid: string | null;
	deviceSerial: string | null;
}

async function revokeAll(sql: Sql, input: Revocation): Promise<Revoked> {
	const { target, reason, by, now, audit } = input;
	const found = await enrollmentsOf(sql, target);
	if (found.length === 0) return null;
	const blocks: Block[] = [];
	for (const name of blocked(found, "device" in target ? "device" : "person")) {
		blocks.push(await keepBlock(sql, { ...name, createdAt: now, reason, by }, audit));
	}
	const ended: Ended[] = [];
	const all: string[] = [];
	for (const { id } of found) {
		await withdraw(sql, id, input);
		ended.push(...(await endCertificates(sql, id, input)));
		const rows = await sql.$queryRaw`
			SELECT "serialNumber" FROM "Certificate" WHERE "state" IN ('revoked', 'abandoned') AND "enrollmentId" = ${id}`;
		all.push(...(rows as Pick<Ended, "serialNumber">[]).map(({ serialNumber }) => serialNumber));
	}
	const revoked = await tell(sql, ended, input);
	const endedNow = new Set(revoked);
	return { revoked, already: all.sort().filter((each) => !endedNow.has(each)), blocks };
}

/**
 * Cancels what is not delivered, and answers all of the target's, in one order. A device may have left its serial number out
 * at one time and told it at another: the UDIDs that it leads to are followed.
 */
async function enrollmentsOf(sql: Sql, target: RevocationTarget): Promise<Found[]> {
	const { device, person, email } = namesOf(target);
	const found = new Map<string, Found>();
	const asked = new Set<string | null>();
	for (let names: (string | null)[] = [device]; names.length > 0; ) {
		const [name = null] = names.splice(0, 1);
		asked.add(name);
		const rows = (await sql.$queryRaw`
			UPDATE "Enrollment" SET "state" = CASE WHEN "state" = 'delivered' THEN "state" ELSE 'cancelled' END
			WHERE "udid" = ${name} OR "deviceSerial" = ${name} OR "userId" = ${person} OR "userEmail" = ${email}
			RETURNING "id", "userId", "udid", "deviceSerial"`) as Found[];
		for (const row of rows) found.set(row.id, row);
		const udids = device === null ? [] : rows.flatMap(({ udid }) => udid ?? []);
		names = [...new Set([...names, ...udids])].filter((one) => !asked.has(one));
	}
	return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function endCertificates(sql: Sql, enrollmentId: string, { now, reason }: Revocation): Promise<Ended[]> {
	const ended = await sql.$queryRaw`
		UPDATE "Certificate" SET "revokedAt" = ${now},
			"revocationReason" = CASE WHEN "state" = 'issued' THEN ${reason} ELSE "revocationReason" END,
			"state" = CASE WHEN "state" = 'issued' THEN 'revoked' ELSE 'abandoned' END
		WHERE "state" IN ('issued', 'reserved') AND "enrollmentId" = ${enrollmentId}
		RETURNING "serialNumber", "enrollmentId"`;
	return ended as Ended[];
}

/** In one order, so that two revocations wait for each other rather than deadlock. */
function blocked(found: readonly Found[], kind: Block["kind"]): Pick<Block, "kind" | "value">[] {
	const values = found.flatMap((each) => (kind === "person" ? [each.userId] : [each.udid, each.deviceSerial]));
	return [...new Set(values)].flatMap((value) => (value === null ? [] : [{ kind, value }])).sort(byValue);
}

const byValue = (a: { value: string }, b: { value: string }): number => (a.value < b.value ? -1 : 1);

/** Challenges that have led to no certificate, and requests that wait. */
async function withdraw(sql: Sql, enrollmentId: string, { by, now }: Revocation): Promise<void> {
	await sql.$executeRaw`
		UPDATE "Challenge" SET "withdrawnAt" = ${now}
		WHERE "withdrawnAt" IS NULL AND "enrollmentId" = ${enrollmentId}
			AND ("usedAt" IS NULL OR (EXISTS (SELECT 1 FROM "Approval" WHERE "challengeHash" = "hash")
				AND NOT EXISTS (SELECT 1 FROM "Certificate" WHERE "challengeHash" = "hash")))`;
	await sql.$executeRaw`
		UPDATE "Approval" SET "state" = 'refused', "decidedAt" = ${now}, "decidedBy" = ${by}
		WHERE "state" = 'pending' AND "enrollmentId" = ${enrollmentId}`;
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
