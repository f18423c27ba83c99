/** The keys that the configuration names, role by role, and their tokens opened: once each, with one login. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { findSoftHsmModule, formatUri, openToken, type Pkcs11Uri, parseUri, type Token } from "../hsm/index.ts";
import type { Config } from "../lib/config.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { keyLabels, tokenLabel } from "./ceremony-labels.ts";

export const configuredRoles = ["ca", "ra", "profile", "seal"] as const;
export type ConfiguredRole = (typeof configuredRoles)[number];

/** Names SoftHSM's configuration to its library, as `ota agent` does: the embedded one unless the keys are the operator's own. */
export function nameSoftHsmConfiguration(config: Config): void {
	const embedded = resolve(config.dataDir, "softhsm2.conf");
	process.env.SOFTHSM2_CONF = config.keys.ca === null ? embedded : process.env.SOFTHSM2_CONF || embedded;
}

/** Each role's key; where none is configured, the one in the data directory's token. ConfigError with every fault. */
export async function configuredKeys(config: Config): Promise<Record<ConfiguredRole, Pkcs11Uri>> {
	const modulePath = await findSoftHsmModule();
	const faults: string[] = [];
	const uri = (role: ConfiguredRole): Pkcs11Uri => {
		const name = `OTA_${role.toUpperCase()}_KEY`;
		try {
			const text = config.keys[role];
			if (text !== null) return parseUri(text);
		} catch (error) {
			faults.push(`${name}: ${error instanceof Error ? error.message : error}`);
			return {};
		}
		if (modulePath === null)
			faults.push(`${name} is not set and SoftHSMv2 is not installed; set it, or install softhsm2.`);
		const pinFile = resolve(config.dataDir, "pin");
		return { token: tokenLabel, object: keyLabels[role], modulePath: modulePath ?? "", pinFile };
	};
	const keys = { ca: uri("ca"), ra: uri("ra"), profile: uri("profile"), seal: uri("seal") };
	if (faults.length > 0) throw new ConfigError(faults);
	return keys;
}

/** A role's certificate as the configuration has it; `config` when it cannot be read. */
export function configuredCertificate(config: Config, role: "ca" | "ra" | "profile"): X509Certificate {
	const source = config.certificates[role];
	try {
		return new X509Certificate("pem" in source ? source.pem : readFileSync(source.path, "utf8"));
	} catch (cause) {
		const what = "path" in source ? `${source.path} cannot be read` : "it is no certificate";
		throw new OtaError("config", `OTA_${role.toUpperCase()}_CERT: ${what}`, { cause });
	}
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
