/** The tables of the Store in memory, and the looks at them that several of its parts take. */
import { OtaError } from "../errors.ts";
import type {
	AllowedDevice,
	Approval,
	AuditEvent,
	Block,
	Certificate,
	Challenge,
	Delivery,
	Enrollment,
	KnownPerson,
	NewCertificate,
	NewChallenge,
	ProfileState,
	ProfileVersion,
	RevocationList,
	ScepTransaction,
	SealedSecret,
} from "../ports.ts";
import { blockedNames, spellings } from "./blocked-names.ts";

/** Rows are replaced, never changed in place, so none needs a copy. */
export class MemoryTables {
	readonly enrollments = new Map<string, Enrollment>();
	readonly challenges = new Map<string, Challenge>();
	readonly certificates = new Map<string, Certificate>();
	/** By enrollment and number (deliveryKey). */
	readonly deliveries = new Map<string, Delivery>();
	/** Attributes as last seen, by UDID. */
	readonly devices = new Map<string, Readonly<Record<string, string>>>();
	readonly transactions: (ScepTransaction & { serialNumber: string })[] = [];
	readonly events: AuditEvent[] = [];
	readonly approvals = new Map<string, Approval>();
	/** By kind and value. */
	readonly blocks = new Map<string, Block>();
	/** The latest, by issuer. */
	readonly lists = new Map<string, RevocationList>();
	/** By name. */
	readonly profiles = new Map<string, ProfileState>();
	readonly versions: ProfileVersion[] = [];
	readonly secrets: SealedSecret[] = [];
	/** By the SSO's subject. */
	readonly people = new Map<string, KnownPerson>();
	/** By value. */
	readonly allowed = new Map<string, AllowedDevice>();

	protected insertEnrollment(enrollment: Pick<Enrollment, "id" | "user" | "createdAt" | "expiresAt" | "state">): void {
		const nobody = { signerKeyHash: null, udid: null, device: {}, attempts: 0, deliveredAt: null };
		this.enrollments.set(enrollment.id, { ...enrollment, ...nobody });
	}

	/** All or none: a hash that exists, or an enrollment that does not, is a failed transaction. */
	protected insertChallenges(challenges: readonly NewChallenge[], starting?: string, before?: () => void): void {
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

	protected insertCertificate(certificate: NewCertificate, transaction: ScepTransaction, audit: AuditEvent): void {
		const unsigned = { der: null, issuedAt: null, usedAt: null, revokedAt: null, revocationReason: null };
		this.certificates.set(certificate.serialNumber, { ...certificate, ...unsigned, state: "reserved" });
		this.transactions.push({ ...transaction, serialNumber: certificate.serialNumber });
		this.events.push(audit);
	}

	protected spend(challenge: Challenge, key: string, now: Date): void {
		this.challenges.set(challenge.hash, { ...challenge, usedAt: now, usedByKey: key });
	}

	protected certificateFor(challengeHash: string, publicKeyHash: string): Certificate | undefined {
		return this.certificatesOf(publicKeyHash).find((certificate) => certificate.challengeHash === challengeHash);
	}

	protected certificatesOf(publicKeyHash: string): Certificate[] {
		return [...this.certificates.values()].filter((certificate) => certificate.publicKeyHash === publicKeyHash);
	}

	protected approvalFor(challengeHash: string, publicKeyHash: string): Approval | undefined {
		const approvals = [...this.approvals.values()];
		return approvals.find((a) => a.challengeHash === challengeHash && a.publicKeyHash === publicKeyHash);
	}

	protected isOfBlocked(enrollment: Enrollment): boolean {
		return blockedNames(enrollment).some(({ kind, value }) => this.hasBlock(kind, value));
	}

	/** A device's name in capitals or small letters is its name as well. */
	protected hasBlock(kind: Block["kind"], value: string): boolean {
		const values = kind === "device" ? spellings(value) : [value];
		return values.some((each) => this.blocks.has(blockKey(kind, each)));
	}

	protected keepPerson(person: KnownPerson): void {
		const known = this.people.get(person.user.id);
		if (!known || known.signedInAt <= person.signedInAt) this.people.set(person.user.id, person);
	}

	protected latestDelivery(enrollmentId: string): Delivery | null {
		return newest([...this.deliveries.values()].filter((each) => each.enrollmentId === enrollmentId));
	}

	/** Challenges of an enrollment that have led to no certificate yet, and the approvals that wait for them. */
	protected withdraw(enrollmentId: string, by: string | null, now: Date, purposes?: readonly string[]): void {
		for (const challenge of this.challenges.values()) {
			if (challenge.enrollmentId !== enrollmentId || challenge.withdrawnAt) continue;
			if (purposes && !purposes.includes(challenge.purpose)) continue;
			const { hash, usedByKey } = challenge;
			const waits = usedByKey && this.approvalFor(hash, usedByKey) && !this.certificateFor(hash, usedByKey);
			if (usedByKey === null || waits) this.challenges.set(hash, { ...challenge, withdrawnAt: now });
		}
		for (const approval of this.approvals.values()) {
			if (approval.enrollmentId !== enrollmentId || approval.state !== "pending") continue;
			this.approvals.set(approval.id, { ...approval, state: "refused", decidedAt: now, decidedBy: by });
		}
	}
}

export const blockKey = (kind: Block["kind"], value: string): string => `${kind} ${value}`;

/** That of the journey has its enrollment's id. */
export const deliveryKey = ({ enrollmentId, number }: Pick<Delivery, "enrollmentId" | "number">): string =>
	number === 0 ? enrollmentId : `${enrollmentId} ${number}`;

/** Of one enrollment's deliveries. */
export function newest(deliveries: readonly Delivery[]): Delivery | null {
	return [...deliveries].sort((a, b) => b.number - a.number)[0] ?? null;
}

export function isLive(challenge: Challenge, now: Date): boolean {
	return challenge.usedAt === null && challenge.withdrawnAt === null && challenge.expiresAt > now;
}

export function duplicate(what: string): OtaError {
	return new OtaError("store_unavailable", `this ${what} is stored already`);
}
