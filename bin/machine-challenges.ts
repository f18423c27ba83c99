/** Challenges that an operator mints for machines: an enrollment of no person's, and as many single-use passwords. */
import { isLike } from "../lib/ca/csr-names.ts";
import { drawChallenge } from "../lib/enroll/context.ts";
import type { ChallengeBinding, Random, SubjectName } from "../lib/ports.ts";
import type { Operator } from "./operator.ts";
import { ownCertificates, ownTitles } from "./own-certificates.ts";

/** What the certificates will say: chosen here (subject null: a name of its own for each), or by the request. */
export type MachineNames =
	| { from: "csr" }
	| { from: "operator"; subject: SubjectName | null; hosts: readonly string[] };

export interface Mint {
	names: MachineNames;
	/** Milliseconds. */
	ttl: number;
	count: number;
}

/** Prints the challenges and nothing else. Answers the exit code. */
export async function mintChallenges(operator: Operator, { names, ttl, count }: Mint, random: Random): Promise<0 | 1> {
	const { store, now, by, say, tell } = operator;
	const taken = names.from === "operator" && names.subject && ownerOf(operator, names.subject);
	if (taken) {
		tell(`This is the name of ${taken}; choose another CN.`);
		return 1;
	}
	const user = { id: `operator:${by}`, email: "", groups: [], claims: {} };
	if (await store.isBlocked({ userId: user.id })) {
		tell(`What ${user.id} mints is blocked. To lift it: ota revoke --person ${user.id} --lift`);
		return 1;
	}
	const id = Buffer.from(random(16)).toString("hex");
	const enrollment = { id, user, createdAt: now, expiresAt: new Date(now.getTime() + ttl) };
	const drawn = Array.from({ length: count }, () =>
		drawChallenge({ random }, "machine", enrollment, now, bindingOf(operator, names, random)),
	);
	const challenges = drawn.map(({ challenge }) => challenge);
	const detail = { by, count, until: enrollment.expiresAt.toISOString(), namesFrom: names.from };
	await store.mintChallenges({
		enrollment,
		challenges,
		audit: { at: now, event: "challenges.minted", enrollmentId: id, detail },
	});
	for (const { text } of drawn) say(text);
	return 0;
}

function bindingOf({ config }: Operator, names: MachineNames, random: Random): ChallengeBinding {
	const nobody = { udid: "", serialNumber: null };
	if (names.from === "csr") return { ...nobody, subject: [], subjectAltName: {}, isSubjectFromCsr: true };
	const { hosts } = names;
	const subject = names.subject ?? [
		["O", [...config.organization].slice(0, 64).join("")],
		["CN", `machine-${Buffer.from(random(6)).toString("hex")}`],
	];
	return { ...nobody, subject, subjectAltName: hosts.length > 0 ? { dNSName: hosts } : {} };
}

/** Which of ours it could be taken for: a verifier may look at names alone. */
function ownerOf({ config }: Operator, subject: SubjectName): string | null {
	const own = ownCertificates(config).find(({ certificate }) => isLike(subject, certificate));
	return own ? ownTitles[own.role] : null;
}
