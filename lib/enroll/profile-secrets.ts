/**
 * The secrets of profiles: under the seal key in the database, each bound to its place there (table, row, column, version),
 * and open only while a profile is composed.
 */
import { OtaError } from "../errors.ts";
import type { Keys, SealedSecret } from "../ports.ts";
import type { Assignment } from "../profile/assign.ts";
import { secretsWanted } from "../profile/compose.ts";
import type { PlainSecrets } from "../profile/document.ts";
import type { EnrollContext } from "./context.ts";
import { Turns } from "./turns.ts";

type Place = Omit<SealedSecret, "sealed">;

/** Additional authenticated data: a sealed value that was moved to another row does not open there. */
const placeOf = ({ profile, name, version }: Place): string => `ProfileSecret|${profile}/${name}|sealed|${version}`;

const text = 0;
const data = 1;

/** Of one process at a time: the token's queue is everybody's. */
export const secretsAtATime = 8;
/** As many calls as a client of the agent lets wait. */
const mostWaiting = 2_048;

export const secretTurns = (): Turns => new Turns(secretsAtATime, mostWaiting);

export function sealSecrets(
	keys: Pick<Keys, "seal">,
	profile: string,
	version: number,
	secrets: PlainSecrets,
): Promise<SealedSecret[]> {
	const turns = new Turns(secretsAtATime);
	return Promise.all(
		[...secrets].map(([name, value]) => turns.take(() => seal(keys, { profile, name, version }, value))),
	);
}

async function seal(keys: Pick<Keys, "seal">, place: Place, value: string | Uint8Array): Promise<SealedSecret> {
	const plain =
		typeof value === "string"
			? Buffer.concat([Buffer.of(text), Buffer.from(value)])
			: Buffer.concat([Buffer.of(data), value]);
	const sealed = await keys.seal(plain, placeOf(place)).finally(() => plain.fill(0));
	return { ...place, sealed };
}

/** What the assigned payloads need, by `profile/name`. Failure: config when one is missing or does not open; the key's. */
export async function openSecrets(
	{
		keys,
		store,
		secretTurns: turns = secretTurns(),
	}: Pick<EnrollContext, "keys" | "store"> & Partial<Pick<EnrollContext, "secretTurns">>,
	assignment: Assignment,
): Promise<ReadonlyMap<string, string | Uint8Array>> {
	const wanted = secretsWanted(assignment);
	if (wanted.length === 0) return new Map();
	const found = await store.findSecrets(wanted);
	// After the first that fails the others are not asked: a token that hangs would be waited for once for each.
	let failure: unknown = null;
	const open = async (secret: SealedSecret) => {
		if (failure !== null) throw failure;
		try {
			return [`${secret.profile}/${secret.name}`, await openSecret(keys, secret)] as const;
		} catch (error) {
			failure = error;
			throw error;
		}
	};
	const secrets = new Map(await Promise.all(found.map((secret) => turns.take(() => open(secret)))));
	const missing = wanted.find(({ profile, name }) => !secrets.has(`${profile}/${name}`));
	if (missing) throw new OtaError("config", `${called(missing)} is not in the database. ${remedy(missing)}`);
	return secrets;
}

/** The value. Failure: config, naming the secret, when it was sealed under another key or elsewhere; hsm_busy, hsm_unavailable. */
export async function openSecret(keys: Pick<Keys, "open">, secret: SealedSecret): Promise<string | Uint8Array> {
	const plain = await keys.open(secret.sealed, placeOf(secret)).catch((cause: unknown) => {
		if (!(cause instanceof OtaError) || cause.code !== "hsm_refused") throw cause;
		throw new OtaError("config", `${called(secret)} does not open: ${cause.message}. ${remedy(secret)}`, { cause });
	});
	return readPlain(plain);
}

const called = ({ profile, name, version }: Place): string =>
	`profile ${profile}: its secret ${name} (version ${version})`;

const remedy = ({ profile, name }: Place): string => `Give it anew: ota profile secret ${profile} ${name}`;

function readPlain(plain: Uint8Array): string | Uint8Array {
	const [kind] = plain;
	const value = plain.subarray(1);
	if (kind === data) return value;
	if (kind !== text) throw new OtaError("internal", "a sealed secret has another form");
	return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
}
