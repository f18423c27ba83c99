/** The production server's processes: the HSM agent, when nobody else runs one, and the web process. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config, Environment } from "../lib/config.ts";
import { Child } from "./child.ts";
import { threadsWanted } from "./sessions.ts";

/** The folder that holds package.json, .next and dist. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface ServerOptions {
	config: Config;
	env: Environment;
	/** Whether the local OpenID provider belongs to it. */
	localIdp: boolean;
	/** A line that a child wrote. */
	onLine(child: string, line: string): void;
	/** Something that the operator should read. */
	tell(words: string): void;
	/** A child refused its configuration. */
	onRefused(child: string): void;
}

export interface RunningServer {
	/** True once journeys can succeed; false when the time (milliseconds) is up or `signal` fires. */
	ready(time: number, signal: AbortSignal): Promise<boolean>;
	stop(): Promise<void>;
}

/**
 * glibc gives every thread arenas of its own and keeps what was freed in them: 75 of the web process's 250 MB after some
 * thousand journeys.
 */
const memory = { MALLOC_ARENA_MAX: "2" };

/**
 * V8 lets a heap grow by what the machine has: with some 55 MB in use it would stand at 200. Ten times what is in use, unless
 * the operator says otherwise.
 */
const heap = ({ NODE_OPTIONS = "" }: NodeJS.ProcessEnv): string[] =>
	/old[-_]space[-_]size/.test(NODE_OPTIONS) ? [] : ["--max-old-space-size=512"];

/** How long a child has after SIGTERM (milliseconds); all must be gone within 10 s. The web process finishes its answers. */
const grace = { web: 5_000, other: 1_000 };

/** Starts the children; they may take a second or two until they are ready. */
export function startServer(options: ServerOptions): RunningServer {
	const { config } = options;
	const children: Child[] = [];
	const env: NodeJS.ProcessEnv = { ...memory, ...options.env, NODE_ENV: "production" };
	if (config.agent.kind === "unix") {
		env.OTA_HSM_AGENT = `unix:${resolve(config.agent.path)}`;
		if (config.agent.spawn) {
			const agentEnv = { UV_THREADPOOL_SIZE: String(threadsWanted()), ...env };
			children.push(makeChild(options, "agent", ["dist/bin/ota.js", "agent"], agentEnv));
		}
	}
	if (options.localIdp) children.push(makeChild(options, "idp", ["dist/bin/idp-process.js"], env));
	const web = makeChild(options, "web", [...heap(env), "dist/bin/web.js"], webEnvironment(env));
	children.push(web);
	for (const child of children) child.start();
	return {
		ready: (time, signal) => awaitReady(options, time, signal),
		async stop() {
			for (const child of children) child.retire();
			// The web process first: it may still need a signature for what it is answering.
			for (const child of children.toReversed()) await child.stop(child === web ? grace.web : grace.other);
		},
	};
}

/** The web process gets no PIN, no module, no token. */
function webEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	const secret = /^(OTA_(CA|RA|PROFILE|SEAL|OCSP|CA_OLD|RA_OLD)_KEY(_FILE)?|SOFTHSM2_CONF)$/;
	return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.test(name))) as NodeJS.ProcessEnv;
}

function makeChild(options: ServerOptions, name: string, args: readonly string[], env: NodeJS.ProcessEnv): Child {
	return new Child({
		name,
		args,
		env,
		cwd: root,
		onLine: (line) => options.onLine(name, line),
		onEnd(code, signal, again) {
			const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
			if (again === null) {
				options.tell(`The ${name} process refused its configuration.`);
				options.onRefused(name);
			} else options.tell(`The ${name} process ${how}; it starts again in ${again} ms.`);
		},
	});
}

async function awaitReady(options: ServerOptions, time: number, signal: AbortSignal): Promise<boolean> {
	const { config, localIdp } = options;
	const host = config.listen?.includes(":") ? `[${config.listen}]` : (config.listen ?? "127.0.0.1");
	const urls = [`http://${host}:${config.port}/api/health/ready`];
	if (localIdp) urls.push(`http://127.0.0.1:${config.idpPort}/.well-known/openid-configuration`);
	const end = performance.now() + time;
	while (performance.now() < end && !signal.aborted) {
		const answers = await Promise.all(urls.map(isOk));
		if (answers.every(Boolean)) return true;
		await new Promise((done) => setTimeout(done, 100));
	}
	return false;
}

function isOk(url: string): Promise<boolean> {
	return fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
		(response) => response.ok,
		() => false,
	);
}
