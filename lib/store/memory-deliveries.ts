/** Of the Store in memory: what devices received, and what a device's new certificates take the place of. */
import type { Certificate, Delivery, Enrollment, Store } from "../ports.ts";
import { MemoryPeople } from "./memory-people.ts";
import { deliveryKey, newest } from "./memory-tables.ts";
import { superseded } from "./reasons.ts";

export class MemoryDeliveries extends MemoryPeople {
	async findDelivery(enrollmentId: string): Promise<Delivery | null> {
		return this.latestDelivery(enrollmentId);
	}

	async deliver(input: Parameters<Store["deliver"]>[0]): Promise<boolean> {
		const { enrollmentId, deliveredAt } = input.delivery;
		const enrollment = this.enrollments.get(enrollmentId);
		if (enrollment?.state !== "certified" || enrollment.expiresAt <= deliveredAt) return false;
		const certificate = this.#recipient(input.delivery);
		if (!certificate) return false;
		this.insertChallenges(input.challenges);
		this.supersede(certificate, enrollment, deliveredAt);
		this.enrollments.set(enrollmentId, { ...enrollment, state: "delivered", deliveredAt });
		this.certificates.set(certificate.serialNumber, { ...certificate, usedAt: deliveredAt });
		this.#insertDelivery({ ...input.delivery, number: 0 });
		this.events.push(input.audit);
		return true;
	}

	async deliverAgain(input: Parameters<Store["deliverAgain"]>[0]): Promise<boolean> {
		const { enrollmentId, number, kind, deliveredAt } = input.delivery;
		const enrollment = this.enrollments.get(enrollmentId);
		if (enrollment?.state !== "delivered") return false;
		if (this.latestDelivery(enrollmentId)?.number !== number - 1) return false;
		const certificate = this.#recipient(input.delivery);
		if (!certificate) return false;
		this.insertChallenges(input.challenges);
		const usedAt = certificate.usedAt ?? (kind === "update" ? deliveredAt : null);
		this.certificates.set(certificate.serialNumber, { ...certificate, usedAt });
		this.#insertDelivery(input.delivery);
		if (input.device) this.enrollments.set(enrollmentId, { ...enrollment, device: input.device });
		this.events.push(input.audit);
		return true;
	}

	async hasSpentClient(enrollmentId: string, since: Date): Promise<boolean> {
		return [...this.challenges.values()].some(
			(each) =>
				each.enrollmentId === enrollmentId &&
				each.purpose === "client" &&
				each.createdAt >= since &&
				each.usedAt !== null,
		);
	}

	async confirmDelivery({ certificateSerialNumber, now, audit }: Parameters<Store["confirmDelivery"]>[0]) {
		const all = [...this.deliveries.values()];
		const latest = newest(all.filter((each) => each.certificateSerialNumber === certificateSerialNumber));
		if (!latest || latest.confirmedAt) return false;
		this.#insertDelivery({ ...latest, confirmedAt: now });
		this.events.push(audit);
		return true;
	}

	/** Other certificates of the same device and purpose: of identities those of other enrollments. */
	protected supersede({ purpose, serialNumber }: Certificate, enrollment: Enrollment, now: Date): void {
		const { id, udid, user, signerKeyHash } = enrollment;
		const former = [...this.certificates.values()].filter((each) => {
			if (each.purpose !== purpose || each.state !== "issued" || each.serialNumber === serialNumber) return false;
			const other = this.enrollments.get(each.enrollmentId);
			if (!other || udid === null || other.udid !== udid) return false;
			if (purpose === "identity" && other.id === id) return false;
			return other.user.id === user.id || other.signerKeyHash === signerKeyHash;
		});
		for (const each of former.sort((a, b) => (a.serialNumber < b.serialNumber ? -1 : 1))) {
			const end = { state: "revoked" as const, revokedAt: now, revocationReason: superseded };
			this.certificates.set(each.serialNumber, { ...each, ...end });
			const detail = { serialNumber: each.serialNumber, reason: superseded };
			this.events.push({ at: now, event: "certificate.revoked", enrollmentId: each.enrollmentId, detail });
			if (purpose === "identity") this.#withdrawClients(each.enrollmentId, now);
		}
	}

	#withdrawClients(enrollmentId: string, now: Date): void {
		for (const challenge of this.challenges.values()) {
			if (challenge.enrollmentId !== enrollmentId || challenge.purpose !== "client") continue;
			if (challenge.usedAt || challenge.withdrawnAt) continue;
			this.challenges.set(challenge.hash, { ...challenge, withdrawnAt: now });
		}
	}

	/** The identity that a delivery is encrypted to, if it counts. */
	#recipient({ enrollmentId, certificateSerialNumber, deliveredAt }: Delivery): Certificate | null {
		const certificate = this.certificates.get(certificateSerialNumber);
		if (certificate?.state !== "issued" || certificate.purpose !== "identity") return null;
		return certificate.enrollmentId === enrollmentId && certificate.notAfter >= deliveredAt ? certificate : null;
	}

	#insertDelivery(delivery: Delivery): void {
		this.deliveries.set(deliveryKey(delivery), delivery);
	}
}
