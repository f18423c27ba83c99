/** An enrollment's inputs to the store, step by step, for the store's contract: fixed clock, values by name. */
import { createHash } from "node:crypto";
import type {
	AuditEvent,
	Delivery,
	IdentifyDevice,
	NewApproval,
	NewCertificate,
	NewChallenge,
	ReserveCertificate,
	ReserveRenewal,
	RevocationList,
	RevocationTarget,
	StartEnrollment,
	Store,
	User,
} from "../../lib/ports.ts";

export const t0 = new Date("2026-11-22T10:00:00.123Z");
/** Milliseconds after t0. */
export const at = (milliseconds: number) => new Date(t0.getTime() + milliseconds);
export const lifetime = 20 * 60 * 1000;
export const end = at(lifetime);
export const week = 7 * 86_400_000;
export const hash = (text: string) => createHash("sha256").update(text).digest("hex");
export const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text));

export const person = (id: string): User => ({
	id,
	email: `${id}@example.com`,
	name: 'Zoë \u0000 "quoted"',
	groups: ["staff", "Füße"],
	claims: { level: 3, remote: true, sites: ["a", "b"] },
});

export const audit = (event: string, enrollmentId: string | null, when = t0): AuditEvent => ({
	at: when,
	event,
	enrollmentId,
	detail: { text: "plain", count: 1, yes: true, nothing: null },
});

export function challenge(name: string, enrollmentId: string, more: Partial<NewChallenge> = {}): NewChallenge {
	const binding = {
		udid: `udid-${enrollmentId}`,
		serialNumber: "C02",
		subject: [["CN", "alice@example.com"]] as const,
		subjectAltName: { rfc822Name: "alice@example.com" },
	};
	const enroll = more.purpose === "enroll";
	const times = { createdAt: t0, expiresAt: end };
	return { hash: hash(name), purpose: "identity", enrollmentId, ...times, binding: enroll ? null : binding, ...more };
}

/** The names of an enrollment `e`: its enroll challenge `e/enroll`, its first SCEP challenge `e/scep1`, its key `e/key1`. */
export function start(id: string, userId = `user-${id}`, createdAt = t0, maxLive = 5): StartEnrollment {
	const expiresAt = new Date(createdAt.getTime() + lifetime);
	return {
		enrollment: { id, user: person(userId), createdAt, expiresAt },
		signedInAt: createdAt,
		challenge: challenge(`${id}/enroll`, id, { purpose: "enroll", createdAt, expiresAt }),
		maxLive,
		audit: audit("enrollment.started", id, createdAt),
	};
}

export function identify(id: string, attempts = 0, more: Partial<IdentifyDevice> = {}): IdentifyDevice {
	return {
		enrollmentId: id,
		challengeHash: hash(`${id}/enroll`),
		signerKeyHash: hash(`${id}/signer`),
		udid: `udid-${id}`,
		device: { UDID: `udid-${id}`, SERIAL: `serial-${id}`, PRODUCT: "iPhone17,1", NOTE: 'quote " and ü' },
		attempts,
		scepChallenge: challenge(`${id}/scep${attempts + 1}`, id),
		now: at(1000 + attempts),
		audit: audit("device.identified", id, at(1000 + attempts)),
		...more,
	};
}

export function reserve(id: string, n = 1, more: Partial<NewCertificate> = {}): ReserveCertificate {
	return {
		certificate: {
			serialNumber: hash(`${id}/serial${n}`).slice(0, 40),
			challengeHash: hash(`${id}/scep${n}`),
			publicKeyHash: hash(`${id}/key${n}`),
			keyGeneration: 0,
			issuerKeyHash: hash("issuer"),
			renews: null,
			enrollmentId: id,
			purpose: "identity",
			tbs: bytes(`${id}/tbs${n}`),
			notBefore: at(-60_000),
			notAfter: at(398 * 86_400_000),
			createdAt: at(2000 + n),
			...more,
		},
		transaction: {
			transactionID: `${id}/transaction${n}`,
			messageType: 19,
			signerKeyHash: hash(`${id}/scep-signer`),
			csrHash: hash(`${id}/csr${n}`),
		},
		audit: audit("certificate.reserved", id, at(2000 + n)),
	};
}

export function issue(id: string, n = 1, now = at(3000 + n)) {
	const { serialNumber } = reserve(id, n).certificate;
	return { serialNumber, der: bytes(`${id}/der${n}`), now, audit: audit("certificate.issued", id, now) };
}

export function delivery(id: string, n = 1, deliveredAt = at(4000)) {
	const certificateSerialNumber = reserve(id, n).certificate.serialNumber;
	return {
		delivery: {
			...{ enrollmentId: id, number: 0, kind: "first" as const, certificateSerialNumber, contents: "base@1 mail@3" },
			...{ profile: bytes(`${id}/profile`), deliveredAt, confirmedAt: null },
		},
		challenges: [challenge(`${id}/client`, id, { purpose: "client" })],
		audit: audit("profile.delivered", id, deliveredAt),
	};
}

/** A further delivery; its client challenge is `e/client<number>`. */
export function again(id: string, number = 1, more: Partial<Delivery> = {}) {
	const deliveredAt = at(8000 + number);
	const first = delivery(id, 1, deliveredAt);
	const own = { number, kind: "update" as const, contents: "base@2", profile: bytes(`${id}/profile${number}`) };
	return {
		...first,
		delivery: { ...first.delivery, ...own, ...more },
		challenges: [challenge(`${id}/client${number}`, id, { purpose: "client", expiresAt: at(week) })],
	};
}

/** Takes an enrollment through its steps up to and with `last`. */
export async function proceed(store: Store, id: string, last: "started" | "identified" | "reserved" | "certified") {
	const steps = ["started", "identified", "reserved", "certified"];
	await store.startEnrollment(start(id));
	if (steps.indexOf(last) >= 1) await store.identifyFirst(identify(id));
	if (steps.indexOf(last) >= 2) await store.reserveCertificate(reserve(id));
	if (steps.indexOf(last) >= 3) await store.issueCertificate(issue(id));
}

/** Of the request that `reserve(id, n)` would answer. */
export function approval(id: string, n = 1, more: Partial<NewApproval> = {}) {
	const { certificate, transaction } = reserve(id, n);
	const { challengeHash, publicKeyHash, enrollmentId, purpose } = certificate;
	const subject = [["CN", "Zoë"]] as const;
	const names = { publicKeyInfo: bytes(`${id}/spki${n}`), subject, subjectAltName: { rfc822Name: "zoe@example.com" } };
	const times = { createdAt: at(1500 + n), expiresAt: at(week) };
	const request = { challengeHash, publicKeyHash, enrollmentId, purpose, transaction, cipher: "aes256-cbc" };
	return {
		approval: { id: hash(`${id}/approval${n}`).slice(0, 12), ...request, ...names, ...times, ...more },
		audit: audit("approval.pending", id),
	};
}

export function decide(id: string, state: "approved" | "refused", n = 1, now = at(1600)) {
	return { id: approval(id, n).approval.id, state, by: "root", now, audit: audit(`approval.${state}`, null) };
}

/** The names of an operator's enrollment `m`: its challenges `m/machine1`, `m/machine2`. */
export function mint(id: string, createdAt = t0, expiresAt = end) {
	const binding = { udid: "", serialNumber: null, subject: [["CN", "printer"]] as const, subjectAltName: {} };
	const of = { purpose: "machine" as const, createdAt, expiresAt, binding: { ...binding, isSubjectFromCsr: true } };
	return {
		enrollment: { id, user: { ...person(`operator:${id}`), email: "" }, createdAt, expiresAt },
		challenges: ["machine1", "machine2"].map((name) => challenge(`${id}/${name}`, id, of)),
		audit: audit("challenges.minted", id),
	};
}

export const reserveMachine = (id: string, n = 1, more: Partial<NewCertificate> = {}) =>
	reserve(id, n, { purpose: "machine", challengeHash: hash(`${id}/machine${n}`), ...more });

/** The successor of `reserve(id, n)`, with the same key unless told. Its own numbers are `n + 10`. */
export function renew(id: string, n = 1, more: Partial<NewCertificate> = {}): ReserveRenewal {
	const renewed = reserve(id, n).certificate;
	const { publicKeyHash, serialNumber: renews, purpose } = renewed;
	const own = { renews, challengeHash: `renewal:${renews}`, publicKeyHash, keyGeneration: 1, purpose };
	const { binding } = challenge(`${id}/scep${n}`, id);
	if (binding === null) throw new Error("a renewal inherits names");
	const request = reserve(id, n + 10, { ...own, createdAt: at(5000), ...more });
	return { ...request, binding, expiresAt: at(week), audit: audit("certificate.reserved", id, at(5000)) };
}

export function revocation(target: RevocationTarget, now = at(6000), reason = 1) {
	return { target, reason, by: "root", now, audit: audit("certificate.revoked", null, now) };
}

export function lift(target: RevocationTarget) {
	return { target, by: "root", now: at(7000), audit: audit("block.lifted", null, at(7000)) };
}

export function list(issuer: string, number: number, more: Partial<RevocationList> = {}): RevocationList {
	const times = { thisUpdate: at(1), nextUpdate: at(week) };
	return { issuerKeyHash: issuer, number, ...times, count: 1, latest: t0, der: bytes(`list ${number}`), ...more };
}

/** An enrollment of this device by this person, up to and with its identity: names as proceed has them. */
export async function enroll(store: Store, id: string, udid: string, more: EnrolledAs = {}) {
	const { userId = `user-${id}`, signer = `${id}/signer`, createdAt = t0, serial = `serial-${udid}` } = more;
	const device = { UDID: udid, SERIAL: serial, PRODUCT: "iPhone17,1" };
	await store.startEnrollment(start(id, userId, createdAt));
	await store.identifyFirst(identify(id, 0, { udid, device, signerKeyHash: hash(signer) }));
	await store.reserveCertificate(reserve(id));
	await store.issueCertificate(issue(id));
}
interface EnrolledAs {
	userId?: string;
	signer?: string;
	createdAt?: Date;
	serial?: string;
}
