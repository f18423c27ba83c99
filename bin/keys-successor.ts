/**
 * What rotations have in common: a key beside the one that it follows, under a dated label or a label that is there already, and
 * the keys that certify it, each proven to be its certificate's before anything is made.
 */
import type { X509Certificate } from "node:crypto";
import { access, mkdir, writeFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import type { Pkcs11Uri, Token } from "../hsm/index.ts";
import type { CeremonyKey } from "../lib/ca/ceremony.ts";
import type { Config } from "../lib/config.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { keyLabels } from "./ceremony-labels.ts";
import { type GeneratedType, generateKey } from "./generate-key.ts";
import { ceremonyKey, keyOf, stoppingFaults } from "./key-record.ts";
import { refuseTaken, type TakenKeys } from "./keys-taken.ts";
import { certificateVariable, configuredCertificate, keyVariable, type OpenTokens } from "./role-keys.ts";

const rsa = ["rsa-2048", "rsa-3072", "rsa-4096"] as const;
/** Who may have a successor, and of which kinds, the usual one first: Apple demands RSA of the RA and takes it of a signer. */
export const successorTypes = {
	ra: rsa,
	profile: rsa,
	ocsp: [...rsa, "p-256"],
	ca: [...rsa, "p-256"],
} as const satisfies Record<string, readonly GeneratedType[]>;
export type Rotated = keyof typeof successorTypes;

export interface Rotation {
	role: Rotated;
	/** The old key's kind unless told. */
	type: GeneratedType | null;
	/** A key that is there already; null makes one. */
	label: string | null;
	/** Where the certificates go. */
	folder: string;
	config: Config;
	log(line: string): void;
}

/** Where a successor goes, and after which key. */
export interface Place {
	token: Token;
	/** Null: there was none before. */
	old: Pkcs11Uri | null;
	/** A kind for the first key of its role. */
	firstType?: GeneratedType;
	/** Null unless a key is taken that is there already. */
	taken: TakenKeys | null;
	/** Names of what is going to be written. */
	files(suffix: string): readonly string[];
}

/** The new key's label, and what the files' names end with: a date. `conflict` for a key that has a role; `config` with its faults. */
export async function successor(rotation: Rotation, place: Place): Promise<{ label: string; suffix: string }> {
	const { role, log } = rotation;
	const { token, old: uri, taken } = place;
	const keys = await token.describe();
	const old = uri && keyOf(keys, uri);
	// The date of an earlier rotation is replaced.
	const base = old?.label.replace(/-\d{8}(-\d+)?$/, "") ?? keyLabels[role];
	const isTaken = (suffix: string) => keys.some((key) => key.label === `${base}${suffix}`);
	const suffix = await freeSuffix(rotation.folder, place.files, { isTaken, isDated: old !== null });
	const label = rotation.label ?? `${base}${suffix}`;
	if (label === old?.label) throw new OtaError("conflict", `${label} is the key that the configuration names already`);
	const types: readonly GeneratedType[] = successorTypes[role];
	if (rotation.label === null) {
		const type = rotation.type ?? types.find((one) => one === old?.type) ?? place.firstType ?? "rsa-2048";
		log(`Generating ${label} (${type}) inside the token ${token.label}...`);
		await generateKey(token, { label, role, type });
	}
	const key = keyOf(await token.describe(), label);
	if (taken) refuseTaken(key, taken);
	if (!types.some((one) => one === key.type)) {
		const kinds = types === rsa ? "not RSA" : "neither RSA nor P-256";
		throw new OtaError("key_policy", `${label} is ${key.type}, ${kinds}`);
	}
	const faults = stoppingFaults(key, role, { log });
	if (faults.length > 0) throw new ConfigError(faults);
	return { label, suffix };
}

/** A role's key, once it is the one in its certificate and has no fault. Where it came from its ceremony has judged. */
export async function certifiedKey(
	role: "ca" | "caOld" | "ra" | "profile" | "ocsp",
	uri: Pkcs11Uri,
	tokens: OpenTokens,
	{ config, log }: Pick<Rotation, "config" | "log">,
): Promise<{ key: CeremonyKey; certificate: X509Certificate }> {
	const token = await tokens.open(uri);
	const certificate = configuredCertificate(config, role);
	const key = await ceremonyKey(token, uri);
	if (!certificate.publicKey.export({ format: "der", type: "spki" }).equals(key.publicKey)) {
		throw new OtaError(
			"config",
			`${certificateVariable(role)} holds another key than ${keyVariable(role)}; nothing was made.`,
		);
	}
	const usage = role === "caOld" ? "ca" : role;
	const faults = stoppingFaults(keyOf(await token.describe(), uri), usage, { isImported: true, log });
	if (faults.length > 0) throw new ConfigError(faults);
	return { key, certificate };
}

/** Who does it, and on which token: for the transcript. */
export const heldBy = (token: Token): { operator: string; token: string } => ({
	operator: `${userInfo().username}@${hostname()}`,
	token: `${token.label} (serial ${token.serial})`,
});

/**
 * `-20261122`; another one on the same day gets `-2` behind it. Neither a key nor a file of that name may be there. Nothing, where
 * there is no key to tell it from (`isDated` false).
 */
export async function freeSuffix(
	folder: string,
	files: Place["files"],
	{ isTaken, isDated }: { isTaken(suffix: string): boolean; isDated: boolean },
): Promise<string> {
	const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
	for (let count = isDated ? 1 : 0; ; count += 1) {
		const suffix = count === 0 ? "" : count === 1 ? `-${day}` : `-${day}-${count}`;
		if (!isTaken(suffix) && !(await anyExists(folder, files(suffix)))) return suffix;
	}
}

async function anyExists(folder: string, names: readonly string[]): Promise<boolean> {
	for (const name of names) if (await exists(join(folder, name))) return true;
	return false;
}

export const exists = (path: string): Promise<boolean> =>
	access(path).then(
		() => true,
		() => false,
	);

/** Whole files that were not there before, by name. */
export async function writeNew(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
	await mkdir(folder, { recursive: true, mode: 0o700 });
	for (const [name, text] of Object.entries(files)) {
		await writeFile(join(folder, name), text, { mode: 0o600, flag: "wx", flush: true });
	}
}
