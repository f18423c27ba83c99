/** A real SoftHSM token and a real agent process for tests. Both run from `dist/` (npx tsc -p tsconfig.build.json). */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KeyedRole } from "../../hsm/agent/policy.ts";
import { connectAgent } from "../../hsm/client.ts";
import { findSoftHsmModule } from "../../hsm/provision/softhsm.ts";
import type { TlsIdentity } from "../../hsm/tls.ts";
import { formatUri } from "../../hsm/uri.ts";
import type { Keys, Log } from "../../lib/ports.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** One command of token-process.mjs. */
export type TokenCommand = {
	do:
		| "init"
		| "config"
		| "list"
		| "publicKey"
		| "sign"
		| "rsa"
		| "ec"
		| "seal"
		| "raw"
		| "rawSeal"
		| "destroy"
		| "import"
		| "copy";
} & Record<string, unknown>;
export type TokenResult = { value: unknown } | { code: string; message: string };

export interface TestToken {
	label: string;
	modulePath: string;
	pin: string;
	pinFile: string;
	/** Where the tokens lie. */
	directory: string;
	/** SOFTHSM2_CONF for a child process. */
	env: Record<string, string>;
	/** URI of a key. */
	uri(object: string): string;
	/** Runs commands in a process of their own; results in order. */
	run(...commands: TokenCommand[]): Promise<TokenResult[]>;
	/** One command that must succeed. */
	must(command: TokenCommand): Promise<unknown>;
}

export interface AgentOptions {
	/** Where the socket goes. */
	dir: string;
	/** Of which only these matter here. */
	token: Pick<TestToken, "env" | "uri">;
	/** Key labels by role, with a DER certificate where there is one; or a URI in `uri`. */
	roles: Partial<Record<KeyedRole, { object?: string; uri?: string; certificate?: Uint8Array }>>;
	maxQueue?: number;
	sessions?: number;
	/** Over mutual TLS, at this port, with each side's credentials; else on a unix socket below `dir`. */
	remote?: { port: number; agent: TlsIdentity; client: TlsIdentity };
	operationDeadline?: number;
	memory?: string;
	/** Further variables of its environment. */
	env?: Record<string, string>;
	/** The client's, in ms. */
	deadline?: number;
	log?: Log;
}

export interface TestAgent {
	address: string;
	keys: Keys & { close(): Promise<void> };
	/** What the agent logged, one JSON line each. */
	log(): string;
	/** SIGKILL. */
	kill(): Promise<void>;
	/** Starts it again at the same address, after kill(). */
	restart(): Promise<void>;
	/** Closes the client and ends the process. */
	stop(): Promise<void>;
}

/** A fresh token labelled `ota` under `dir`, with its own softhsm2.conf and PIN file, without keys. */
export async function makeToken(dir: string, label = "ota"): Promise<TestToken> {
	if (!existsSync(here("../../dist/hsm/index.js"))) throw new Error("dist/ is missing: npx tsc -p tsconfig.build.json");
	const modulePath = await findSoftHsmModule();
	if (!modulePath) throw new Error("SoftHSM is not installed: apt-get install softhsm2");
	const pin = randomBytes(8).toString("hex");
	const pinFile = join(dir, "pin");
	const conf = join(dir, "softhsm2.conf");
	const directory = join(dir, "tokens");
	await mkdir(dir, { recursive: true });
	await writeFile(pinFile, `${pin}\n`, { mode: 0o600 });
	const env = { SOFTHSM2_CONF: conf };
	const run = (...commands: TokenCommand[]) => provision(env, { modulePath, label, pin, commands });
	const must = async (command: TokenCommand): Promise<unknown> => {
		const [result] = await run(command);
		if (!result || !("value" in result)) throw new Error(`${command.do}: ${result?.message ?? "no result"}`);
		return result.value;
	};
	const uri = (object: string): string => formatUri({ token: label, object, modulePath, pinFile });
	await must({ do: "config", path: conf, tokens: directory });
	await must({ do: "init", soPin: randomBytes(8).toString("hex") });
	return { label, modulePath, pin, pinFile, directory, env, uri, run, must };
}

/** The four keys of a running server (RSA-2048 and AES-256), labelled ca, ra, profile and seal; answers the SPKIs. */
export async function makeKeys(token: TestToken): Promise<Record<"ca" | "ra" | "profile", Uint8Array>> {
	const rsa = async (label: string): Promise<Uint8Array> =>
		Buffer.from(String(await token.must({ do: "rsa", label, bits: 2048, usage: label })), "hex");
	const spkis = { ca: await rsa("ca"), ra: await rsa("ra"), profile: await rsa("profile") };
	await token.must({ do: "seal", label: "seal" });
	return spkis;
}

function provision(env: Record<string, string>, input: object): Promise<TokenResult[]> {
	const child = spawn(process.execPath, [here("./token-process.mjs")], {
		env: { ...process.env, ...env },
		stdio: ["pipe", "pipe", "inherit"],
	});
	let output = "";
	child.stdout.on("data", (chunk) => {
		output += chunk;
	});
	child.stdin.end(JSON.stringify(input));
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (code) => {
			if (code === 0) resolve(JSON.parse(output));
			else reject(new Error(`token process ended with ${code}`));
		});
	});
}

/** Starts an agent; rejects with its code and words when it refuses to start. */
export async function startAgent(options: AgentOptions): Promise<TestAgent> {
	const { remote } = options;
	const address = remote ? `tls://localhost:${remote.port}` : `unix:${join(options.dir, "agent", "agent.sock")}`;
	const listen = remote ? `tls://0.0.0.0:${remote.port}` : address;
	let lines = "";
	let child: ChildProcess;
	const start = async (): Promise<void> => {
		child = spawnAgent(options, listen, (chunk) => {
			lines += chunk;
		});
		await ready(child);
	};
	await start();
	const keys = connectAgent({ address, tls: remote?.client, deadline: options.deadline, log: options.log });
	const end = async (signal: NodeJS.Signals): Promise<void> => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		const exited = new Promise((resolve) => child.once("exit", resolve));
		child.kill(signal);
		await exited;
	};
	return {
		address,
		keys,
		log: () => lines,
		kill: () => end("SIGKILL"),
		restart: start,
		async stop() {
			await keys.close();
			await end("SIGTERM");
		},
	};
}

/** Arguments of node, and the environment, of an agent process. */
export function agentCommand(options: AgentOptions, listen: string): { args: string[]; env: NodeJS.ProcessEnv } {
	const { token, maxQueue, sessions = 4, operationDeadline, memory } = options;
	const roles = Object.fromEntries(
		Object.entries(options.roles).map(([role, { object, uri, certificate }]) => [
			role,
			{
				uri: uri ?? token.uri(object ?? role),
				certificate: certificate && Buffer.from(certificate).toString("base64"),
			},
		]),
	);
	const settings = { listen, tls: options.remote?.agent, roles, maxQueue, sessions, operationDeadline, memory };
	const env = { ...process.env, ...token.env, ...options.env, UV_THREADPOOL_SIZE: String(sessions + 1) };
	return { args: [here("./agent-process.mjs"), JSON.stringify(settings)], env };
}

function spawnAgent(options: AgentOptions, listen: string, onLog: (chunk: string) => void): ChildProcess {
	const { args, env } = agentCommand(options, listen);
	const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
	child.stderr?.on("data", (chunk) => onLog(String(chunk)));
	return child;
}

/** The agent refused to start. */
export class AgentRefused extends Error {
	constructor(
		readonly code: string,
		message: string,
	) {
		super(message);
	}
}

function ready(child: ChildProcess): Promise<void> {
	let output = "";
	return new Promise((resolve, reject) => {
		child.stdout?.on("data", (chunk) => {
			output += chunk;
			if (!output.includes("\n")) return;
			const said = JSON.parse(output);
			if (said.ready) resolve();
			else reject(new AgentRefused(said.code, said.message));
		});
		child.once("exit", (code) => reject(new Error(`the agent ended with ${code} before it was ready`)));
	});
}
