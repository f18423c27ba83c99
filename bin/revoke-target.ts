/** One revocation with all that belongs to it, and the lifting of a block: done by the store, told line by line. */
import type { AuditEvent, Block, RevocationTarget } from "../lib/ports.ts";
import type { Operator } from "./operator.ts";
import { ownCertificates, ownTitles } from "./own-certificates.ts";
import { reasonName } from "./revocation-reasons.ts";

/** Idempotent: what is revoked already stays as it is, and is told with its date. Answers the exit code. */
export async function revokeTarget(operator: Operator, target: RevocationTarget, reason: number): Promise<0 | 1> {
	const { config, store, now, by, say, tell } = operator;
	if ("serialNumber" in target) {
		const own = ownCertificates(config).find(({ certificate }) => certificate.serialNumber === target.serialNumber);
		if (own) {
			tell(`${target.serialNumber} is ${ownTitles[own.role]} itself. Its key is replaced by: ota keys rotate`);
			return 1;
		}
	}
	const audit = event(operator, "certificate.revoked", { reason });
	for (const spelling of spellings(target)) {
		const done = await store.revoke({ target: spelling, reason, by, now, audit });
		if (done === null) continue;
		for (const serialNumber of done.revoked) say(await certificateLine(operator, serialNumber, ""));
		for (const serialNumber of done.already) say(await certificateLine(operator, serialNumber, " already"));
		for (const block of done.blocks) say(blockLine(block));
		if (done.revoked.length === 0 && done.already.length === 0) tell("There is no certificate to revoke.");
		return 0;
	}
	tell(`Nothing is known here of ${named(target)}.`);
	return 1;
}

/** Certificates stay revoked: whoever was barred enrolls anew. Answers the exit code. */
export async function liftBlock(
	operator: Operator,
	target: Exclude<RevocationTarget, { serialNumber: string }>,
): Promise<0 | 1> {
	const { store, now, by, say, tell } = operator;
	const audit = event(operator, "block.lifted", {});
	for (const spelling of spellings(target)) {
		const before = await store.listBlocks();
		if (!(await store.liftBlock({ target: spelling, by, now, audit }))) continue;
		const left = new Set((await store.listBlocks()).map(nameOf));
		for (const block of before) if (!left.has(nameOf(block))) say(`${nameOf(block)}  block lifted`);
		return 0;
	}
	tell(`There is no block of ${named(target)}.`);
	return 1;
}

const event = ({ now, by }: Operator, name: string, detail: AuditEvent["detail"]): AuditEvent => ({
	at: now,
	event: name,
	enrollmentId: null,
	detail: { ...detail, by },
});

/** Devices tell UDID and serial number in one case each, and people copy them in any. */
function spellings<T extends RevocationTarget>(target: T): T[] {
	if (!("device" in target)) return [target];
	const device = target.device.trim();
	const all = new Set([device, device.toUpperCase(), device.toLowerCase()]);
	return [...all].map((spelling) => ({ ...target, device: spelling }));
}

function named(target: RevocationTarget): string {
	if ("serialNumber" in target) return `a certificate ${target.serialNumber}`;
	return "device" in target ? `a device ${target.device}` : `a person ${target.person}`;
}

async function certificateLine({ store }: Operator, serialNumber: string, already: string): Promise<string> {
	const status = await store.certificateStatus(serialNumber);
	const since = status?.revokedAt?.toISOString() ?? "";
	return `${serialNumber}  ${status?.state ?? "unknown"}${already}  ${reasonName(status?.revocationReason ?? null)}  since ${since}`;
}

const nameOf = ({ kind, value }: Block): string => `${kind} ${value}`;

const blockLine = (block: Block): string =>
	`${nameOf(block)}  blocked  ${reasonName(block.reason)}  since ${block.createdAt.toISOString()} by ${block.by}`;
