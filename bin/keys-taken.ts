/** Keys that have a role already, by name and by public half: one key, one role, so none of them becomes another role's successor. */
import type { KeyDescription } from "../hsm/index.ts";
import type { Config } from "../lib/config.ts";
import { OtaError } from "../lib/errors.ts";
import { isNamed, keyIdentity } from "./key-record.ts";
import {
	type CertificateRole,
	type ConfiguredKeys,
	type ConfiguredRole,
	certificateVariable,
	keyVariable,
	namedCertificates,
	type OpenTokens,
} from "./role-keys.ts";

export interface TakenKeys {
	/** Label -> the variable that names it. */
	labels: ReadonlyMap<string, string>;
	/** Of public halves, as keyIdentity has them -> the variable whose key or certificate it is. */
	identities: ReadonlyMap<string, string>;
}

/** Every key and certificate of the configuration. `config` or `hsm_unavailable` when a token does not tell of its keys. */
export async function takenKeys(uris: ConfiguredKeys, config: Config, tokens: OpenTokens): Promise<TakenKeys> {
	const labels = new Map<string, string>();
	const identities = new Map<string, string>();
	for (const [role, certificate] of Object.entries(namedCertificates(config))) {
		const spki = certificate.publicKey.export({ format: "der", type: "spki" });
		identities.set(keyIdentity(spki), certificateVariable(role as CertificateRole));
	}
	for (const [role, uri] of Object.entries(uris)) {
		const name = keyVariable(role as ConfiguredRole);
		if (uri.object !== undefined) labels.set(uri.object, name);
		const token = await tokens.open(uri);
		for (const key of (await token.describe()).filter((one) => isNamed(one, uri))) {
			labels.set(key.label, name);
			if (key.publicKey) identities.set(keyIdentity(key.publicKey), name);
		}
	}
	return { labels, identities };
}

/** `conflict` naming the variable. */
export function refuseTaken(key: KeyDescription, { labels, identities }: TakenKeys): void {
	const name = labels.get(key.label);
	if (name) throw new OtaError("conflict", `${key.label} is the label of ${name}; each role needs its own key`);
	const holder = key.publicKey && identities.get(keyIdentity(key.publicKey));
	if (holder) throw new OtaError("conflict", `${key.label} is the key of ${holder}; each role needs its own key`);
}
