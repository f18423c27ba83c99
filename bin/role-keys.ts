/** The keys that the configuration names, role by role, and their tokens opened: once each, with one login. */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { findSoftHsmModule, formatUri, openToken, type Pkcs11Uri, parseUri, type Token } from "../hsm/index.ts";
import type { Config } from "../lib/config.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { keyLabels, tokenLabel } from "./ceremony-labels.ts";

export const configuredRoles = ["ca", "ra", "profile", "seal"] as const;
export type ConfiguredRole = (typeof configuredRoles)[number];
export type CertificateRole = keyof Config["certificates"];

/**
 * Names SoftHSM's configuration to its library. The embedded keys lie in the data directory's token, whatever other token the
 * caller uses SoftHSM for.
 */
export function nameSoftHsmConfiguration(config: Config): void {
	const embedded = resolve(config.dataDir, "softhsm2.conf");
	process.env.SOFTHSM2_CONF = config.keys.ca === null ? embedded : process.env.SOFTHSM2_CONF || embedded;
}

/** A role's key in the SoftHSM token of the data directory; null without SoftHSM. */
export async function embeddedKey(config: Config, role: ConfiguredRole): Promise<Pkcs11Uri | null> {
	const modulePath = await findSoftHsmModule();
	if (modulePath === null) return null;
	return { token: tokenLabel, object: keyLabels[role], modulePath, pinFile: resolve(config.dataDir, "pin") };
}

/** The fault of a role without a key of either kind. */
export const missingKey = (role: ConfiguredRole): string =>
	`OTA_${role.toUpperCase()}_KEY is not set and SoftHSMv2 is not installed; set it, or install softhsm2.`;

/** Each role's key; where none is configured, the one in the data directory's token. ConfigError with every fault. */
export async function configuredKeys(config: Config): Promise<Record<ConfiguredRole, Pkcs11Uri>> {
	const faults: string[] = [];
	const uriOf = async (role: ConfiguredRole): Promise<Pkcs11Uri> => {
		const text = config.keys[role];
		try {
			const uri = text === null ? await embeddedKey(config, role) : parseUri(text);
			if (uri !== null) return uri;
			faults.push(missingKey(role));
		} catch (error) {
			faults.push(`OTA_${role.toUpperCase()}_KEY: ${error instanceof Error ? error.message : error}`);
		}
		return {};
	};
	const [ca, ra, profile, seal] = [await uriOf("ca"), await uriOf("ra"), await uriOf("profile"), await uriOf("seal")];
	if (faults.length > 0) throw new ConfigError(faults);
	return { ca, ra, profile, seal };
}

/** A role's certificate as the configuration has it; `config` when it cannot be read. */
export function configuredCertificate(config: Config, role: CertificateRole): X509Certificate {
	const source = config.certificates[role];
	try {
		return new X509Certificate("pem" in source ? source.pem : readFileSync(source.path, "utf8"));
	} catch (cause) {
		const what = "path" in source ? `${source.path} cannot be read` : "it is no certificate";
		throw new OtaError("config", `OTA_${role.toUpperCase()}_CERT: ${what}`, { cause });
	}
}

/** The certificates that the configuration names; of the embedded ones, unless they are left out, those that are there. */
export function namedCertificates(
	config: Config,
	{ isEmbeddedToo = true } = {},
): Partial<Record<CertificateRole, X509Certificate>> {
	const named: Partial<Record<CertificateRole, X509Certificate>> = {};
	for (const role of Object.keys(config.certificates) as CertificateRole[]) {
		const source = config.certificates[role];
		if ("pem" in source || (isEmbeddedToo && existsSync(source.path)))
			named[role] = configuredCertificate(config, role);
	}
	return named;
}

/** A token's URI from the command line or a plan; `config` for one that carries the PIN itself. */
export function tokenUri(text: string): Pkcs11Uri {
	const uri = parseUri(text);
	if (uri.pinValue !== undefined) {
		throw new OtaError(
			"config",
			"PKCS#11 URI: a PIN does not belong here; put it in a file and write pin-source=file:",
		);
	}
	if (uri.token === undefined && uri.serial === undefined)
		throw new OtaError("config", "PKCS#11 URI: it names neither token nor serial");
	if (uri.modulePath === undefined) throw new OtaError("config", "PKCS#11 URI: module-path is missing");
	if (uri.pinFile === undefined) throw new OtaError("config", "PKCS#11 URI: pin-source is missing");
	return uri;
}

/** Of a URI that is printed: a PIN in the configured one is not. */
export const printedUri = (uri: Pkcs11Uri, key: Pick<Pkcs11Uri, "object" | "id">): string =>
	formatUri({ ...uri, pinValue: undefined, ...key });

/** The token's own part of a key's URI. */
export const tokenPart = (uri: Pkcs11Uri): Pkcs11Uri => ({ ...uri, object: undefined, id: undefined, type: undefined });

/** Tokens by URI. A refused PIN is kept as well, so that it is never sent a second time. */
export class OpenTokens {
	readonly #tokens = new Map<string, Promise<Token>>();

	/** The URI's object and id are not looked at. `config` or `hsm_unavailable`. */
	async open(uri: Pkcs11Uri): Promise<Token> {
		const name = formatUri(tokenPart(uri));
		const token = this.#tokens.get(name) ?? openToken({ uri: name });
		this.#tokens.set(name, token);
		return await token;
	}

	async close(): Promise<void> {
		for (const token of this.#tokens.values()) await token.then((open) => open.close()).catch(() => undefined);
	}
}

/** Runs `work` with tokens that are let go afterwards. */
export async function withTokens<T>(work: (tokens: OpenTokens) => Promise<T>): Promise<T> {
	const tokens = new OpenTokens();
	try {
		return await work(tokens);
	} finally {
		await tokens.close();
	}
}
