/** The whole product as `npm run up` serves it, from dist/ and .next, on free ports and a data directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface TestServer {
	/** Public origin, no trailing slash. */
	url: string;
	idpUrl: string;
	dataDir: string;
	/** Of the process that `npm run up` is. */
	pid: number;
	/** What it printed so far. */
	output(): string;
	/** SIGTERM, then waits; answers the exit code and how long it took (milliseconds). The data directory stays. */
	end(): Promise<{ code: number | null; ms: number }>;
	/** Ends it and removes the data directory. */
	stop(): Promise<void>;
}

export interface ServerSettings {
	/** An existing data directory to start on again. */
	dataDir?: string;
	env?: Readonly<Record<string, string>>;
}

/** Resolves once it says that it is ready. */
export async function startServer(settings: ServerSettings = {}): Promise<TestServer> {
	const dataDir = settings.dataDir ?? (await makeDataDir());
	const [port, idpPort] = await freePorts();
	const up = runUp({ OTA_DATA_DIR: dataDir, PORT: String(port), OTA_IDP_PORT: String(idpPort), ...settings.env });
	await Promise.race([up.saw(/next-ota is ready/), up.ended]);
	if (up.child.exitCode !== null) throw new Error(`the server did not start:\n${up.output()}`);
	const end = async () => {
		const started = performance.now();
		up.child.kill("SIGTERM");
		return { code: await up.ended, ms: performance.now() - started };
	};
	return {
		url: `http://localhost:${port}`,
		idpUrl: `http://localhost:${idpPort}`,
		dataDir,
		pid: Number(up.child.pid),
		output: up.output,
		end,
		async stop() {
			if (up.child.exitCode === null) await end();
			await rm(dataDir, { recursive: true, force: true });
		},
	};
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

/** A program of dist/, with nothing of the caller's configuration in its environment. */
export function runBuilt(program: string, env: Readonly<Record<string, string>>): Up {
	if (!existsSync(join(root, "dist/bin/local.js")) || !existsSync(join(root, ".next/BUILD_ID"))) {
		throw new Error("nothing is built: npm run build, or run the tests by npm test");
	}
	const inherited = Object.entries(process.env).filter(
		([name]) => !/^(OTA_|OIDC_|NEXTAUTH_|NODE_|DATABASE_URL|PORT$|JEST)/.test(name),
	);
	const child = spawn(process.execPath, [join(root, program)], {
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

/** Two ports that nobody listens on. */
export async function freePorts(): Promise<[number, number]> {
	const servers = await Promise.all([listenAnywhere(), listenAnywhere()]);
	const ports = servers.map(({ port }) => port);
	await Promise.all(servers.map(({ close }) => close()));
	return ports as [number, number];
}

export function listenAnywhere(): Promise<{ port: number; close(): Promise<void> }> {
	const server = createServer();
	return new Promise((resolve, reject) => {
		server.once("error", reject).listen(0, "127.0.0.1", () => {
			const address = server.address();
			const port = typeof address === "object" && address ? address.port : 0;
			resolve({ port, close: () => new Promise((done) => server.close(() => done())) });
		});
	});
}
