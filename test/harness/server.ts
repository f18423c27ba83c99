/** The whole product as `npm run up` serves it, from dist/ and .next, on free ports and a data directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { childrenOf } from "./processes.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface TestServer {
	/** Public origin, no trailing slash. */
	url: string;
	idpUrl: string;
	dataDir: string;
	/** Of the process that `npm run up` is. */
	pid: number;
	/** Of the process that serves `url`; 0 when there is none. */
	webPid(): number;
	/** What it printed so far. */
	output(): string;
	/** What the web process logged so far. */
	webLog(): string;
	/** SIGTERM, then waits; answers the exit code and how long it took (milliseconds). The data directory stays. */
	end(): Promise<{ code: number | null; ms: number }>;
	/** Ends it and removes the data directory. */
	stop(): Promise<void>;
}

export interface ServerSettings {
	/** An existing data directory to start on again. */
	dataDir?: string;
	env?: Readonly<Record<string, string>>;
	/** Serves `url` by `next start` on the same agent and database, and not by our own server. */
	plainNext?: boolean;
}

/** Both ways to serve the same app, for `describe.each`. */
export const bothWays: readonly [name: string, settings: ServerSettings][] = [
	["our own server", {}],
	["plain next start", { plainNext: true }],
];

/** Resolves once it says that it is ready. */
export async function startServer(settings: ServerSettings = {}): Promise<TestServer> {
	const dataDir = settings.dataDir ?? (await makeDataDir());
	const [upPort, idpPort, nextPort] = await freePorts(3);
	const url = `http://localhost:${settings.plainNext ? nextPort : upPort}`;
	const idpUrl = `http://localhost:${idpPort}`;
	const ports = { PORT: String(upPort), OTA_IDP_PORT: String(idpPort), OTA_BASE_URL: url };
	const up = runUp({ OTA_DATA_DIR: dataDir, ...ports, ...settings.env });
	// It gives up by itself after a minute.
	await Promise.race([up.saw(/next-ota is ready/), up.ended]);
	if (up.child.exitCode !== null) throw new Error(`the server did not start:\n${up.output()}`);
	const next = settings.plainNext ? await startPlainNext({ url, idpUrl, dataDir, env: settings.env ?? {} }) : null;
	const end = async () => {
		const started = performance.now();
		next?.child.kill("SIGTERM");
		await next?.ended;
		up.child.kill("SIGTERM");
		return { code: await up.ended, ms: performance.now() - started };
	};
	const pid = Number(up.child.pid);
	return {
		url,
		idpUrl,
		dataDir,
		pid,
		webPid: () =>
			next?.child.pid ?? childrenOf(pid).find(({ command }) => command.endsWith("dist/bin/web.js"))?.pid ?? 0,
		output: up.output,
		webLog: () => next?.output() ?? readFileSync(join(dataDir, "log/web.log"), "utf8"),
		end,
		async stop() {
			if (up.child.exitCode === null) await end();
			await rm(dataDir, { recursive: true, force: true });
		},
	};
}

/** As a host of Next's own would run it: with what `up` gives its web process in the environment. */
async function startPlainNext(on: Pick<TestServer, "url" | "idpUrl" | "dataDir"> & { env: ServerSettings["env"] }) {
	const { port } = new URL(on.url);
	const env = {
		NODE_ENV: "production",
		OTA_DATA_DIR: on.dataDir,
		OTA_BASE_URL: on.url,
		OTA_HSM_AGENT: `unix:${on.dataDir}/agent.sock`,
		OTA_DEVICE_ROOTS: join(on.dataDir, "device/roots.pem"),
		NEXTAUTH_SECRET_FILE: join(on.dataDir, "nextauth-secret"),
		OIDC_ISSUER: on.idpUrl,
		OIDC_CLIENT_ID: "next-ota",
		OIDC_CLIENT_SECRET_FILE: join(on.dataDir, "oidc-secret"),
		...on.env,
	};
	const args = ["start", "-p", port, "-H", "127.0.0.1"];
	const next = runBuilt("node_modules/next/dist/bin/next", env, args);
	await Promise.race([next.saw(/Ready in/), next.ended]);
	if (next.child.exitCode !== null) throw new Error(`next start did not start:\n${next.output()}`);
	return next;
}

/** A short path: the agent's socket lies in it. */
export function makeDataDir(): Promise<string> {
	return mkdtemp(join(tmpdir(), "ota-"));
}

export interface Up {
	child: ChildProcess;
	output(): string;
	/** Resolves when the output matches. */
	saw(what: RegExp): Promise<void>;
	/** The exit code. */
	ended: Promise<number | null>;
}

/** What `npm run up` runs after its set-up. */
export const runUp = (env: Readonly<Record<string, string>>): Up => runBuilt("dist/bin/local.js", env);

/** A program of dist/ or of a package, with nothing of the caller's configuration in its environment. */
export function runBuilt(program: string, env: Readonly<Record<string, string>>, args: readonly string[] = []): Up {
	if (!existsSync(join(root, "dist/bin/local.js")) || !existsSync(join(root, ".next/BUILD_ID"))) {
		throw new Error("nothing is built: npm run build, or run the tests by npm test");
	}
	const inherited = Object.entries(process.env).filter(
		([name]) => !/^(OTA_|OIDC_|NEXTAUTH_|NODE_|DATABASE_URL|PORT$|JEST)/.test(name),
	);
	const child = spawn(process.execPath, [join(root, program), ...args], {
		cwd: root,
		env: { ...Object.fromEntries(inherited), ...env } as NodeJS.ProcessEnv,
		stdio: ["ignore", "pipe", "pipe"],
	});
	let text = "";
	const listeners = new Set<() => void>();
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding("utf8").on("data", (chunk: string) => {
			text += chunk;
			for (const listener of listeners) listener();
		});
	}
	return {
		child,
		output: () => text,
		saw: (what) =>
			new Promise((resolve) => {
				const look = () => {
					if (!what.test(text)) return;
					listeners.delete(look);
					resolve();
				};
				listeners.add(look);
				look();
			}),
		ended: new Promise((resolve) => child.once("close", (code) => resolve(code))),
	};
}

/** Below what the system gives to outgoing connections, and another thousand for every worker: nobody comes in between. */
let nextPort = 10_000 + (Number(process.env.JEST_WORKER_ID ?? 0) % 20) * 1_000 + (process.pid % 900);

/** Ports that nobody listens on, two unless told. */
export async function freePorts(count = 2): Promise<[number, number, ...number[]]> {
	const ports: number[] = [];
	while (ports.length < count) {
		const port = nextPort;
		nextPort = port % 1_000 === 999 ? port - 999 : port + 1;
		if (await isFree(port)) ports.push(port);
	}
	return ports as [number, number, ...number[]];
}

/** On every address, as the servers may ask for it. */
function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", () => resolve(false)).listen(port, () => server.close(() => resolve(true)));
	});
}

export function listenAnywhere(called?: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
	const server = createServer(called);
	return new Promise((resolve, reject) => {
		server.once("error", reject).listen(0, "127.0.0.1", () => {
			const address = server.address();
			const port = typeof address === "object" && address ? address.port : 0;
			resolve({ port, close: () => new Promise((done) => server.close(() => done())) });
		});
	});
}
