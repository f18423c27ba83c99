/** `ota keys list`: every private and secret key of the tokens, with what its token tells of it. */
import { createHash } from "node:crypto";
import type { KeyDescription, Pkcs11Uri, Token } from "../hsm/index.ts";
import { isNamed } from "./key-record.ts";
import type { KeysCommand } from "./keys-command.ts";
import {
	type ConfiguredKeys,
	type ConfiguredRole,
	configuredKeys,
	configuredRoles,
	nameSoftHsmConfiguration,
	tokenUri,
	withTokens,
} from "./role-keys.ts";

interface ListedKey {
	token: string;
	serial: string;
	label: string;
	id: string;
	class: string;
	type: string;
	/** Those of the configuration whose URI names this key. */
	roles: ConfiguredRole[];
	attributes: KeyDescription["attributes"];
	/** SHA-256 of the SubjectPublicKeyInfo, hex; null of a secret key. */
	publicKeySha256: string | null;
}

export const listKeys: KeysCommand = async (flags, config) => {
	if (!flags.token) nameSoftHsmConfiguration(config);
	const roles: Partial<ConfiguredKeys> = flags.token ? {} : await configuredKeys(config);
	const uris = flags.token?.map(tokenUri) ?? configuredRoles.flatMap((role) => roles[role] ?? []);
	const keys = await withTokens(async (tokens) => {
		// A token that several URIs name is listed once, with the roles of all of them.
		const opened = new Map<string, { token: Token; uris: Set<Pkcs11Uri> }>();
		for (const uri of uris) {
			const token = await tokens.open(uri);
			const name = `${token.label}|${token.serial}`;
			opened.set(name, { token, uris: (opened.get(name)?.uris ?? new Set()).add(uri) });
		}
		const listed: ListedKey[] = [];
		for (const { token, uris: its } of opened.values()) {
			const own = configuredRoles.filter((role) => roles[role] && its.has(roles[role]));
			for (const key of await token.describe()) {
				listed.push(
					listedKey(
						token,
						key,
						own.filter((role) => isNamed(key, roles[role] ?? {})),
					),
				);
			}
		}
		// A token tells its objects in no order of its own.
		return listed.sort((one, other) => Number(one.label > other.label) - Number(one.label < other.label));
	});
	return { status: 0, output: flags.json ? `${JSON.stringify(keys, null, "\t")}\n` : keys.map(paragraph).join("\n") };
};

function listedKey(token: Token, key: KeyDescription, roles: ConfiguredRole[]): ListedKey {
	return {
		token: token.label,
		serial: token.serial,
		label: key.label,
		id: key.id,
		class: key.class,
		type: key.type,
		roles,
		attributes: key.attributes,
		publicKeySha256: key.publicKey && createHash("sha256").update(key.publicKey).digest("hex"),
	};
}

/** Attributes that are set, by their names; whether the key can leave comes first. */
function paragraph(key: ListedKey): string {
	const { CKA_SENSITIVE, CKA_EXTRACTABLE, ...others } = key.attributes;
	const told = (name: string, value: boolean | undefined) => `${name}=${value === undefined ? "?" : Number(value)}`;
	const set = Object.entries(others).flatMap(([name, value]) => (value ? [name.slice("CKA_".length)] : []));
	const role = key.roles.length > 0 ? `  role ${key.roles.join(", ")}` : "";
	const lines = [
		`${key.label}  ${key.type}${role}`,
		`  token       ${key.token} (serial ${key.serial})`,
		`  id          ${key.id}`,
		`  attributes  ${told("SENSITIVE", CKA_SENSITIVE)} ${told("EXTRACTABLE", CKA_EXTRACTABLE)}  ${set.join(" ")}`,
		...(key.publicKeySha256 ? [`  public key  SHA-256 ${key.publicKeySha256}`] : []),
	];
	return `${lines.join("\n")}\n`;
}
