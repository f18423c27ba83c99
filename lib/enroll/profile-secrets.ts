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

/** Additional authenticated data: a sealed value that was moved to another row does not open there. */
const placeOf = ({ profile, name, version }: Omit<SealedSecret, "sealed">): string =>
	`ProfileSecret|${profile}/${name}|sealed|${version}`;

const text = 0;
const data = 1;

export function sealSecrets(
	keys: Pick<Keys, "seal">,
	profile: string,
	version: number,
	secrets: PlainSecrets,
): Promise<SealedSecret[]> {
	return Promise.all(
		[...secrets].map(async ([name, value]) => {
			const place = { profile, name, version };
			const plain =
				typeof value === "string"
					? Buffer.concat([Buffer.of(text), Buffer.from(value)])
					: Buffer.concat([Buffer.of(data), value]);
			const sealed = await keys.seal(plain, placeOf(place)).finally(() => plain.fill(0));
			return { ...place, sealed };
		}),
	);
}

/** What the assigned payloads need, by `profile/name`. Failure: config when one is missing; the key's. */
export async function openSecrets(
	{ keys, store }: Pick<EnrollContext, "keys" | "store">,
	assignment: Assignment,
): Promise<ReadonlyMap<string, string | Uint8Array>> {
	const wanted = secretsWanted(assignment);
	if (wanted.length === 0) return new Map();
	const found = await store.findSecrets(wanted);
	const opened = found.map(async (secret) => {
		const plain = await keys.open(secret.sealed, placeOf(secret));
		return [`${secret.profile}/${secret.name}`, readPlain(plain)] as const;
	});
	const secrets = new Map(await Promise.all(opened));
	const missing = wanted.find(({ profile, name }) => !secrets.has(`${profile}/${name}`));
	if (missing)
		throw new OtaError("config", `profile ${missing.profile}: its secret ${missing.name} is not in the database`);
	return secrets;
}

function readPlain(plain: Uint8Array): string | Uint8Array {
	const [kind] = plain;
	const value = plain.subarray(1);
	if (kind === data) return value;
	if (kind !== text) throw new OtaError("internal", "a sealed secret has another form");
	return new TextDecoder("utf-8", { fatal: true }).decode(value);
}
