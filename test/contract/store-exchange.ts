/** An enrollment's inputs to the store, step by step, for the store's contract: fixed clock, values by name. */
import { createHash } from "node:crypto";
import type {
	AuditEvent,
	IdentifyDevice,
	NewCertificate,
	NewChallenge,
	ReserveCertificate,
	StartEnrollment,
	Store,
	User,
} from "../../lib/ports.ts";

export const t0 = new Date("2026-11-22T10:00:00.123Z");
/** Milliseconds after t0. */
export const at = (milliseconds: number) => new Date(t0.getTime() + milliseconds);
export const lifetime = 20 * 60 * 1000;
export const end = at(lifetime);
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
		device: { UDID: `udid-${id}`, PRODUCT: "iPhone17,1", NOTE: 'quote " and ü' },
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
		delivery: { enrollmentId: id, certificateSerialNumber, profile: bytes(`${id}/profile`), deliveredAt },
		challenges: [challenge(`${id}/client`, id, { purpose: "client" })],
		audit: audit("profile.delivered", id, deliveredAt),
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
