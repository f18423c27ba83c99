/**
 * What `npm run up` runs once everything is installed and built: the embedded defaults under the data directory, the HSM
 * agent, the local OpenID provider and Next, in the foreground, until Ctrl-C or SIGTERM.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, relative, resolve } from "node:path";
import { type Config, type Environment, readConfig } from "../lib/config.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { jsonLog } from "../lib/log.ts";
import { applyMigrations } from "../prisma/migrate.ts";
import { prepareDeviceAuthority, prepareKeys, prepareSecrets, prepareTemplates } from "./data-dir.ts";
import { takeLock } from "./lock.ts";
import { importantLine, openLogFile } from "./log-file.ts";
import { outliveReaders } from "./lost-output.ts";
import { type RunningServer, type ServerOptions, startServer } from "./server.ts";

const clientId = "next-ota";
/** A first start on a slow machine; a usual one takes a second or two. */
const readyWithin = 60_000;

const say = (words: string) => process.stdout.write(`${words}\n`);

/** Runs until it is told to end; answers the exit code. */
export async function main(): Promise<number> {
	outliveReaders();
	const stop = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
	const closers: (() => Promise<unknown>)[] = [];
	try {
		return await up(stop, closers);
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		say(error.message);
		return 1;
	} finally {
		for (const close of closers.toReversed()) await close();
	}
}

async function up(stop: AbortController, closers: (() => Promise<unknown>)[]): Promise<number> {
	const { env, localIdp } = await embeddedEnvironment(process.env);
	const config = readConfig(env, (path) => readFileSync(path, "utf8"));
	const lock = await takeLock(config.dataDir);
	if ("heldBy" in lock) {
		throw new ConfigError([
			`OTA_DATA_DIR: ${config.dataDir} is in use by another "npm run up" (process ${lock.heldBy}). End that one, or choose another OTA_DATA_DIR.`,
		]);
	}
	closers.push(lock.release);
	await refuseTakenPorts(config, localIdp);
	await prepare(config, env);
	if (stop.signal.aborted) return 0;
	let refused = false;
	const server = start({ config, env, localIdp }, () => {
		refused = true;
		stop.abort();
	});
	closers.push(() => server.stop());
	const ended = new Promise<void>((done) => stop.signal.addEventListener("abort", () => done(), { once: true }));
	if (await server.ready(readyWithin, stop.signal)) welcome(config);
	else if (!stop.signal.aborted) return notReady(config);
	if (!stop.signal.aborted) await ended;
	if (!refused) say("\nEnding...");
	return refused ? 1 : 0;
}

/** Any of these set by the caller means another provider; config says what is missing of it. */
const providerVariables = ["OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_CLIENT_SECRET_FILE"];

/** The caller's environment, completed by the embedded defaults; what is set is left as it is. */
async function embeddedEnvironment(given: Environment): Promise<{ env: Environment; localIdp: boolean }> {
	const dataDir = resolve(given.OTA_DATA_DIR?.trim() || ".ota");
	await prepareSecrets(dataDir);
	const env: Record<string, string | undefined> = { ...given, OTA_DATA_DIR: dataDir };
	env.OTA_LISTEN ||= "127.0.0.1";
	if (!env.NEXTAUTH_SECRET && !env.NEXTAUTH_SECRET_FILE) env.NEXTAUTH_SECRET_FILE = join(dataDir, "nextauth-secret");
	const localIdp = !providerVariables.some((name) => env[name]?.trim());
	if (localIdp) {
		env.OIDC_ISSUER = `http://localhost:${env.OTA_IDP_PORT?.trim() || 4000}`;
		env.OIDC_CLIENT_ID = clientId;
		env.OIDC_CLIENT_SECRET_FILE = join(dataDir, "oidc-secret");
	}
	if (!env.OTA_DEVICE_ROOTS) {
		prepareDeviceAuthority(dataDir);
		env.OTA_DEVICE_ROOTS = join(dataDir, "device", "roots.pem");
	}
	return { env, localIdp };
}

async function prepare(config: Config, env: Environment): Promise<void> {
	const ownKeys = config.agent.spawn && config.keys.ca === null;
	if (ownKeys) await prepareKeys(config.dataDir, config.organization, (line) => say(`  ${line}`));
	await prepareTemplates(config.dataDir);
	await applyMigrations(config.databaseUrl, { ...jsonLog(), info: () => undefined });
	if (env.OTA_DEVICE_ROOTS === join(config.dataDir, "device", "roots.pem")) {
		say("  Trusting the emulated device's root beside Apple's (OTA_DEVICE_ROOTS), for this machine alone.");
	} else say(`  Trusting the device roots of ${env.OTA_DEVICE_ROOTS} beside Apple's (OTA_DEVICE_ROOTS).`);
}

async function refuseTakenPorts(config: Config, localIdp: boolean): Promise<void> {
	const faults: string[] = [];
	const wanted: [string, number, string][] = [["PORT", config.port, config.listen ?? "127.0.0.1"]];
	if (localIdp) wanted.push(["OTA_IDP_PORT", config.idpPort, "127.0.0.1"]);
	for (const [name, port, host] of wanted) {
		if (await isTaken(port, host)) {
			faults.push(
				`${name}: port ${port} is taken by another program. End it, or choose another: ${name}=${port + 10} npm run up`,
			);
		}
	}
	if (faults.length > 0) throw new ConfigError(faults);
}

function isTaken(port: number, host: string): Promise<boolean> {
	const server = createServer();
	return new Promise((done) => {
		server.once("error", () => done(true));
		server.listen(port, host, () => server.close(() => done(false)));
	});
}

function start(what: Pick<ServerOptions, "config" | "env" | "localIdp">, onRefused: () => void): RunningServer {
	const { config } = what;
	const files = new Map(["agent", "idp", "web"].map((name) => [name, openLogFile(config.dataDir, name, say)]));
	return startServer({
		...what,
		onLine(child, line) {
			files.get(child)?.write(`${line}\n`);
			const important = importantLine(child, line);
			if (important) say(important);
		},
		tell: say,
		onRefused(child) {
			say(`See ${shown(join(config.dataDir, "log", `${child}.log`))}.`);
			onRefused();
		},
	});
}

function notReady(config: Config): number {
	say(`The server did not become ready. Its logs: ${shown(join(config.dataDir, "log"))}/`);
	return 1;
}

function welcome(config: Config): void {
	const elsewhere = config.baseUrl === "http://localhost:3000" ? "" : ` --url ${config.baseUrl}`;
	const otherState = config.dataDir === resolve(".ota") ? "" : ` --data-dir ${shown(config.dataDir)}`;
	say(`
next-ota is ready:  ${config.baseUrl}

  Try next    open ${config.baseUrl} and sign in as alice, bob or admin (any password),
              or let an emulated iPhone enroll:  npx ota device enroll --user alice${elsewhere}${otherState}
  State       ${shown(config.dataDir)}/  (keys in its SoftHSM token; logs in log/; payload templates in profiles/)
  End         Ctrl-C
`);
}

function shown(path: string): string {
	const near = relative(process.cwd(), path);
	return near.startsWith("..") ? path : near;
}

process.exit(await main());
