/**
 * HTTP for devices by the thousand: few connections, kept open, by node:http alone, without `fetch` and its Request and
 * Response objects.
 */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, Agent as TlsAgent } from "node:https";
import { httpTransport, type PlainAnswer, type PlainRequest, type Transport, timeoutMs } from "./http.ts";

/** A transport that keeps its connections until it is closed. */
export interface KeepAliveTransport extends Transport {
	close(): void;
}

/** At most so many connections to each server. A sign-in's pages go the ordinary way. */
export function keepAliveTransport(connections: number): KeepAliveTransport {
	const options = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections, timeout: timeoutMs };
	const [plainAgent, tlsAgent] = [new Agent(options), new TlsAgent(options)];
	const once = (asked: PlainRequest): Promise<PlainAnswer> => {
		const isTls = asked.url.startsWith("https:");
		return ask(asked, isTls ? tlsAgent : plainAgent, isTls ? httpsRequest : httpRequest);
	};
	const plain = (asked: PlainRequest): Promise<PlainAnswer> =>
		once(asked).catch((error: unknown) => {
			// The server had closed the idle connection while the request was on its way: RFC 9112 section 9.3.1.
			if (asked.method === "GET" && error instanceof StaleConnection) return once(asked);
			throw error instanceof StaleConnection ? error.cause : error;
		});
	const close = (): void => {
		plainAgent.destroy();
		tlsAgent.destroy();
	};
	return Object.assign(httpTransport(), { plain, close });
}

class StaleConnection extends Error {}

function ask(asked: PlainRequest, agent: Agent, send: typeof httpRequest): Promise<PlainAnswer> {
	return new Promise((resolve, reject) => {
		const { method, body } = asked;
		const headers = body ? { ...asked.headers, "content-length": String(body.length) } : asked.headers;
		const request = send(asked.url, { method, headers, agent }, (response) => {
			readBody(response).then((read) => resolve(answerOf(response, read)), reject);
		});
		request.once("timeout", () =>
			request.destroy(Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { code: "ETIMEDOUT" })),
		);
		request.once("error", (cause: NodeJS.ErrnoException) => {
			const isStale = request.reusedSocket && (cause.code === "ECONNRESET" || cause.code === "EPIPE");
			reject(isStale ? new StaleConnection(cause.message, { cause }) : cause);
		});
		request.end(body);
	});
}

function answerOf(response: IncomingMessage, body: Uint8Array): PlainAnswer {
	return {
		status: response.statusCode ?? 0,
		header: (name) => {
			const value = response.headers[name];
			return Array.isArray(value) ? value.join(", ") : value;
		},
		body,
	};
}

function readBody(response: IncomingMessage): Promise<Uint8Array> {
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		response.on("data", (chunk: Buffer) => chunks.push(chunk));
		response.once("end", () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
		response.once("error", reject);
	});
}
