/** Of the Store in memory: requests that wait for an operator. */
import type { Approval, ApprovalState, ApprovalStore, AuditEvent, NewApproval } from "../ports.ts";
import { duplicate, isLive, MemoryTables } from "./memory-tables.ts";

export class MemoryApprovals extends MemoryTables implements ApprovalStore {
	async pendApproval({ approval, audit }: { approval: NewApproval; audit: AuditEvent }) {
		const { id, challengeHash, publicKeyHash, enrollmentId, purpose, createdAt, expiresAt } = approval;
		if (this.approvalFor(challengeHash, publicKeyHash)) return "exists" as const;
		const challenge = this.challenges.get(challengeHash);
		const enrollment = this.enrollments.get(enrollmentId);
		if (!challenge || !isLive(challenge, createdAt) || challenge.purpose !== purpose) return "refused" as const;
		if (challenge.enrollmentId !== enrollmentId || !enrollment) return "refused" as const;
		if (enrollment.state === "cancelled") return "refused" as const;
		if (this.certificatesOf(publicKeyHash).length > 0) return "key" as const;
		if (this.approvals.has(id)) throw duplicate("approval");
		this.spend({ ...challenge, expiresAt: later(challenge.expiresAt, expiresAt) }, publicKeyHash, createdAt);
		this.enrollments.set(enrollmentId, { ...enrollment, expiresAt: later(enrollment.expiresAt, expiresAt) });
		this.approvals.set(id, { ...approval, state: "pending", decidedAt: null, decidedBy: null });
		this.events.push(audit);
		return "pending" as const;
	}

	async findApproval(by: Parameters<ApprovalStore["findApproval"]>[0]) {
		const [approval] = [...this.approvals.values()]
			.filter((each) =>
				"challengeHash" in by
					? each.challengeHash === by.challengeHash && each.publicKeyHash === by.publicKeyHash
					: each.transaction.transactionID === by.transactionID && each.transaction.signerKeyHash === by.signerKeyHash,
			)
			.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
		const challenge = approval && this.challenges.get(approval.challengeHash);
		const enrollment = approval && this.enrollments.get(approval.enrollmentId);
		if (!approval || !challenge || !enrollment) return null;
		const certificate = this.certificateFor(approval.challengeHash, approval.publicKeyHash) ?? null;
		return { approval, enrollment, challenge, certificate, isBlocked: this.isOfBlocked(enrollment) };
	}

	async hasDelivered(udid: string): Promise<boolean> {
		return [...this.enrollments.values()].some((each) => each.udid === udid && each.state === "delivered");
	}

	async listApprovals(state: ApprovalState) {
		const found = [...this.approvals.values()]
			.filter((approval) => approval.state === state)
			.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
		return found.flatMap((approval) => {
			const enrollment = this.enrollments.get(approval.enrollmentId);
			return enrollment ? [{ approval, enrollment }] : [];
		});
	}

	async decideApproval({ id, state, by, now, audit }: Parameters<ApprovalStore["decideApproval"]>[0]) {
		const approval = this.approvals.get(id);
		if (approval?.state !== "pending" || approval.expiresAt <= now) return false;
		const decided: Approval = { ...approval, state, decidedAt: now, decidedBy: by };
		this.approvals.set(id, decided);
		this.events.push({ ...audit, enrollmentId: audit.enrollmentId ?? approval.enrollmentId });
		return true;
	}
}

const later = (a: Date, b: Date): Date => (a > b ? a : b);
