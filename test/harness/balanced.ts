/**
 * Several web processes on one PostgreSQL database and one agent, behind a balancer whose address is OTA_BASE_URL: what
 * `npm run up` serves, a second `npm start` beside it, and plain `next start`.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { startPostgres, type TestPostgres } from "./postgres.ts";
import { freePorts, runBuilt, startServer, type TestServer, type Up } from "./server.ts";

/** Which web process answers: the one of `up`, that of `npm start` beside it, plain `next start`. */
export const processes = { up: 0, start: 1, next: 2 } as const;

export interface Balanced {
	/** OTA_BASE_URL of them all: the balancer's. */
	url: string;
	/** The embedded defaults' state, of `up`. */
	dataDir: string;
	databaseUrl: string;
	postgres: TestPostgres;
	/** Who answers a request, by the number of its place in the row (0, 1, 2, ...). */
	choose: (place: number) => number;
	/** Requests in their order: `GET /enroll`, and which process answered. */
	served: { what: string; by: number }[];
	/** What all processes have printed and logged so far. */
	output(): string;
	stop(): Promise<void>;
}

export async function startBalanced(): Promise<Balanced> {
	const closers: (() => Promise<unknown>)[] = [];
	const stop = async () => {
		for (const close of closers.toReversed()) await close();
	};
	try {
		const postgres = await startPostgres({ durable: false });
		closers.push(postgres.stop);
		// `up` brings it to the models.
		const databaseUrl = await postgres.emptyDatabase();
		const ports: number[] = [];
		const balanced = { choose: (place: number) => place % 2, served: [] as Balanced["served"] };
		const balancer = createServer((from, to) => {
			const by = balanced.choose(balanced.served.length);
			balanced.served.push({ what: `${from.method} ${from.url?.replace(/\?.*/, "")}`, by });
			forward(from, to, ports[by] ?? 0);
		});
		await new Promise<void>((done) => balancer.listen(0, "127.0.0.1", done));
		closers.push(() => new Promise((done) => balancer.close(done).closeAllConnections()));
		const url = `http://localhost:${(balancer.address() as AddressInfo).port}`;
		const up = await startServer({ env: { OTA_BASE_URL: url, DATABASE_URL: databaseUrl } });
		closers.push(up.stop);
		const [second, third] = await freePorts(2);
		ports.push(Number(new URL(up.url).port), second, third);
		const env = { ...environmentOf(up), OTA_BASE_URL: url, DATABASE_URL: databaseUrl };
		const next = ["start", "-p", String(third), "-H", "127.0.0.1"];
		const beside = [
			{ run: runBuilt("dist/bin/start.js", { ...env, PORT: String(second) }), ready: /web\.ready/ },
			{ run: runBuilt("node_modules/next/dist/bin/next", { ...env, NODE_ENV: "production" }, next), ready: /Ready in/ },
		];
		for (const { run } of beside) closers.push(() => end(run));
		for (const { run, ready } of beside) {
			await Promise.race([run.saw(ready), run.ended]);
			if (run.child.exitCode !== null) throw new Error(`a web process did not start:\n${run.output()}`);
		}
		const output = () => [up.output(), up.webLog(), ...beside.map(({ run }) => run.output())].join("");
		return Object.assign(balanced, { url, dataDir: up.dataDir, databaseUrl, postgres, output, stop });
	} catch (error) {
		await stop();
		throw error;
	}
}

/** What `up` gives its own web process. */
function environmentOf({ dataDir, idpUrl }: TestServer): Record<string, string> {
	return {
		OTA_DATA_DIR: dataDir,
		OTA_LISTEN: "127.0.0.1",
		OTA_HSM_AGENT: `unix:${dataDir}/agent.sock`,
		OTA_DEVICE_ROOTS: join(dataDir, "device/roots.pem"),
		NEXTAUTH_SECRET_FILE: join(dataDir, "nextauth-secret"),
		OIDC_ISSUER: idpUrl,
		OIDC_CLIENT_ID: "next-ota",
		OIDC_CLIENT_SECRET_FILE: join(dataDir, "oidc-secret"),
	};
}

async function end({ child, ended }: Up): Promise<void> {
	if (child.exitCode === null) child.kill("SIGTERM");
	await ended;
}

/** As it came, Host included. */
function forward(from: IncomingMessage, to: ServerResponse, port: number): void {
	const { method, url: path, headers } = from;
	const onward = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (answer) => {
		to.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
		answer.pipe(to);
	});
	onward.once("error", () => to.destroy());
	from.pipe(onward);
}
