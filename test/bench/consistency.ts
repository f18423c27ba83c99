/**
 * Whether a database tells one story (design: the invariants of the journey): every certificate verifies and was paid for by a
 * challenge, every enrollment has come to its end, and every step is an audit event. Written against the tables, not the store.
 */
import { createHash, X509Certificate } from "node:crypto";
import { type BenchDatabase, type Table, tables } from "./bench-database.ts";

type Row = Record<string, unknown>;
export type Contents = Record<Table, readonly Row[]>;
/** Hears of what is wrong. */
type Tell = (fault: string) => void;

/** Throws with the first faults and their number; `ca` is the issuing CA's certificate (DER). */
export async function assertConsistent(database: Pick<BenchDatabase, "read">, ca: Uint8Array): Promise<void> {
	const entries: [Table, readonly Row[]][] = [];
	for (const table of tables) entries.push([table, await database.read(table)]);
	const faults = faultsOf(Object.fromEntries(entries) as Contents, ca);
	if (faults.length === 0) return;
	throw new Error(`the database has ${faults.length} faults:\n${faults.slice(0, 10).join("\n")}`);
}

/** What is wrong, one sentence each; every enrollment is expected to be at its end. */
export function faultsOf(contents: Contents, ca: Uint8Array): string[] {
	const faults: string[] = [];
	const tell: Tell = (fault) => void faults.push(fault);
	const issuer = new X509Certificate(ca);
	const challenges = byColumn(contents.Challenge, "hash");
	const transactions = byColumn(contents.ScepTransaction, "serialNumber");
	for (const column of ["serialNumber", "publicKeyHash", "challengeHash"]) {
		for (const value of repeated(contents.Certificate, column)) tell(`${column} ${value} has several certificates`);
	}
	for (const certificate of contents.Certificate) {
		judgeCertificate(certificate, issuer, tell);
		judgePayment(certificate, challenges.get(certificate.challengeHash), tell);
		if (!transactions.has(certificate.serialNumber)) tell(`${certificate.serialNumber} has no SCEP transaction`);
	}
	judgeChallenges(contents, tell);
	judgeEnrollments(contents, tell);
	return faults;
}

const byColumn = (rows: readonly Row[], column: string): Map<unknown, Row> =>
	new Map(rows.map((row) => [row[column], row]));

function repeated(rows: readonly Row[], column: string): Set<unknown> {
	const seen = new Set<unknown>();
	return new Set(rows.map((row) => row[column]).filter((value) => seen.has(value) || !seen.add(value)));
}

function judgeCertificate(row: Row, issuer: X509Certificate, tell: Tell): void {
	const say: Tell = (fault) => tell(`certificate ${row.serialNumber} ${fault}`);
	if (row.state !== "issued") say(`is ${row.state}`);
	else if (row.der instanceof Uint8Array) judgeDer(row, Buffer.from(row.der), issuer, say);
	else say("has no DER");
}

/** It is what was reserved, signed by this CA, and the columns say what it says. */
function judgeDer(row: Row, der: Buffer, issuer: X509Certificate, say: Tell): void {
	const x509 = new X509Certificate(der);
	const key = createHash("sha256").update(x509.publicKey.export({ type: "spki", format: "der" }));
	if (!x509.checkIssued(issuer) || !x509.verify(issuer.publicKey)) say("is not signed by the CA");
	if (x509.serialNumber.toLowerCase().replace(/^(00)+(?=..)/, "") !== row.serialNumber) say("has another serial");
	if (key.digest("hex") !== row.publicKeyHash) say("is for another key");
	if (!der.includes(Buffer.from(row.tbs as Uint8Array))) say("is not what was reserved");
	for (const [said, column] of [
		[x509.validFrom, "notBefore"],
		[x509.validTo, "notAfter"],
	] as const) {
		// Certificates have seconds.
		const seconds = Math.floor((row[column] as Date).getTime() / 1000);
		if (Date.parse(said) / 1000 !== seconds) say(`has another ${column}`);
	}
}

/** A challenge of the same purpose and enrollment, spent by that very key. */
function judgePayment(certificate: Row, challenge: Row | undefined, tell: Tell): void {
	const { serialNumber, publicKeyHash } = certificate;
	const say: Tell = (fault) => tell(`certificate ${serialNumber} ${fault}`);
	if (!challenge) say("has no challenge");
	else if (!challenge.usedAt || challenge.usedByKey !== publicKeyHash)
		say("has a challenge that its key did not spend");
	for (const column of ["purpose", "enrollmentId"]) {
		if (challenge && challenge[column] !== certificate[column]) say(`has a challenge of another ${column}`);
	}
}

/** What was spent on SCEP bought a certificate. */
function judgeChallenges({ Challenge, Certificate }: Contents, tell: Tell): void {
	const bought = byColumn(Certificate, "challengeHash");
	for (const { hash, purpose, usedAt } of Challenge) {
		if (usedAt && purpose !== "enroll" && !bought.has(hash)) tell(`challenge ${hash} was spent for nothing`);
	}
}

function judgeEnrollments(contents: Contents, tell: Tell): void {
	const { Enrollment, Certificate, Challenge, Delivery, Device, AuditEvent } = contents;
	const certificates = grouped(Certificate);
	const challenges = grouped(Challenge);
	const events = grouped(AuditEvent);
	const deliveries = byColumn(Delivery, "enrollmentId");
	const devices = byColumn(Device, "udid");
	for (const enrollment of Enrollment) {
		const { id, state, deliveredAt, udid } = enrollment;
		const name = `enrollment ${id}`;
		const say: Tell = (fault) => tell(`${name} ${fault}`);
		const own = certificates.get(id) ?? [];
		if (state !== "delivered" || !deliveredAt) say(`is ${state}`);
		if (!devices.has(udid)) say("has no device");
		if (!challenges.get(id)?.some(({ purpose, usedAt }) => purpose === "enroll" && usedAt))
			say("has no spent challenge");
		judgeDelivery(deliveries.get(id), own, say);
		judgeEvents(events.get(id) ?? [], own, say);
	}
	const known = byColumn(Enrollment, "id");
	for (const [id] of [...certificates, ...challenges, ...events])
		if (!known.has(id)) tell(`enrollment ${id} does not exist`);
}

function grouped(rows: readonly Row[]): Map<unknown, Row[]> {
	const groups = new Map<unknown, Row[]>();
	for (const row of rows) {
		const group = groups.get(row.enrollmentId);
		if (group) group.push(row);
		else groups.set(row.enrollmentId, [row]);
	}
	return groups;
}

/** One identity, and a profile that was delivered to it. */
function judgeDelivery(delivery: Row | undefined, certificates: readonly Row[], say: Tell): void {
	const identities = certificates.filter(({ purpose }) => purpose === "identity");
	if (identities.length !== 1) say(`has ${identities.length} identities`);
	if (!delivery) say("has no delivery");
	else if (!(delivery.profile as Uint8Array).length) say("has an empty profile");
	if (delivery && delivery.certificateSerialNumber !== identities[0]?.serialNumber)
		say("was delivered to another certificate");
	if (!identities[0]?.usedAt) say("has an identity that was never used");
}

const once = ["enrollment.started", "device.identified", "profile.delivered"];

/** Each step once, reservation and issue once for each certificate, and nothing else. */
function judgeEvents(events: readonly Row[], certificates: readonly Row[], say: Tell): void {
	const counts = new Map<string, number>();
	for (const { event, detail } of events) {
		const { serialNumber } = JSON.parse(String(detail)) as Row;
		const what = String(event).startsWith("certificate.") ? `${event} ${serialNumber}` : String(event);
		counts.set(what, (counts.get(what) ?? 0) + 1);
	}
	const ofCertificates = certificates.flatMap(({ serialNumber }) =>
		["certificate.reserved", "certificate.issued"].map((event) => `${event} ${serialNumber}`),
	);
	for (const what of [...once, ...ofCertificates]) {
		if (counts.get(what) !== 1) say(`has ${counts.get(what) ?? 0} events ${what}`);
		counts.delete(what);
	}
	for (const what of counts.keys()) say(`has an event ${what}`);
}
