/** The keys that the configuration names, role by role, and their tokens opened: once each, with one login. */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
	type AuditedRole,
	findSoftHsmModule,
	formatUri,
	openToken,
	type Pkcs11Uri,
	parseUri,
	type Token,
} from "../hsm/index.ts";
import { pemCertificates } from "../lib/cms/certificate.ts";
import type { Config } from "../lib/config.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { keyLabels, tokenLabel } from "./ceremony-labels.ts";

const neededRoles = ["ca", "ra", "profile", "seal"] as const;
type NeededRole = (typeof neededRoles)[number];
export const configuredRoles = [...neededRoles, "ocsp", "caOld", "raOld"] as const;
export type ConfiguredRole = (typeof configuredRoles)[number];
export type CertificateRole = keyof Config["certificates"];
/** The responder and the generation before only where there are any. */
export type ConfiguredKeys = Record<NeededRole, Pkcs11Uri> & Partial<Record<ConfiguredRole, Pkcs11Uri>>;

/** What a role's variables begin with: `OTA_CA_OLD`. */
const variable = (role: ConfiguredRole | CertificateRole): string =>
	`OTA_${role.replace(/Old$/, "_OLD").toUpperCase()}`;
export const keyVariable = (role: ConfiguredRole): string => `${variable(role)}_KEY`;
export const certificateVariable = (role: CertificateRole): string => `${variable(role)}_CERT`;

/** As what a role's key is made and audited. */
export const usageOf = (role: ConfiguredRole): AuditedRole =>
	role === "caOld" ? "ca" : role === "raOld" ? "ra" : role;

/**
 * Names SoftHSM's configuration to its library. The embedded keys lie in the data directory's token, whatever other token the
 * caller uses SoftHSM for.
 */
export function nameSoftHsmConfiguration(config: Config): void {
	const embedded = resolve(config.dataDir, "softhsm2.conf");
	process.env.SOFTHSM2_CONF = config.keys.ca === null ? embedded : process.env.SOFTHSM2_CONF || embedded;
}

/** A role's key in the SoftHSM token of the data directory; null without SoftHSM. */
async function embeddedKey(config: Config, role: keyof typeof keyLabels): Promise<Pkcs11Uri | null> {
	const modulePath = await findSoftHsmModule();
	if (modulePath === null) return null;
	return { token: tokenLabel, object: keyLabels[role], modulePath, pinFile: resolve(config.dataDir, "pin") };
}

/** The fault of a role without a key of either kind. */
const missingKey = (role: ConfiguredRole): string =>
	`${keyVariable(role)} is not set and SoftHSMv2 is not installed; set it, or install softhsm2.`;

/** Without it nobody could say which of its certificates are revoked. */
const missingOldKey =
	"OTA_CA_OLD_CERT is set without OTA_CA_OLD_KEY, which signs its revocation lists; set it, or remove the certificate once nobody uses one of its own.";

/** Each role's key; where none is configured, the one in the data directory's token. ConfigError with every fault. */
export async function configuredKeys(config: Config): Promise<ConfiguredKeys> {
	const faults: string[] = [];
	const uriOf = async (role: NeededRole | "ocsp"): Promise<Pkcs11Uri> => {
		const text = config.keys[role];
		const uri = text === null ? await embeddedKey(config, role) : parsed(role, text, faults);
		if (uri === null) faults.push(missingKey(role));
		return uri ?? {};
	};
	const [ca, ra, profile, seal] = [await uriOf("ca"), await uriOf("ra"), await uriOf("profile"), await uriOf("seal")];
	const ocsp = isThere(config, "ocsp") && { ocsp: await uriOf("ocsp") };
	const { caOld, raOld } = config.keys;
	if (caOld === null && config.certificates.caOld !== null) faults.push(missingOldKey);
	const before = {
		...(caOld !== null && { caOld: parsed("caOld", caOld, faults) }),
		...(raOld !== null && { raOld: parsed("raOld", raOld, faults) }),
	};
	if (faults.length > 0) throw new ConfigError(faults);
	return { ca, ra, profile, seal, ...ocsp, ...before };
}

function parsed(role: ConfiguredRole, text: string, faults: string[]): Pkcs11Uri {
	try {
		return parseUri(text);
	} catch (error) {
		faults.push(`${keyVariable(role)}: ${error instanceof Error ? error.message : error}`);
		return {};
	}
}

/** Whether the configuration names such a certificate, or the data directory has one. */
export function isThere(config: Config, role: CertificateRole): boolean {
	const source = config.certificates[role];
	return source !== null && ("pem" in source || existsSync(source.path));
}

/** A role's certificate as the configuration has it, of several the first; `config` when it cannot be read. */
export function configuredCertificate(config: Config, role: CertificateRole): X509Certificate {
	return configuredCertificates(config, role)[0] as X509Certificate;
}

/** All of them: of the OCSP responder there may be several. One at least; `config` when one cannot be read. */
export function configuredCertificates(config: Config, role: CertificateRole): X509Certificate[] {
	const source = config.certificates[role];
	if (source === null) throw new OtaError("config", `${certificateVariable(role)} is not set`);
	try {
		const ders = pemCertificates("pem" in source ? source.pem : readFileSync(source.path, "utf8"));
		if (ders.length === 0) throw new OtaError("config", "no certificate");
		return ders.map((der) => new X509Certificate(der));
	} catch (cause) {
		const what = "path" in source ? `${source.path} cannot be read` : "it is no certificate";
		throw new OtaError("config", `${certificateVariable(role)}: ${what}`, { cause });
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
		const isNamed = isEmbeddedToo ? isThere(config, role) : source !== null && "pem" in source;
		if (isNamed) named[role] = configuredCertificate(config, role);
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
