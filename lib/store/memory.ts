/** The Store in a process's memory, for tests: the same promises as the database, nothing survives. */
import { OtaError } from "../errors.ts";
import type {
	AuditEvent,
	Certificate,
	Challenge,
	Delivery,
	Enrollment,
	IdentifyDevice,
	NewChallenge,
	ReserveCertificate,
	ScepTransaction,
	StartEnrollment,
	Store,
} from "../ports.ts";
import { superseded } from "./reasons.ts";

/** A Store that also shows its tables. Rows are replaced, never changed in place, so none needs a copy. */
export class MemoryStore implements Store {
	readonly enrollments = new Map<string, Enrollment>();
	readonly challenges = new Map<string, Challenge>();
	readonly certificates = new Map<string, Certificate>();
	readonly deliveries = new Map<string, Delivery>();
	/** Attributes as last seen, by UDID. */
	readonly devices = new Map<string, Readonly<Record<string, string>>>();
	readonly transactions: (ScepTransaction & { serialNumber: string })[] = [];
	readonly events: AuditEvent[] = [];

	async record(event: AuditEvent): Promise<void> {
		this.events.push(event);
	}

	async startEnrollment({ enrollment, challenge, maxLive, audit }: StartEnrollment): Promise<void> {
		if (this.enrollments.has(enrollment.id)) throw duplicate("enrollment");
		this.#addChallenges([challenge], enrollment.id);
		this.enrollments.set(enrollment.id, {
			...enrollment,
			state: "started",
			signerKeyHash: null,
			udid: null,
			device: {},
			attempts: 0,
			deliveredAt: null,
		});
		const others = this.#unanswered(enrollment.user.id, challenge.createdAt).filter((c) => c.hash !== challenge.hash);
		for (const old of others.slice(Math.max(0, maxLive - 1))) this.#cancel(old, challenge.createdAt);
		this.events.push(audit);
	}

	async countStarts(userId: string, since: Date): Promise<number> {
		const all = [...this.enrollments.values()];
		return all.filter(({ user, createdAt }) => user.id === userId && createdAt >= since).length;
	}

	async countDevices(userId: string, otherThan: string): Promise<number> {
		const certified = [...this.enrollments.values()].filter(
			({ user, state }) => user.id === userId && (state === "certified" || state === "delivered"),
		);
		return new Set(certified.map(({ udid }) => udid).filter((udid) => udid !== otherThan)).size;
	}

	async findChallenge(hash: string, publicKeyHash?: string) {
		const challenge = this.challenges.get(hash);
		const enrollment = challenge && this.enrollments.get(challenge.enrollmentId);
		if (!challenge || !enrollment) return null;
		const certificate = publicKeyHash === undefined ? undefined : this.#certificateFor(hash, publicKeyHash);
		return { challenge, enrollment, certificate: certificate ?? null };
	}

	async identifyFirst(input: IdentifyDevice): Promise<boolean> {
		const challenge = this.challenges.get(input.challengeHash);
		const enrollment = this.enrollments.get(input.enrollmentId);
		if (challenge?.purpose !== "enroll" || challenge.enrollmentId !== input.enrollmentId) return false;
		if (!isLive(challenge, input.now) || !enrollment || enrollment.state !== "started") return false;
		if (enrollment.expiresAt <= input.now || enrollment.attempts !== 0 || input.attempts !== 0) return false;
		this.#addChallenges([input.scepChallenge]);
		this.#spend(challenge, input.signerKeyHash, input.now);
		this.#identified(enrollment, input);
		return true;
	}

	async identifyAgain(input: IdentifyDevice): Promise<boolean> {
		const challenge = this.challenges.get(input.challengeHash);
		const enrollment = this.enrollments.get(input.enrollmentId);
		if (challenge?.purpose !== "enroll" || challenge.enrollmentId !== input.enrollmentId) return false;
		if (challenge.usedByKey !== input.signerKeyHash || !enrollment) return false;
		if (enrollment.state !== "identified" && enrollment.state !== "certified") return false;
		if (enrollment.signerKeyHash !== input.signerKeyHash || enrollment.udid !== input.udid) return false;
		if (enrollment.expiresAt <= input.now || enrollment.attempts !== input.attempts) return false;
		this.#addChallenges([input.scepChallenge], undefined, () => this.#supersede(enrollment.id, input.now));
		this.#identified(enrollment, input);
		return true;
	}

	async reserveCertificate({ certificate, transaction, audit }: ReserveCertificate) {
		if (this.#certificateFor(certificate.challengeHash, certificate.publicKeyHash)) return "exists" as const;
		const challenge = this.challenges.get(certificate.challengeHash);
		if (!challenge || !isLive(challenge, certificate.createdAt)) return "refused" as const;
		const { purpose, enrollmentId } = certificate;
		if (challenge.purpose !== purpose || challenge.enrollmentId !== enrollmentId) return "refused" as const;
		if (this.enrollments.get(enrollmentId)?.state === "cancelled") return "refused" as const;
		const keys = [...this.certificates.values()].map((other) => other.publicKeyHash);
		if (keys.includes(certificate.publicKeyHash)) return "key" as const;
		if (this.certificates.has(certificate.serialNumber)) return "serial" as const;
		this.#spend(challenge, certificate.publicKeyHash, certificate.createdAt);
		const unsigned = { der: null, issuedAt: null, usedAt: null, revokedAt: null, revocationReason: null };
		this.certificates.set(certificate.serialNumber, { ...certificate, ...unsigned, state: "reserved" });
		this.transactions.push({ ...transaction, serialNumber: certificate.serialNumber });
		this.events.push(audit);
		return "reserved" as const;
	}

	async issueCertificate(input: { serialNumber: string; der: Uint8Array; now: Date; audit: AuditEvent }) {
		const certificate = this.certificates.get(input.serialNumber);
		const enrollment = certificate && this.enrollments.get(certificate.enrollmentId);
		if (certificate?.state !== "reserved" || !enrollment || enrollment.state === "cancelled") return false;
		const challenge = this.challenges.get(certificate.challengeHash);
		if (!challenge || challenge.expiresAt <= input.now) return false;
		if (certificate.purpose === "identity") {
			if (enrollment.state !== "identified") return false;
			this.enrollments.set(enrollment.id, { ...enrollment, state: "certified" });
		}
		const issued = { ...certificate, state: "issued" as const, der: input.der, issuedAt: input.now };
		this.certificates.set(certificate.serialNumber, issued);
		this.events.push(input.audit);
		return true;
	}

	async findCertificate(serialNumber: string) {
		const certificate = this.certificates.get(serialNumber);
		const enrollment = certificate && this.enrollments.get(certificate.enrollmentId);
		return certificate && enrollment ? { certificate, enrollment } : null;
	}

	async findDelivery(enrollmentId: string): Promise<Delivery | null> {
		return this.deliveries.get(enrollmentId) ?? null;
	}

	async deliver(input: { delivery: Delivery; challenges: readonly NewChallenge[]; audit: AuditEvent }) {
		const { enrollmentId, certificateSerialNumber, deliveredAt } = input.delivery;
		const enrollment = this.enrollments.get(enrollmentId);
		const certificate = this.certificates.get(certificateSerialNumber);
		if (enrollment?.state !== "certified" || enrollment.expiresAt <= deliveredAt) return false;
		if (certificate?.state !== "issued" || certificate.purpose !== "identity") return false;
		if (certificate.enrollmentId !== enrollmentId || certificate.notAfter < deliveredAt) return false;
		this.#addChallenges(input.challenges);
		this.enrollments.set(enrollmentId, { ...enrollment, state: "delivered", deliveredAt });
		this.certificates.set(certificateSerialNumber, { ...certificate, usedAt: deliveredAt });
		this.deliveries.set(enrollmentId, input.delivery);
		this.events.push(input.audit);
		return true;
	}

	async check(): Promise<void> {}
	async close(): Promise<void> {}

	/** All or none: a hash that exists, or an enrollment that does not, is a failed transaction. */
	#addChallenges(challenges: readonly NewChallenge[], starting?: string, before?: () => void): void {
		const hashes = new Set(challenges.map((challenge) => challenge.hash));
		if (hashes.size < challenges.length || challenges.some((challenge) => this.challenges.has(challenge.hash))) {
			throw duplicate("challenge");
		}
		if (challenges.some((c) => c.enrollmentId !== starting && !this.enrollments.has(c.enrollmentId))) {
			throw new OtaError("store_unavailable", "a challenge of an enrollment that does not exist");
		}
		before?.();
		for (const challenge of challenges) {
			this.challenges.set(challenge.hash, { ...challenge, usedAt: null, usedByKey: null, withdrawnAt: null });
		}
	}

	#certificateFor(challengeHash: string, publicKeyHash: string): Certificate | undefined {
		const certificates = [...this.certificates.values()];
		return certificates.find((c) => c.challengeHash === challengeHash && c.publicKeyHash === publicKeyHash);
	}

	/** A person's unanswered enroll challenges, newest first. */
	#unanswered(userId: string, now: Date): Challenge[] {
		return [...this.challenges.values()]
			.filter((challenge) => challenge.purpose === "enroll" && isLive(challenge, now))
			.filter((challenge) => this.enrollments.get(challenge.enrollmentId)?.user.id === userId)
			.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
	}

	#spend(challenge: Challenge, key: string, now: Date): void {
		this.challenges.set(challenge.hash, { ...challenge, usedAt: now, usedByKey: key });
	}

	#cancel(challenge: Challenge, now: Date): void {
		this.challenges.set(challenge.hash, { ...challenge, withdrawnAt: now });
		const enrollment = this.enrollments.get(challenge.enrollmentId);
		if (enrollment) this.enrollments.set(enrollment.id, { ...enrollment, state: "cancelled" });
	}

	#identified(enrollment: Enrollment, input: IdentifyDevice): void {
		const { signerKeyHash, udid, device } = input;
		const attempts = enrollment.attempts + 1;
		this.enrollments.set(enrollment.id, { ...enrollment, state: "identified", signerKeyHash, udid, device, attempts });
		this.devices.set(udid, device);
		this.events.push(input.audit);
	}

	/** What an earlier attempt of this enrollment left behind loses its force. */
	#supersede(enrollmentId: string, now: Date): void {
		for (const challenge of this.challenges.values()) {
			if (challenge.enrollmentId !== enrollmentId || challenge.purpose === "enroll") continue;
			if (!challenge.usedAt && !challenge.withdrawnAt) {
				this.challenges.set(challenge.hash, { ...challenge, withdrawnAt: now });
			}
		}
		for (const certificate of this.certificates.values()) {
			if (certificate.enrollmentId !== enrollmentId || certificate.purpose !== "identity") continue;
			const { serialNumber, state } = certificate;
			if (state === "reserved") this.certificates.set(serialNumber, { ...certificate, state: "abandoned" });
			if (state !== "issued") continue;
			const revoked = { state: "revoked" as const, revokedAt: now, revocationReason: superseded };
			this.certificates.set(serialNumber, { ...certificate, ...revoked });
		}
	}
}

/** A fresh, empty store. */
export function memoryStore(): MemoryStore {
	return new MemoryStore();
}

function isLive(challenge: Challenge, now: Date): boolean {
	return challenge.usedAt === null && challenge.withdrawnAt === null && challenge.expiresAt > now;
}

function duplicate(what: string): OtaError {
	return new OtaError("store_unavailable", `this ${what} is stored already`);
}
