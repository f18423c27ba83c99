/**
 * `ota keys audit`: the key of every role as the configuration names it: there once, every attribute as it must be, no key
 * in two roles, and the very key that its certificate holds, proven by a signature.
 */
import { randomBytes, verify } from "node:crypto";
import { auditKey, type KeyDescription, type Pkcs11Uri, redactUri, type Token } from "../hsm/index.ts";
import type { Config } from "../lib/config.ts";
import { OtaError } from "../lib/errors.ts";
import { isNamed, keyIdentity, keyOf } from "./key-record.ts";
import type { KeysCommand } from "./keys-command.ts";
import {
	type ConfiguredKeys,
	type ConfiguredRole,
	configuredCertificate,
	configuredCertificates,
	configuredKeys,
	configuredRoles,
	nameSoftHsmConfiguration,
	type OpenTokens,
	usageOf,
	withTokens,
} from "./role-keys.ts";

interface Audited {
	role: ConfiguredRole;
	/** The key's URI, its PIN hidden. */
	key: string;
	faults: string[];
}

export const auditKeys: KeysCommand = async (flags, config) => {
	nameSoftHsmConfiguration(config);
	const uris = await configuredKeys(config);
	const report = await withTokens((tokens) => audit(uris, config, tokens));
	const isGood = report.every(({ faults }) => faults.length === 0);
	const text = report.flatMap(({ role, key, faults }) => [
		`${role}: ${faults.length === 0 ? "good" : `${faults.length} fault(s)`}  ${key}`,
		...faults.map((fault) => `  - ${fault}`),
	]);
	return {
		status: isGood ? 0 : 1,
		output: flags.json ? `${JSON.stringify(report, null, "\t")}\n` : `${text.join("\n")}\n`,
	};
};

async function audit(uris: ConfiguredKeys, config: Config, tokens: OpenTokens): Promise<Audited[]> {
	const report: Audited[] = [];
	const seen = new Map<string, ConfiguredRole>();
	for (const role of configuredRoles) {
		const uri = uris[role];
		if (uri === undefined) continue;
		const entry: Audited = { role, key: redactUri(uri), faults: [] };
		report.push(entry);
		try {
			const token = await tokens.open(uri);
			for (const key of roleKeys(await token.describe(), role, uri)) {
				const identities = identitiesOf(key, token);
				const others = new Set(identities.flatMap((identity) => seen.get(identity) ?? []));
				for (const other of others) entry.faults.push(`it is the ${other} key as well; each role needs its own`);
				for (const identity of identities) seen.set(identity, role);
				entry.faults.push(...auditKey(key, usageOf(role)).map(({ words }) => words));
				entry.faults.push(...(await bindingFaults(role, key, token, config)));
			}
		} catch (error) {
			if (!(error instanceof OtaError)) throw error;
			entry.faults.push(error.message);
		}
	}
	return report;
}

/** One key may lie on two tokens, or on one under two names: its public half tells, and of a secret key its name alone. */
const identitiesOf = (key: KeyDescription, token: Token): string[] => [
	`${token.label}|${token.serial}|${key.class}|${key.id}|${key.label}`,
	...(key.publicKey ? [keyIdentity(key.publicKey)] : []),
];

/** The one key of a role. An AES key and an RSA key may share the seal role's name, on the way from one to the other. */
function roleKeys(keys: readonly KeyDescription[], role: ConfiguredRole, uri: Pkcs11Uri): KeyDescription[] {
	const pairs = keys.filter((key) => key.class === "private");
	if (role !== "seal") return [keyOf(pairs, uri)];
	const secrets = keys.filter((key) => key.class === "secret" && isNamed(key, uri));
	if (secrets.length === 0) return [keyOf(pairs, uri)];
	return [keyOf(secrets, uri), ...(pairs.some((key) => isNamed(key, uri)) ? [keyOf(pairs, uri)] : [])];
}

/** Faults between a key and its certificate: public halves, and a signature over random octets. */
async function bindingFaults(
	role: ConfiguredRole,
	key: KeyDescription,
	token: Token,
	config: Config,
): Promise<string[]> {
	if (role === "seal") return [];
	const certificate = configuredCertificate(config, role);
	const faults: string[] = [];
	// Of a responder there is one for each issuing CA.
	const isOther = configuredCertificates(config, role).some(
		({ publicKey }) => key.publicKey && !publicKey.export({ format: "der", type: "spki" }).equals(key.publicKey),
	);
	if (isOther) faults.push("its certificate holds another key");
	const message = randomBytes(32);
	const signature = await token.sign({ object: key.label, id: Buffer.from(key.id, "hex") }, "sha256", message);
	if (!verify("sha256", message, certificate.publicKey, signature)) {
		faults.push("its signature does not verify with its certificate");
	}
	const end = new Date(certificate.validTo);
	if (end.getTime() <= Date.now()) faults.push(`its certificate ended at ${end.toISOString()}`);
	return faults;
}
