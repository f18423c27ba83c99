/** Rows as the server writes them: enrollments that wait for their SCEP request, and those of a company that has been here for years. */
import { createHash, randomBytes } from "node:crypto";
import type { BenchDatabase, Row } from "./bench-database.ts";
import { progress } from "./report.ts";

const minute = 60_000;
const day = 24 * 60 * minute;
const hex = (length: number): string => randomBytes(length).toString("hex");

/** The ids of those that wait begin with this, which chance gives no other. */
export const waitingId = "ffffffff";

interface Person {
	enrollment: Row & { id: string };
	binding: string;
	serialNumber: string;
}

function person(at: Date, delivered: boolean): Person {
	const id = delivered ? hex(16) : waitingId + hex(12);
	const [udid, serialNumber, email] = [hex(20), hex(6).toUpperCase(), `${hex(4)}@example.com`];
	const user = { id: email, email, name: email, groups: ["staff"], claims: {} };
	const device = { UDID: udid, SERIAL: serialNumber, PRODUCT: "iPhone17,1", VERSION: "24A300" };
	const subject = [
		["O", "Example"],
		["CN", email],
		["serialNumber", serialNumber],
	];
	const enrollment = {
		id,
		userId: user.id,
		user: JSON.stringify(user),
		userEmail: email,
		state: delivered ? "delivered" : "identified",
		createdAt: at,
		expiresAt: new Date(at.getTime() + 20 * minute),
		signerKeyHash: hex(32),
		udid,
		device: JSON.stringify(device),
		deviceSerial: serialNumber,
		attempts: 1,
		deliveredAt: delivered ? at : null,
	};
	const binding = JSON.stringify({ udid, serialNumber, subject, subjectAltName: { rfc822Name: email } });
	return { enrollment, binding, serialNumber };
}

function challenge(person: Person, purpose: string, hash: string, spentBy: string | null): Row {
	const { id, createdAt, expiresAt } = person.enrollment;
	return {
		hash,
		purpose,
		enrollmentId: id,
		createdAt: createdAt ?? null,
		expiresAt: expiresAt ?? null,
		binding: purpose === "enroll" ? null : person.binding,
		usedAt: spentBy === null ? null : (createdAt ?? null),
		usedByKey: spentBy,
		withdrawnAt: null,
	};
}

/** Puts an enrollment that waits for its certificate under each of these challenges. */
export async function insertWaiting(database: BenchDatabase, challenges: readonly string[], at: Date): Promise<void> {
	const people = challenges.map(() => person(at, false));
	await database.insert({
		Enrollment: people.map(({ enrollment }) => enrollment),
		Challenge: people.flatMap((one, index) => [
			challenge(one, "enroll", hex(32), hex(32)),
			challenge(one, "identity", sha256(challenges[index] ?? ""), null),
		]),
	});
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What the certificates of a history have in common, where it is not the usual: their issuer, that they are revoked. */
export type InCommon = Partial<Record<"issuerKeyHash" | "state" | "revokedAt" | "revocationReason", Row[string]>>;

/** Adds `count` certificates with all that a delivered enrollment leaves behind but the profile, over the last year. */
export async function insertHistory(
	database: BenchDatabase,
	count: number,
	now: Date,
	inCommon: InCommon = {},
): Promise<void> {
	const started = performance.now();
	// A part at a time: the rows of 100,000 enrollments at once would be most of a gigabyte here.
	const part = 5_000;
	for (let from = 0; from < count; from += part) {
		await database.insert(history(Math.min(part, count - from), now, inCommon));
	}
	await database.settle();
	const seconds = (performance.now() - started) / 1000;
	if (seconds > 2) progress(`${database.name}: ${count} certificates inserted in ${seconds.toFixed(1)} s`);
}

function history(count: number, now: Date, inCommon: InCommon) {
	const rows: Record<"Enrollment" | "Challenge" | "Certificate" | "ScepTransaction" | "AuditEvent", Row[]> = {
		Enrollment: [],
		Challenge: [],
		Certificate: [],
		ScepTransaction: [],
		AuditEvent: [],
	};
	for (let index = 0; index < count; index++) {
		const at = new Date(now.getTime() - Math.floor(Math.random() * 365 * day));
		const one = person(at, true);
		const { id } = one.enrollment;
		const [challengeHash, publicKeyHash, serialNumber] = [hex(32), hex(32), hex(16)];
		rows.Enrollment.push(one.enrollment);
		rows.Challenge.push(challenge(one, "enroll", hex(32), hex(32)));
		rows.Challenge.push(challenge(one, "identity", challengeHash, publicKeyHash));
		const keys = { serialNumber, challengeHash, publicKeyHash, enrollmentId: id };
		rows.Certificate.push({ ...certificate(keys, at), ...inCommon });
		rows.ScepTransaction.push(transaction(serialNumber));
		for (const event of [
			"enrollment.started",
			"device.identified",
			"certificate.reserved",
			"certificate.issued",
			"profile.delivered",
		]) {
			const detail = JSON.stringify({ serialNumber, publicKey: publicKeyHash });
			rows.AuditEvent.push({ at, event, enrollmentId: id, detail });
		}
	}
	return rows;
}

function certificate(
	keys: Record<"serialNumber" | "challengeHash" | "publicKeyHash" | "enrollmentId", string>,
	at: Date,
): Row {
	const tbs = randomBytes(800);
	return {
		...keys,
		purpose: "identity",
		tbs,
		notBefore: at,
		notAfter: new Date(at.getTime() + 398 * day),
		createdAt: at,
		state: "issued",
		der: Buffer.concat([tbs, randomBytes(280)]),
		issuedAt: at,
		usedAt: at,
		revokedAt: null,
		revocationReason: null,
	};
}

function transaction(serialNumber: string): Row {
	const transactionID = hex(20).toUpperCase();
	return { serialNumber, transactionID, messageType: 19, signerKeyHash: hex(32), csrHash: hex(32) };
}
