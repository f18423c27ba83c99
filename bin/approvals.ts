/** The requests that wait for an operator, shown and decided; the server acts on it when the device asks again. */
import type { Approval, ApprovalState, Enrollment } from "../lib/ports.ts";
import { writeDistinguishedName } from "./distinguished-name.ts";
import type { Operator } from "./operator.ts";

interface Waiting {
	approval: Approval;
	enrollment: Enrollment;
}

/** Oldest first; what has expired can be decided no more. */
export async function listApprovals({ store, now, say, tell }: Operator, isJson: boolean): Promise<0> {
	const waiting = (await store.listApprovals("pending")).filter(({ approval }) => approval.expiresAt > now);
	if (isJson) say(JSON.stringify(waiting.map(asJson)));
	else for (const each of waiting) say(asLine(each));
	if (waiting.length === 0) tell("No request waits.");
	return 0;
}

function asJson({ approval, enrollment }: Waiting): Record<string, unknown> {
	const { id, purpose, subject, subjectAltName, publicKeyHash, createdAt, expiresAt } = approval;
	const { user, udid, device } = enrollment;
	return {
		id,
		purpose,
		user: { id: user.id, email: user.email, name: user.name ?? null },
		device: { model: device.PRODUCT ?? null, serialNumber: device.SERIAL ?? null, udid },
		subject: writeDistinguishedName(subject),
		subjectAltName,
		publicKeyHash,
		since: createdAt.toISOString(),
		until: expiresAt.toISOString(),
	};
}

function asLine({ approval, enrollment }: Waiting): string {
	const { user, udid, device } = enrollment;
	const hosts = approval.subjectAltName.dNSName ?? [];
	const what = [device.PRODUCT, device.SERIAL, udid].filter(Boolean).join(" ") || "a machine";
	return [
		approval.id,
		approval.purpose,
		user.email || user.id,
		what,
		[writeDistinguishedName(approval.subject), ...hosts].join(" "),
		`since ${approval.createdAt.toISOString()}`,
		`until ${approval.expiresAt.toISOString()}`,
	].join("  ");
}

/** Answers the exit code. */
export async function decideApproval(operator: Operator, given: string, state: Exclude<ApprovalState, "pending">) {
	const { store, now, by, say, tell } = operator;
	const id = given.toLowerCase();
	const audit = { at: now, event: `approval.${state}`, enrollmentId: null, detail: { id, by } };
	if (await store.decideApproval({ id, state, by, now, audit })) {
		say(`${id}  ${state}`);
		return 0;
	}
	tell(await whyNot(operator, id));
	return 1;
}

async function whyNot({ store }: Operator, id: string): Promise<string> {
	for (const state of ["pending", "approved", "refused"] as const) {
		const found = (await store.listApprovals(state)).find(({ approval }) => approval.id === id)?.approval;
		if (!found) continue;
		if (state === "pending") return `The request ${id} expired at ${found.expiresAt.toISOString()}.`;
		const who = found.decidedBy ? ` by ${found.decidedBy}` : "";
		return `The request ${id} was ${state}${who} at ${found.decidedAt?.toISOString()}.`;
	}
	return `There is no request ${id}. See: ota approvals list`;
}
