/**
 * The server in front: node:http with hard time-outs and limits. It hands what has a step straight to it and everything
 * else to Next, both with a whole, bounded body and one client address in X-Forwarded-For; what is no request
 * of ours is refused here.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { asOtaError } from "../lib/errors.ts";
import { problem } from "../lib/http/answers.ts";
import { strictTransportSecurity } from "../lib/http/headers.ts";
import type { Step } from "../lib/index.ts";
import type { Log, Random } from "../lib/ports.ts";
import { type Proxies, trustProxies } from "./client-address.ts";
import { Connections } from "./connections.ts";
import { checkHead, hasBody, readBody, sendResponse, toRequest, withBody } from "./exchange.ts";
import { answerSocket, connectionRefusal, linger, lingerAtEnd, loggedPath } from "./refusal.ts";

export interface HttpServerOptions {
	/** Public origin: no URL is built from what a caller says. */
	baseUrl: string;
	/** OTA_TRUSTED_PROXIES. */
	trustedProxies: readonly string[];
	/** What answers a path itself; undefined for what is Next's. */
	step(path: string): Step | undefined;
	/** Everything else. */
	next(request: IncomingMessage, response: ServerResponse): Promise<void>;
	log: Log;
	random: Random;
	/** Milliseconds; for tests that cannot wait. */
	timeouts?: Partial<Record<"headersTimeout" | "requestTimeout" | "connectionsCheckingInterval", number>>;
}

export interface HttpServer {
	server: Server;
	/** Accepts nothing more and answers what has arrived; after `grace` milliseconds the rest is cut off. */
	drain(grace: number): Promise<void>;
}

const timeouts = { headersTimeout: 10_000, requestTimeout: 20_000, connectionsCheckingInterval: 2_000 };
/** Worst case some 200 MB, should all of them send the longest body. */
const mostConnections = 2_000;
const waiting = { all: 1_000, perPeer: 250 };

export function makeHttpServer(options: HttpServerOptions): HttpServer {
	const server = createServer({
		...timeouts,
		...options.timeouts,
		keepAliveTimeout: 5_000,
		maxHeaderSize: 16_384,
		// Counted by checkHead, which refuses two as well.
		requireHostHeader: false,
		insecureHTTPParser: false,
	});
	server.maxConnections = mostConnections;
	server.maxRequestsPerSocket = 1_000;
	// Not "none": Node would pass over further headers in silence. Their size is bounded above.
	server.maxHeadersCount = 0;
	// Who does not read the answer either.
	server.timeout = 30_000;
	const front = new Front(options);
	const open = new Set<ServerResponse>();
	let draining = false;
	const serve = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => {
		open.add(response);
		response.once("close", () => open.delete(response));
		response.once("finish", () => draining && linger(request.socket));
		if (draining) response.shouldKeepAlive = false;
		void front.serve(request, response, expectsContinue);
	};
	server.on("connection", (socket) => front.opened(socket));
	server.on("request", (request, response) => serve(request, response, false));
	server.on("checkContinue", (request, response) => serve(request, response, true));
	server.on("upgrade", (request, socket) => front.refuseSocket(socket, "upgrade", "Upgrade", request.url));
	server.on("connect", (request, socket) => front.refuseSocket(socket, "malformed", "CONNECT", request.url));
	server.on("clientError", (error, socket) => front.clientError(error, socket));
	server.on("drop", (drop) => options.log.warn("connection.dropped", { from: drop?.remoteAddress }));
	return {
		server,
		async drain(grace) {
			draining = true;
			for (const response of open) response.shouldKeepAlive = false;
			const closed = new Promise<void>((done) => server.close(() => done()));
			const timer = setTimeout(() => server.closeAllConnections(), grace);
			await closed;
			clearTimeout(timer);
		},
	};
}

/** What the caller says about the way that the request took: a trusted proxy's word, or nobody's. */
const wayHeaders = ["forwarded", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip"];

class Front {
	readonly #proxies: Proxies;
	readonly #connections: Connections;

	constructor(private readonly options: HttpServerOptions) {
		this.#proxies = trustProxies(options.trustedProxies);
		this.#connections = new Connections(waiting, (peer) => this.#proxies.isTrusted(peer));
	}

	opened(socket: Socket): void {
		// A caller that goes away is no event; without a listener it would be the process's.
		socket.on("error", () => undefined);
		this.#connections.opened(socket);
	}

	/** Never rejects. */
	async serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void> {
		const { socket } = request;
		if (this.#connections.isRefused(socket)) return;
		this.#strictTransport(response);
		this.#connections.began(request);
		response.once("close", () => this.#connections.answered(request));
		try {
			checkHead(request);
			this.#overwriteAddress(request);
			if (expectsContinue) response.writeContinue();
			const body = hasBody(request) ? await readBody(request) : null;
			if (socket.destroyed || this.#connections.isRefused(socket)) return;
			this.#connections.arrived(request);
			await this.#answer(request, response, body);
		} catch (failure) {
			await this.#refuse(failure, request, response);
		}
	}

	async #answer(request: IncomingMessage, response: ServerResponse, body: Buffer<ArrayBuffer> | null): Promise<void> {
		const { baseUrl, next } = this.options;
		const step = this.options.step((request.url ?? "").split("?", 1)[0] ?? "");
		if (!step) return next(body === null ? request : withBody(request, body), response);
		await sendResponse(await step(toRequest(request, body ?? Buffer.alloc(0), baseUrl)), response);
	}

	/** RFC 6797, on every answer: devices' addresses and static files too. */
	#strictTransport(response: ServerResponse): void {
		const value = strictTransportSecurity(this.options.baseUrl);
		if (value !== null) response.setHeader("strict-transport-security", value);
	}

	#overwriteAddress({ headers, socket }: IncomingMessage): void {
		const peer = socket.remoteAddress ?? "";
		if (!this.#proxies.isTrusted(peer)) for (const name of wayHeaders) delete headers[name];
		headers["x-forwarded-for"] = this.#proxies.clientOf(peer, String(headers["x-forwarded-for"] ?? ""));
	}

	/** What the head or the body is refused for closes the connection; a failure of ours leaves it as it is. */
	async #refuse(failure: unknown, request: IncomingMessage, response: ServerResponse): Promise<void> {
		const refusal = problem(failure, loggedPath(request.url), this.options);
		if (response.headersSent) {
			response.destroy();
			return;
		}
		for (const name of response.getHeaderNames()) response.removeHeader(name);
		this.#strictTransport(response);
		if (asOtaError(failure).code !== "internal" || !request.complete) {
			this.#connections.refuse(request.socket);
			lingerAtEnd(request.socket);
			response.setHeader("connection", "close");
		}
		await sendResponse(refusal, response);
	}

	/** Where there is no ServerResponse. An earlier request's answer must not be mistaken: then the socket just closes. */
	refuseSocket(socket: Duplex, code: Parameters<typeof connectionRefusal>[0], why: string, target?: string): void {
		const connection = socket as Socket;
		if (this.#connections.isRefused(connection) || this.#connections.isAnswering(connection)) {
			socket.destroy();
			return;
		}
		this.#connections.refuse(connection);
		void answerSocket(socket, connectionRefusal(code, why, loggedPath(target), this.options));
	}

	clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
		const connection = socket as Socket;
		// Left by the caller, or opened and never used (browsers do that): nobody waits for a word.
		if (!socket.writable || goneAway.has(error.code ?? "") || connection.bytesRead === 0) {
			socket.destroy();
			return;
		}
		const target = this.#connections.arriving(connection)?.url;
		this.refuseSocket(socket, parserRefusals[error.code ?? ""] ?? "malformed", String(error.code), target);
	}
}

/** Node's own codes. */
const goneAway: ReadonlySet<string> = new Set(["ECONNRESET", "HPE_INVALID_EOF_STATE"]);
const parserRefusals: Readonly<Record<string, Parameters<typeof connectionRefusal>[0]>> = {
	ERR_HTTP_REQUEST_TIMEOUT: "timeout",
	HPE_HEADER_OVERFLOW: "header_too_large",
	HPE_CHUNK_EXTENSIONS_OVERFLOW: "too_large",
};
