/** `ota agent`: the HSM agent in the foreground. The only process that holds the PIN and the vendor's library. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type AgentKey, type AgentOptions, type AgentRoles, formatUri, runAgent } from "../../hsm/index.ts";
import { generationFaults } from "../../lib/ca/generation-faults.ts";
import { readCertificate as readStrictly, type X509 } from "../../lib/cms/certificate.ts";
import { type Config, type Environment, readConfig } from "../../lib/config.ts";
import { ConfigError, OtaError } from "../../lib/errors.ts";
import { jsonLog } from "../../lib/log.ts";
import { run as runCerts } from "../agent-certificates.ts";
import { outliveReaders } from "../lost-output.ts";
import {
	type CertificateRole,
	type ConfiguredRole,
	configuredCertificates,
	configuredKeys,
	configuredRoles,
	isThere,
	nameSoftHsmConfiguration,
} from "../role-keys.ts";
import { sessionsFor } from "../sessions.ts";
import { startWatchdog } from "../watchdog.ts";

const usage = `usage: ota agent [--listen unix:/path|tls://host:port]
       ota agent certs --dir DIR [--host NAME ...]

Serves the keys of OTA_CA_KEY, OTA_RA_KEY, OTA_PROFILE_KEY, OTA_SEAL_KEY and OTA_OCSP_KEY (default: the token in
OTA_DATA_DIR), and those of the generation before where there is one (OTA_CA_OLD_KEY, OTA_RA_OLD_KEY), at the address that --listen or OTA_HSM_AGENT names (default: agent.sock in OTA_DATA_DIR). For tls://, OTA_HSM_AGENT_CERT and
OTA_HSM_AGENT_KEY are the agent's own certificate and key, OTA_HSM_AGENT_CA is the CA of its clients (PEM, or *_FILE):
"ota agent certs" makes them. SIGTERM ends it.
`;

/** Exit code 2: the configuration is at fault, trying again will not help. */
export async function run(args: readonly string[]): Promise<number> {
	if (args[0] === "certs") return runCerts(args.slice(1));
	const env = environment(args);
	if (env === null) {
		process.stderr.write(usage);
		return 2;
	}
	outliveReaders();
	const ended = new Promise<void>((done) => {
		process.once("SIGTERM", done);
		process.once("SIGINT", done);
	});
	try {
		const config = readConfig(env, (path) => readFileSync(path, "utf8"), "command");
		nameSoftHsmConfiguration(config);
		const agent = await runAgent({
			...listenOptions(config),
			sessions: sessionsFor(process.env.UV_THREADPOOL_SIZE),
			roles: await readRoles(config),
			memory: resolve(config.dataDir, "agent"),
			watch: startWatchdog(),
			log: jsonLog(),
			clock: () => new Date(),
			random: randomBytes,
		});
		await ended;
		await agent.close();
		return 0;
	} catch (error) {
		process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
		return error instanceof OtaError && error.code === "config" ? 2 : 1;
	}
}

/** The caller's environment, with what the flags say; null when they are not understood. */
function environment(args: readonly string[]): Environment | null {
	try {
		const { listen } = parseArgs({ args: [...args], options: { listen: { type: "string" } } }).values;
		return listen === undefined ? process.env : { ...process.env, OTA_HSM_AGENT: listen };
	} catch {
		return null;
	}
}

function listenOptions({ agent }: Config): Pick<AgentOptions, "listen" | "tls"> {
	if (agent.kind === "unix") return { listen: `unix:${resolve(agent.path)}` };
	const { host, port, certificate, key, ca } = agent;
	return { listen: `tls://${host}:${port}`, tls: { certificate, key, ca } };
}

/** The keys that are configured, once their certificates belong together. */
async function readRoles(config: Config): Promise<AgentRoles> {
	const faults: string[] = [];
	const uris = await configuredKeys(config);
	const certificates = readCertificates(config, faults);
	const keys: Partial<Record<ConfiguredRole, AgentKey>> = {};
	for (const role of configuredRoles) {
		const uri = uris[role];
		const certificate = role === "seal" ? undefined : certificates[role]?.[0]?.der;
		if (uri) keys[role] = { uri: config.keys[role] ?? formatUri(uri), ...(certificate && { certificate }) };
	}
	faults.push(...belongingFaults(certificates, config.nextCa, keys.raOld !== undefined));
	if (faults.length > 0) throw new ConfigError([...new Set(faults)]);
	return keys;
}

type Certificates = Partial<Record<CertificateRole, readonly X509[]>>;

function readCertificates(config: Config, faults: string[]): Certificates {
	const read: Certificates = {};
	for (const role of ["root", "ca", "ra", "profile", "ocsp", "caOld", "raOld"] as const) {
		// An agent on a machine of its own may do without the root; the others of this kind only where they are wanted.
		const isNeeded = role === "ca" || role === "ra" || role === "profile";
		if (!isNeeded && !isThere(config, role)) continue;
		try {
			read[role] = configuredCertificates(config, role).map(({ raw }) => readStrictly(Uint8Array.from(raw)));
		} catch (error) {
			const what = error instanceof Error ? error.message : error;
			faults.push(`${what}; hold the ceremony first (ota ceremony), or set the variable.`);
		}
	}
	return read;
}

function belongingFaults(certificates: Certificates, nextCa: Uint8Array | null, hasOldRaKey: boolean): string[] {
	const { root, ca, ra, ocsp = [], caOld, raOld } = certificates;
	const [ownCa, ownRa, oldRa] = [ca?.[0], ra?.[0], raOld?.[0] ?? null];
	// What cannot be read is told already.
	if (!ownCa || !ownRa) return [];
	const isKeyMissing = oldRa !== null && !hasOldRaKey && oldRa.publicKeyHash !== ownRa.publicKeyHash;
	return [
		...generationFaults({
			...{ root: root?.[0] ?? null, ca: ownCa, ocsp, nextCa },
			...{ caOld: caOld?.[0] ?? null, raOld: oldRa },
		}),
		...(isKeyMissing ? ["OTA_RA_OLD_CERT holds another key than OTA_RA_CERT; set OTA_RA_OLD_KEY as well."] : []),
	];
}
