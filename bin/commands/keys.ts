/** `ota keys`: what lies on the tokens, new keys, the audit of the roles' keys, successors for keys and for the issuing CA. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readConfig } from "../../lib/config.ts";
import { OtaError } from "../../lib/errors.ts";
import { auditKeys } from "../keys-audit.ts";
import type { KeysCommand, KeysFlags } from "../keys-command.ts";
import { makeKey } from "../keys-generate.ts";
import { listKeys } from "../keys-list.ts";
import { rotateKey } from "../keys-rotate.ts";
import { usageRefusal } from "../usage.ts";

const usage = `usage: ota keys list [--token URI]... [--json]
       ota keys generate --role root|ca|ra|profile|ocsp|seal --label LABEL [--type TYPE] [--token URI]
       ota keys audit [--json]
       ota keys rotate --role ra|profile|ocsp [--type TYPE | --label LABEL] [--out DIR]
       ota keys rotate --role ca [--type TYPE | --label LABEL | --certificate FILE] [--token URI]... [--out DIR]

The tokens are those of the OTA_*_KEY variables (default: the one in OTA_DATA_DIR), or
URI: pkcs11:token=LABEL?module-path=/path&pin-source=file:/path. TYPE: rsa-2048, rsa-3072, rsa-4096, p-256, p-384, aes-256.
rotate takes the key LABEL where it is there already (made with the vendor's tool), and makes one otherwise. A new issuing CA
is certified by the root's key where a token of ours, or the one at URI, has it; else its request is written, and the rollover
goes on with the certificate in FILE.
A PIN comes from its file alone, never from the command line. audit: exit code 1 when something is wrong.
`;
const refuse = usageRefusal(usage);

/** Each with the flags that it knows. */
const commands: Readonly<Record<string, { run: KeysCommand; flags: readonly (keyof KeysFlags)[] }>> = {
	list: { run: listKeys, flags: ["token", "json"] },
	generate: { run: makeKey, flags: ["role", "label", "type", "token"] },
	audit: { run: auditKeys, flags: ["json"] },
	rotate: { run: rotateKey, flags: ["role", "type", "label", "out", "certificate", "token"] },
};

export async function run([name = "", ...args]: readonly string[]): Promise<number> {
	const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
	const flags = command && readFlags(args, command.flags);
	if (!command || !flags) return refuse("");
	try {
		const config = readConfig(process.env, (path) => readFileSync(path, "utf8"), "command");
		const outcome = await command.run(flags, config, (line) => process.stderr.write(`${line}\n`));
		if (outcome.status === 2) return refuse(outcome.words);
		process.stdout.write(outcome.output);
		return outcome.status;
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		process.stderr.write(`${error.message}\n`);
		return 1;
	}
}

function readFlags(args: readonly string[], known: readonly (keyof KeysFlags)[]): KeysFlags | null {
	const text = { type: "string" } as const;
	const all = { role: text, label: text, type: text, out: text, certificate: text, json: { type: "boolean" } } as const;
	const options = { ...all, token: { type: "string", multiple: true } } as const;
	try {
		const { values } = parseArgs({ args: [...args], options });
		const foreign = Object.keys(values).some((name) => !known.includes(name as keyof KeysFlags));
		return foreign ? null : values;
	} catch {
		return null;
	}
}
