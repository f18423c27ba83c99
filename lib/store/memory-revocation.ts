/** Of the Store in memory: certificates after their issue, and who is blocked. */
import type { Block, Certificate, Enrollment, RevocationList, RevocationStore, RevocationTarget } from "../ports.ts";
import { blockedNames, comparableEmail, deviceSerial, spellings } from "./blocked-names.ts";
import { MemoryApprovals } from "./memory-approvals.ts";
import { blockKey } from "./memory-tables.ts";

export class MemoryRevocation extends MemoryApprovals implements RevocationStore {
	async revoke(input: Parameters<RevocationStore["revoke"]>[0]) {
		const { target, reason, by, now, audit } = input;
		if ("serialNumber" in target) {
			const certificate = this.certificates.get(target.serialNumber);
			return certificate ? { ...this.#revokeOne(certificate, input), blocks: [] } : null;
		}
		const enrollments = this.#enrollmentsOf(target);
		if (enrollments.length === 0) return null;
		const blocks: Block[] = [];
		for (const { kind, value } of this.#namesOf(target, enrollments)) {
			const known = this.blocks.get(blockKey(kind, value));
			const block = known ?? { kind, value, createdAt: now, reason, by };
			blocks.push(block);
			if (known) continue;
			this.blocks.set(blockKey(kind, value), block);
			this.events.push({ ...audit, event: "blocked", detail: { ...audit.detail, [kind]: value } });
		}
		for (const enrollment of enrollments) {
			if (enrollment.state !== "delivered") this.enrollments.set(enrollment.id, { ...enrollment, state: "cancelled" });
			this.withdraw(enrollment.id, by, now);
		}
		const ids = enrollments.map((enrollment) => enrollment.id);
		const certificates = [...this.certificates.values()].filter((each) => ids.includes(each.enrollmentId));
		return { ...this.#revokeAll(certificates, input), blocks };
	}

	async listBlocks(): Promise<Block[]> {
		return [...this.blocks.values()].sort(
			(a, b) =>
				a.createdAt.getTime() - b.createdAt.getTime() ||
				(blockKey(a.kind, a.value) < blockKey(b.kind, b.value) ? -1 : 1),
		);
	}

	async liftBlock({ target, audit }: Parameters<RevocationStore["liftBlock"]>[0]): Promise<boolean> {
		if ("serialNumber" in target) return false;
		const named = "device" in target ? target.device : target.person;
		const kind = "device" in target ? ("device" as const) : ("person" as const);
		const typed = kind === "device" ? spellings(named) : [named];
		const names = [...typed.map((value) => ({ kind, value })), ...this.#namesOf(target, this.#enrollmentsOf(target))];
		let isLifted = false;
		for (const { kind, value } of names) {
			if (!this.blocks.delete(blockKey(kind, value))) continue;
			isLifted = true;
			this.events.push({ ...audit, detail: { ...audit.detail, [kind]: value } });
		}
		return isLifted;
	}

	async isBlocked(who: Parameters<RevocationStore["isBlocked"]>[0]): Promise<boolean> {
		const names: [Block["kind"], string | null | undefined][] = [
			["person", who.userId],
			["device", who.udid],
			["device", who.serialNumber],
		];
		return names.some(([kind, value]) => value != null && this.hasBlock(kind, value));
	}

	async revocationState(issuerKeyHash: string) {
		const times = [...this.certificates.values()]
			.filter((certificate) => certificate.issuerKeyHash === issuerKeyHash)
			.flatMap(({ revokedAt }) => (revokedAt ? [revokedAt.getTime()] : []));
		return { count: times.length, latest: times.length > 0 ? new Date(Math.max(...times)) : null };
	}

	async listRevoked(issuerKeyHash: string, endsAfter: Date) {
		return this.#inOrder()
			.filter((each) => each.issuerKeyHash === issuerKeyHash && each.notAfter > endsAfter)
			.flatMap(({ serialNumber, revokedAt, revocationReason: reason }) =>
				revokedAt ? [{ serialNumber, revokedAt, reason }] : [],
			);
	}

	async findRevocationList(issuerKeyHash: string): Promise<RevocationList | null> {
		return this.lists.get(issuerKeyHash) ?? null;
	}

	async storeRevocationList({ list, after, audit }: Parameters<RevocationStore["storeRevocationList"]>[0]) {
		const number = this.lists.get(list.issuerKeyHash)?.number ?? null;
		if (number !== after || (number !== null && number >= list.number)) return false;
		this.lists.set(list.issuerKeyHash, list);
		this.events.push(audit);
		return true;
	}

	async abandonExpired({ before, now }: { before: Date; now: Date }): Promise<number> {
		const expired = [...this.certificates.values()].filter(({ state, challengeHash }) => {
			const challenge = this.challenges.get(challengeHash);
			return state === "reserved" && challenge !== undefined && challenge.expiresAt < before;
		});
		for (const each of expired) {
			this.certificates.set(each.serialNumber, { ...each, state: "abandoned", revokedAt: now });
		}
		return expired.length;
	}

	async certificateStatus(serialNumber: string) {
		const certificate = this.certificates.get(serialNumber);
		if (!certificate) return null;
		const { issuerKeyHash, state, notAfter, revokedAt, revocationReason } = certificate;
		return { serialNumber, issuerKeyHash, state, notAfter, revokedAt, revocationReason };
	}

	async pageCertificates({ after, limit, issuerKeyHash }: Parameters<RevocationStore["pageCertificates"]>[0]) {
		return this.#inOrder()
			.filter((each) => after === null || each.serialNumber > after)
			.filter((each) => issuerKeyHash === undefined || each.issuerKeyHash === issuerKeyHash)
			.slice(0, limit)
			.flatMap((certificate) => {
				const enrollment = this.enrollments.get(certificate.enrollmentId);
				return enrollment ? [{ certificate, enrollment }] : [];
			});
	}

	async adoptIssuer(issuerKeyHash: string): Promise<void> {
		for (const certificate of this.certificates.values()) {
			if (certificate.issuerKeyHash !== "") continue;
			this.certificates.set(certificate.serialNumber, { ...certificate, issuerKeyHash });
		}
	}

	#inOrder(): Certificate[] {
		return [...this.certificates.values()].sort((a, b) => (a.serialNumber < b.serialNumber ? -1 : 1));
	}

	#enrollmentsOf(target: Exclude<RevocationTarget, { serialNumber: string }>): Enrollment[] {
		const all = [...this.enrollments.values()];
		if ("device" in target) {
			const named = all.filter(({ udid, device }) => [udid, deviceSerial(device)].includes(target.device));
			// It may have left its serial number out at one time and told it at another.
			const udids = new Set(named.map(({ udid }) => udid));
			return all.filter((each) => named.includes(each) || (each.udid !== null && udids.has(each.udid)));
		}
		const email = comparableEmail(target.person);
		return all.filter(({ user }) => user.id === target.person || (email && comparableEmail(user.email) === email));
	}

	/** With a compromised key go all of its certificates, with an identity the challenges that nobody has spent. */
	#revokeOne(certificate: Certificate, input: Parameters<RevocationStore["revoke"]>[0]) {
		const { publicKeyHash, purpose, enrollmentId, serialNumber } = certificate;
		if (purpose === "identity") this.#withdrawUnspent(enrollmentId, input.now);
		const ofKey = [...this.certificates.values()].filter((each) => each.publicKeyHash === publicKeyHash);
		const { revoked } = this.#revokeAll(input.reason === 1 ? ofKey : [certificate], input);
		return { revoked, already: revoked.includes(serialNumber) ? [] : [serialNumber] };
	}

	#withdrawUnspent(enrollmentId: string, now: Date): void {
		for (const challenge of this.challenges.values()) {
			const isUnspent = challenge.usedAt === null && challenge.withdrawnAt === null;
			if (challenge.enrollmentId === enrollmentId && isUnspent)
				this.challenges.set(challenge.hash, { ...challenge, withdrawnAt: now });
		}
	}

	/** What a block of this target names: of a device both of its names, of a person the subject. */
	#namesOf(target: RevocationTarget, enrollments: readonly Enrollment[]): Pick<Block, "kind" | "value">[] {
		const kind = "device" in target ? "device" : "person";
		const names = enrollments.flatMap(blockedNames).filter((name) => name.kind === kind);
		const distinct = [...new Map(names.map((name) => [name.value, name])).values()];
		return distinct.sort((a, b) => (a.value < b.value ? -1 : 1));
	}

	#revokeAll(certificates: readonly Certificate[], input: Parameters<RevocationStore["revoke"]>[0]) {
		const { reason, now, audit } = input;
		const revoked: string[] = [];
		const already: string[] = [];
		for (const certificate of certificates) {
			const { serialNumber, state } = certificate;
			if (state === "revoked" || state === "abandoned") {
				already.push(serialNumber);
				continue;
			}
			const end =
				state === "issued" ? { state: "revoked" as const, revocationReason: reason } : { state: "abandoned" as const };
			this.certificates.set(serialNumber, { ...certificate, ...end, revokedAt: now });
			revoked.push(serialNumber);
			const enrollmentId = audit.enrollmentId ?? certificate.enrollmentId;
			this.events.push({ ...audit, enrollmentId, detail: { ...audit.detail, serialNumber } });
		}
		return { revoked: revoked.sort(), already: already.sort() };
	}
}
