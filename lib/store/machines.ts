/** Challenges that an operator mints for machines: an enrollment without a person's sign-in. */
import type { MachineStore } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import { insertChallenge } from "./challenges.ts";
import type { PrismaLike } from "./client.ts";
import { insertEnrollment } from "./enrollments.ts";
import { persist } from "./failures.ts";

export async function mintChallenges(
	client: PrismaLike,
	{ enrollment, challenges, audit }: Parameters<MachineStore["mintChallenges"]>[0],
): Promise<void> {
	await persist(() =>
		client.$transaction([
			insertEnrollment(client, { ...enrollment, state: "minted" }),
			...challenges.map((challenge) => insertChallenge(client, challenge)),
			insertAuditEvent(client, audit),
		]),
	);
}
