/**
 * Where next-auth, the database, the agent and `lib` meet: one wiring per process, made with the first request that
 * needs it. `next build` runs every route module, so nothing is opened at import.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
// Not by the room's door, which leads to the agent as well: no process but the agent's loads PKCS#11.
import { type ConnectOptions, connectAgent } from "../../hsm/client.ts";
import { type Config, readConfig } from "../../lib/config.ts";
import {
	ConfigError,
	createOta,
	jsonLog,
	type Log,
	type Ota,
	OtaError,
	type OtaOptions,
	readCatalogue,
} from "../../lib/index.ts";
import { openStore } from "../../prisma/client.ts";
import { authOptions } from "./auth-options.ts";
import { clientAddress } from "./client-address.ts";
import { readAuthorities, readDeviceRoots, templatesOf } from "./files.ts";
import { readSession, startSignIn } from "./sign-in.ts";

export interface Wiring {
	config: Config;
	ota: Ota;
	auth: ReturnType<typeof authOptions>;
}

/** Next bundles a module once per route: what exists once per process hangs on the global object. */
const slot = Symbol.for("next-ota");
type Global = { [slot]?: Wiring };

/** The process's wiring. A failure (config) is thrown and forgotten: the next request tries again. */
export function wiring(): Wiring {
	const global = globalThis as Global;
	global[slot] ??= wire();
	return global[slot];
}

/** RFC 5280 section 4.2.1.13: to check the server's certificate a verifier may need the very list that it is about to fetch. */
const httpsRemedy =
	"CRL and OCSP over https are circular, and many verifiers fetch neither; set OTA_PKI_URL to an http address";

/** What a configuration says to `createOta()`: the agent and the database are reached with the first use. */
export function optionsOf(config: Config, log: Log): Omit<OtaOptions, "user" | "signIn"> {
	return {
		baseUrl: config.baseUrl,
		organization: config.organization,
		keys: once(async () => connectAgent({ ...agentAt(config), clock: () => new Date(), log })),
		store: once(() => openStore(config.databaseUrl)),
		authorities: () => readAuthorities(config),
		deviceRoots: () => readDeviceRoots(config.deviceRoots),
		templates: templatesOf(config.dataDir),
		schema: config.schema,
		pkiUrl: config.pkiUrl,
		approval: config.approval,
		legacyScep: config.legacyScep,
		policy: config.policy,
		limits: config.limits,
		log,
	};
}

function wire(): Wiring {
	const config = readConfig(process.env, (path) => readFileSync(path, "utf8"));
	const { signIn } = config;
	if (!signIn) throw new TypeError("a server's configuration always has sign-in");
	// next-auth knows its own address from this variable alone.
	process.env.NEXTAUTH_URL ||= config.baseUrl;
	checkSchema(config);
	const log = jsonLog();
	if (config.deviceRoots) log.warn("config.device_roots", { trusted: "further device roots beside Apple's" });
	if (config.pkiUrl.startsWith("https:")) log.warn("config.pki_url", { remedy: httpsRemedy });
	if (config.legacyScep) log.warn("config.legacy_scep", { accepted: "3DES and SHA-1 in SCEP" });
	const auth = authOptions(signIn, config.baseUrl, log, config.claims);
	const options: OtaOptions = {
		...optionsOf(config, log),
		user: (request) => readSession(auth, request),
		signIn: (request, returnTo) => startSignIn(auth, request, config.baseUrl, returnTo),
		address: clientAddress,
	};
	return { config, auth, ota: createOta(options) };
}

/** A configuration fault is told at start, and not by the first device. */
function checkSchema({ schema }: Config): void {
	try {
		readCatalogue(schema);
	} catch (cause) {
		if (!(cause instanceof OtaError)) throw cause;
		throw new ConfigError([`OTA_SCHEMA: ${cause.message}; set it to a file that "ota schema import" wrote.`]);
	}
}

/** One value, made with the first call, and again after a failure. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
	let made: Promise<T> | null = null;
	return () => {
		made ??= make().catch((error) => {
			made = null;
			throw error;
		});
		return made;
	};
}

function agentAt({ agent }: Config): Pick<ConnectOptions, "address" | "tls"> {
	if (agent.kind === "unix") return { address: `unix:${resolve(agent.path)}` };
	const { host, port, certificate, key, ca } = agent;
	return { address: `tls://${host}:${port}`, tls: { certificate, key, ca } };
}
