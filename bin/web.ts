/**
 * The web process: our own server in front of Next, in one wiring with it. All that exists today it answers itself: Next's
 * first request switches on async hooks for every promise of the process, 6 % of an enrollment. SIGTERM finishes what has
 * arrived, then ends it.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import next from "next";
import { auth } from "../app/_wire/auth.ts";
import { wiring } from "../app/_wire/index.ts";
import { OtaError } from "../lib/errors.ts";
import { jsonLog } from "../lib/log.ts";
import { makeHttpServer } from "./http-server.ts";
import { outliveReaders } from "./lost-output.ts";
import { root } from "./server.ts";

/** As much of Next's custom server as is used here; its own types and its CommonJS module disagree about the default export. */
interface NextApp {
	prepare(): Promise<void>;
	getRequestHandler(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}
interface NextOptions {
	dev: false;
	dir: string;
	port: number;
	hostname?: string;
	quiet: true;
	httpServer: Server;
}
const createNext = next as unknown as (options: NextOptions) => NextApp;

/** What next-auth serves, written plainly; any other spelling is Next's to resolve. */
const plainAuthPath = /^\/api\/auth\/[a-z]+(\/[\w-]+)*$/;

/** A list, an OCSP request or a device is named behind these. */
const belowAddress = /^(\/crl|\/ocsp|\/devices)\/.+$/s;

const log = jsonLog();
/** Less than who sends the SIGTERM waits (milliseconds). */
const grace = 4_000;

async function main(): Promise<number> {
	outliveReaders();
	const started = performance.now();
	const ended = new Promise<void>((done) => {
		for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => done());
	});
	// A mistake in one answer must not end the others: every step is whole without the process's memory.
	for (const event of ["unhandledRejection", "uncaughtException"] as const) {
		process.on(event, (error: unknown) => log.error("web.unhandled", { event, why: wordsOf(error) }));
	}
	// Before Next's copy of the wiring asks: every request it sees carries the address that our server wrote.
	Object.assign(globalThis, { [Symbol.for("next-ota.addresses")]: true });
	const { config, ota } = wiring();
	const { welcome, ca, enroll, devices, profile, scep, crl, ocsp, live, ready } = ota.steps;
	const steps = new Map([
		["/", welcome],
		["/CA", ca],
		["/enroll", enroll],
		["/devices", devices],
		["/profile", profile],
		["/scep", scep],
		["/crl", crl],
		["/ocsp", ocsp],
		["/api/health/live", live],
		["/api/health/ready", ready],
	]);
	const app = createNext({
		dev: false,
		dir: root,
		port: config.port,
		...(config.listen && { hostname: config.listen }),
		quiet: true,
		// One that never listens: Next would answer upgrades on the real one by connecting to where they point.
		httpServer: createServer(),
	});
	await app.prepare();
	const handle = app.getRequestHandler();
	const { server, drain } = makeHttpServer({
		baseUrl: config.baseUrl,
		trustedProxies: config.trustedProxies,
		step: (path) =>
			steps.get(path) ??
			steps.get(path.replace(belowAddress, "$1")) ??
			(plainAuthPath.test(path) ? auth.GET : undefined),
		next: (request, response) => handle(request, response),
		log,
		random: randomBytes,
	});
	await new Promise<void>((done, fail) => {
		server.once("error", fail).listen({ port: config.port, host: config.listen ?? undefined }, () => done());
	});
	log.info("web.ready", { port: config.port, listen: config.listen, ms: Math.round(performance.now() - started) });
	await ended;
	await drain(grace);
	return 0;
}

const wordsOf = (error: unknown): string =>
	String(error instanceof Error ? (error.stack ?? error.message) : error).slice(0, 600);

try {
	process.exit(await main());
} catch (error) {
	process.stderr.write(`${wordsOf(error)}\n`);
	// The supervisor does not try again what a configuration will not let pass.
	process.exit(error instanceof OtaError && error.code === "config" ? 2 : 1);
}
