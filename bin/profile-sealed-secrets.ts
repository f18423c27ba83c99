/** The sealed secrets of a version before it is published: whether they are there, and open, so that no delivery is the first to find out. */
import { openSecret } from "../lib/enroll/profile-secrets.ts";
import { OtaError } from "../lib/errors.ts";
import type { SealedSecret } from "../lib/ports.ts";
import type { ProfileDocument } from "../lib/profile/document.ts";
import { secretNames } from "../lib/profile/document-secrets.ts";
import type { Operator } from "./operator.ts";
import type { KeysOf } from "./profile-save.ts";

/** Names in the document for which the database has no sealed value. */
export async function missingSecrets(operator: Operator, document: ProfileDocument): Promise<string[]> {
	const there = new Set((await sealedSecrets(operator, document)).map(({ name }) => name));
	return secretNames(document).filter((name) => !there.has(name));
}

/**
 * Tells each secret that does not open, sealed under another key or broken; whether there is none. Those that are `brought`
 * are sealed anew and not asked for. Failure: what the agent says when it cannot be asked.
 */
export async function secretsOpen(
	operator: Operator,
	document: ProfileDocument,
	brought: ReadonlyMap<string, unknown>,
	keysOf: KeysOf,
): Promise<boolean> {
	const carried = (await sealedSecrets(operator, document)).filter(({ name }) => !brought.has(name));
	if (carried.length === 0) return true;
	const keys = await keysOf(operator);
	let areOpen = true;
	for (const secret of carried) {
		try {
			await openSecret(keys, secret);
		} catch (error) {
			if (!(error instanceof OtaError) || error.code !== "config") throw error;
			operator.tell(`error    ${error.message}`);
			areOpen = false;
		}
	}
	return areOpen;
}

async function sealedSecrets({ store }: Operator, document: ProfileDocument): Promise<SealedSecret[]> {
	const wanted = secretNames(document).flatMap((name) => {
		const version = Object.hasOwn(document.secrets, name) ? document.secrets[name] : undefined;
		return version === undefined ? [] : [{ profile: document.name, name, version }];
	});
	return wanted.length === 0 ? [] : store.findSecrets(wanted);
}
