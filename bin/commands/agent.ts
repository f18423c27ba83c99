/** `ota agent`: the HSM agent in the foreground. The only process that holds the PIN and the vendor's library. */
import { randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import {
	type AgentKey,
	type AgentOptions,
	type AgentRoles,
	findSoftHsmModule,
	formatUri,
	runAgent,
} from "../../hsm/index.ts";
import { type Config, type Environment, readConfig } from "../../lib/config.ts";
import { ConfigError, OtaError } from "../../lib/errors.ts";
import { jsonLog } from "../../lib/log.ts";
import { run as runCerts } from "../agent-certificates.ts";
import { sessionsFor } from "../sessions.ts";
import { startWatchdog } from "../watchdog.ts";
import { keyLabels, tokenLabel } from "./ceremony.ts";

const usage = `usage: ota agent [--listen unix:/path|tls://host:port]
       ota agent certs --dir DIR [--host NAME ...]

Serves the keys of OTA_CA_KEY, OTA_RA_KEY, OTA_PROFILE_KEY and OTA_SEAL_KEY (default: the token in OTA_DATA_DIR) at the
address that --listen or OTA_HSM_AGENT names (default: agent.sock in OTA_DATA_DIR). For tls://, OTA_HSM_AGENT_CERT and
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
	const ended = new Promise<void>((done) => {
		process.once("SIGTERM", done);
		process.once("SIGINT", done);
	});
	try {
		const config = readConfig(env, (path) => readFileSync(path, "utf8"), "command");
		// The embedded keys lie in the data directory's token, whatever other token the caller uses SoftHSM for.
		const embedded = resolve(config.dataDir, "softhsm2.conf");
		process.env.SOFTHSM2_CONF = config.keys.ca === null ? embedded : process.env.SOFTHSM2_CONF || embedded;
		const agent = await runAgent({
			...listenOptions(config),
			sessions: sessionsFor(process.env.UV_THREADPOOL_SIZE),
			roles: await readRoles(config),
			refusedPins: resolve(config.dataDir, "refused-pins"),
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

const roles = ["ca", "ra", "profile", "seal"] as const;
type Role = (typeof roles)[number];

async function readRoles(config: Config): Promise<AgentRoles> {
	const faults: string[] = [];
	const keys: Partial<Record<Role, AgentKey>> = {};
	for (const role of roles) {
		const uri = config.keys[role] ?? (await embeddedKey(config, role));
		if (uri === null)
			faults.push(
				`OTA_${role.toUpperCase()}_KEY is not set and SoftHSMv2 is not installed; set it, or install softhsm2.`,
			);
		const certificate = role === "seal" ? null : readCertificate(config, role, faults);
		if (uri !== null) keys[role] = { uri, ...(certificate && { certificate }) };
	}
	if (faults.length > 0) throw new ConfigError([...new Set(faults)]);
	return keys;
}

/** URI of a key in the SoftHSM token of the data directory; null without SoftHSM. */
async function embeddedKey(config: Config, role: Role): Promise<string | null> {
	const modulePath = await findSoftHsmModule();
	if (modulePath === null) return null;
	return formatUri({
		token: tokenLabel,
		object: keyLabels[role],
		modulePath,
		pinFile: resolve(config.dataDir, "pin"),
	});
}

function readCertificate(config: Config, role: "ca" | "ra" | "profile", faults: string[]): Uint8Array | null {
	const source = config.certificates[role];
	try {
		const pem = "pem" in source ? source.pem : readFileSync(source.path, "utf8");
		return new Uint8Array(new X509Certificate(pem).raw);
	} catch {
		const what = "path" in source ? `${source.path} cannot be read` : "it is no certificate";
		faults.push(
			`OTA_${role.toUpperCase()}_CERT: ${what}; hold the ceremony first (ota ceremony), or set the variable.`,
		);
		return null;
	}
}
