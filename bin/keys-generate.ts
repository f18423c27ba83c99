/** `ota keys generate`: one key inside a token, with the attributes of its role; a label that is taken is refused. */
import { createHash } from "node:crypto";
import type { Pkcs11Uri } from "../hsm/index.ts";
import type { Config } from "../lib/config.ts";
import { ConfigError } from "../lib/errors.ts";
import { generateKey, keyTypes, typesOf } from "./generate-key.ts";
import { keyOf, stoppingFaults } from "./key-record.ts";
import type { KeysCommand } from "./keys-command.ts";
import { configuredKeys, nameSoftHsmConfiguration, printedUri, tokenPart, tokenUri, withTokens } from "./role-keys.ts";

type Role = keyof typeof typesOf;

export const makeKey: KeysCommand = async (flags, config, log) => {
	const { role, label } = flags;
	if (!isRole(role)) return { status: 2, words: "--role must be root, ca, ra, profile, ocsp or seal." };
	if (!label || [...label].length > 64 || /\p{Cc}/u.test(label))
		return { status: 2, words: "--label is missing, or no label." };
	if (flags.token && flags.token.length > 1) return { status: 2, words: "One key, one --token." };
	const type = keyTypes.find((one) => one === (flags.type ?? typesOf[role][0]));
	if (!type || !typesOf[role].includes(type)) {
		return { status: 2, words: `--type: a ${role} key is one of ${typesOf[role].join(", ")}.` };
	}
	const uri = await tokenOf(role, flags.token?.[0], config);
	return withTokens(async (tokens) => {
		const token = await tokens.open(uri);
		log(`Generating ${label} (${type}) inside the token ${token.label}...`);
		await generateKey(token, { label, role, type });
		const key = keyOf(await token.describe(), label);
		const faults = stoppingFaults(key, role, { log });
		if (faults.length > 0) {
			log(`The token made ${label} otherwise than it was asked to. Do not use it: destroy it with the vendor's tool.`);
			throw new ConfigError(faults);
		}
		const named = printedUri(uri, { object: label, id: Buffer.from(key.id, "hex") });
		const digest = key.publicKey && createHash("sha256").update(key.publicKey).digest("hex");
		return { status: 0, output: `${named}\n${digest ? `public key SHA-256 ${digest}\n` : ""}` };
	});
};

const isRole = (role: string | undefined): role is Role => role !== undefined && Object.hasOwn(typesOf, role);

/** The token that was named, or else the one of the role's key; a root, or the first responder, goes beside the issuing CA. */
async function tokenOf(role: Role, named: string | undefined, config: Config): Promise<Pkcs11Uri> {
	if (named !== undefined) return tokenPart(tokenUri(named));
	nameSoftHsmConfiguration(config);
	const uris = await configuredKeys(config);
	return tokenPart((role === "root" ? undefined : uris[role]) ?? uris.ca);
}
