/** The Store in a process's memory, for tests: the same promises as the database, nothing survives. */
import type {
	AuditEvent,
	Challenge,
	Enrollment,
	IdentifyDevice,
	MachineStore,
	NewCertificate,
	ReserveCertificate,
	ReserveRenewal,
	StartEnrollment,
	Store,
} from "../ports.ts";
import { MemoryDeliveries } from "./memory-deliveries.ts";
import { duplicate, isLive } from "./memory-tables.ts";
import { superseded } from "./reasons.ts";

/** A Store that also shows its tables. */
export class MemoryStore extends MemoryDeliveries implements Store {
	async record(event: AuditEvent): Promise<void> {
		this.events.push(event);
	}

	async startEnrollment({ enrollment, signedInAt, challenge, maxLive, audit }: StartEnrollment): Promise<void> {
		if (this.enrollments.has(enrollment.id)) throw duplicate("enrollment");
		this.insertChallenges([challenge], enrollment.id);
		this.insertEnrollment({ ...enrollment, state: "started" });
		const others = this.#unanswered(enrollment.user.id, challenge.createdAt).filter((c) => c.hash !== challenge.hash);
		for (const old of others.slice(Math.max(0, maxLive - 1))) this.#cancel(old, challenge.createdAt);
		if (signedInAt) this.keepPerson({ user: enrollment.user, signedInAt });
		this.events.push(audit);
	}

	async countStarts(userId: string, since: Date): Promise<number> {
		const all = [...this.enrollments.values()];
		return all.filter(({ user, createdAt }) => user.id === userId && createdAt >= since).length;
	}

	async countDevices(userId: string, otherThan: string, now: Date): Promise<number> {
		return this.countLive(({ user }) => user.id === userId, otherThan, now);
	}

	async findChallenge(hash: string, publicKeyHash?: string) {
		const challenge = this.challenges.get(hash);
		const enrollment = challenge && this.enrollments.get(challenge.enrollmentId);
		if (!challenge || !enrollment) return null;
		const certificate = publicKeyHash === undefined ? undefined : this.certificateFor(hash, publicKeyHash);
		return { challenge, enrollment, certificate: certificate ?? null, isBlocked: this.isOfBlocked(enrollment) };
	}

	async identifyFirst(input: IdentifyDevice): Promise<boolean> {
		const challenge = this.challenges.get(input.challengeHash);
		const enrollment = this.enrollments.get(input.enrollmentId);
		if (challenge?.purpose !== "enroll" || challenge.enrollmentId !== input.enrollmentId) return false;
		if (!isLive(challenge, input.now) || !enrollment || enrollment.state !== "started") return false;
		if (enrollment.expiresAt <= input.now || enrollment.attempts !== 0 || input.attempts !== 0) return false;
		this.insertChallenges([input.scepChallenge]);
		this.spend(challenge, input.signerKeyHash, input.now);
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
		this.insertChallenges([input.scepChallenge], undefined, () => this.#supersede(enrollment.id, input.now));
		this.#identified(enrollment, input);
		return true;
	}

	async reserveCertificate({ certificate, transaction, audit }: ReserveCertificate) {
		const { challengeHash, publicKeyHash } = certificate;
		if (this.certificateFor(challengeHash, publicKeyHash)) return "exists" as const;
		const challenge = this.challenges.get(challengeHash);
		if (!challenge || !this.#isReservable(challenge, certificate)) return "refused" as const;
		if (this.certificatesOf(publicKeyHash).length > 0) return "key" as const;
		if (this.certificates.has(certificate.serialNumber)) return "serial" as const;
		if (!challenge.usedAt) this.spend(challenge, publicKeyHash, certificate.createdAt);
		this.insertCertificate({ ...certificate, keyGeneration: 0, renews: null }, transaction, audit);
		return "reserved" as const;
	}

	/** Unspent, or spent by this very key for a request that was approved. */
	#isReservable(challenge: Challenge, certificate: NewCertificate): boolean {
		const { publicKeyHash, purpose, enrollmentId, createdAt } = certificate;
		if (challenge.purpose !== purpose || challenge.enrollmentId !== enrollmentId) return false;
		if (this.enrollments.get(enrollmentId)?.state === "cancelled") return false;
		const isApproved = this.approvalFor(challenge.hash, publicKeyHash)?.state === "approved";
		return isLive(isApproved ? { ...challenge, usedAt: null } : challenge, createdAt);
	}

	async issueCertificate(input: { serialNumber: string; der: Uint8Array; now: Date; audit: AuditEvent }) {
		const certificate = this.certificates.get(input.serialNumber);
		const enrollment = certificate && this.enrollments.get(certificate.enrollmentId);
		if (certificate?.state !== "reserved" || !enrollment || enrollment.state === "cancelled") return false;
		const challenge = this.challenges.get(certificate.challengeHash);
		if (!challenge || challenge.expiresAt <= input.now || this.isOfBlocked(enrollment)) return false;
		const { renews, purpose } = certificate;
		if (renews !== null && this.certificates.get(renews)?.state !== "issued") return false;
		if (purpose === "identity" && renews === null) {
			if (enrollment.state !== "identified") return false;
			this.enrollments.set(enrollment.id, { ...enrollment, state: "certified" });
		}
		if (purpose === "client" && renews === null) this.supersede(certificate, enrollment, input.now);
		const issued = { ...certificate, state: "issued" as const, der: input.der, issuedAt: input.now };
		this.certificates.set(certificate.serialNumber, issued);
		this.events.push(input.audit);
		return true;
	}

	async mintChallenges({ enrollment, challenges, audit }: Parameters<MachineStore["mintChallenges"]>[0]) {
		if (this.enrollments.has(enrollment.id)) throw duplicate("enrollment");
		this.insertChallenges(challenges, enrollment.id);
		this.insertEnrollment({ ...enrollment, state: "minted" });
		this.events.push(audit);
	}

	async reserveRenewal({ certificate, binding, expiresAt, transaction, audit }: ReserveRenewal) {
		const { challengeHash, publicKeyHash, keyGeneration, enrollmentId, purpose, createdAt } = certificate;
		if (this.certificateFor(challengeHash, publicKeyHash)) return "exists" as const;
		const renewed = this.certificates.get(certificate.renews ?? "");
		if (!renewed || challengeHash !== `renewal:${renewed.serialNumber}`) return "refused" as const;
		if (this.challenges.has(challengeHash) || renewed.state !== "issued") return "refused" as const;
		if (renewed.notAfter < createdAt || renewed.purpose !== purpose) return "refused" as const;
		if (renewed.enrollmentId !== enrollmentId) return "refused" as const;
		if (this.enrollments.get(enrollmentId)?.state === "cancelled") return "refused" as const;
		const generation = renewed.publicKeyHash === publicKeyHash ? renewed.keyGeneration + 1 : 0;
		const taken = this.certificatesOf(publicKeyHash).map((each) => each.keyGeneration);
		if (keyGeneration !== generation || taken.includes(generation)) return "key" as const;
		if (this.certificates.has(certificate.serialNumber)) return "serial" as const;
		this.insertChallenges([{ hash: challengeHash, purpose, enrollmentId, createdAt, expiresAt, binding }]);
		const challenge = this.challenges.get(challengeHash);
		if (challenge) this.spend(challenge, publicKeyHash, createdAt);
		this.insertCertificate(certificate, transaction, audit);
		return "reserved" as const;
	}

	async findCertificate(serialNumber: string) {
		const certificate = this.certificates.get(serialNumber);
		const enrollment = certificate && this.enrollments.get(certificate.enrollmentId);
		return certificate && enrollment ? { certificate, enrollment, isBlocked: this.isOfBlocked(enrollment) } : null;
	}

	async check(): Promise<void> {}
	async close(): Promise<void> {}

	/** A person's unanswered enroll challenges, newest first. */
	#unanswered(userId: string, now: Date): Challenge[] {
		return [...this.challenges.values()]
			.filter((challenge) => challenge.purpose === "enroll" && isLive(challenge, now))
			.filter((challenge) => this.enrollments.get(challenge.enrollmentId)?.user.id === userId)
			.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
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
		this.withdraw(enrollmentId, null, now, ["identity", "client"]);
		for (const certificate of this.certificates.values()) {
			if (certificate.enrollmentId !== enrollmentId || certificate.purpose !== "identity") continue;
			const { serialNumber, state } = certificate;
			if (state === "reserved") {
				this.certificates.set(serialNumber, { ...certificate, state: "abandoned", revokedAt: now });
			}
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
