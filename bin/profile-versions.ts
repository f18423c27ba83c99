/** The versions of a profile in the database, as an operator names them. */
import { OtaError } from "../lib/errors.ts";
import type { ProfileState, ProfileVersion, Store } from "../lib/ports.ts";
import type { ProfileDocument } from "../lib/profile/document.ts";
import { readDocumentYaml } from "../lib/profile/document-yaml.ts";

/** Throws `not_found` for a profile that is not there. */
export async function stateOf(store: Store, name: string): Promise<ProfileState> {
	const state = (await store.listProfiles()).find((each) => each.name === name);
	if (state) return state;
	throw new OtaError("not_found", `There is no profile ${name}. To see them: ota profile list`);
}

/** Throws `not_found` for a version that is not there. */
export async function versionOf(store: Store, name: string, version: number): Promise<ProfileVersion> {
	const found = await store.findVersion(name, version);
	if (found) return found;
	throw new OtaError("not_found", `${name} has no version ${version}. To see them: ota profile history ${name}`);
}

/** A version's text as a document. Throws `internal` when this program cannot read it. */
export function documentOf({ name, version, document }: ProfileVersion): ProfileDocument {
	try {
		return readDocumentYaml(document);
	} catch (cause) {
		throw new OtaError("internal", `${name}: version ${version} cannot be read by this version of ota`, { cause });
	}
}

/** A version as it is typed; null: it is none. */
export function readVersion(text: string): number | null {
	return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}
