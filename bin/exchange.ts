/**
 * Node's messages and the web's: an IncomingMessage with its whole, bounded body as a Request, a Response onto a
 * ServerResponse, byte for byte and with exact headers.
 */
import { IncomingMessage, type ServerResponse } from "node:http";
import { OtaError } from "../lib/errors.ts";
import { MethodError } from "../lib/http/answers.ts";
import { BoundedBytes } from "../lib/http/bounded-bytes.ts";

/** For every address of the app; the largest thing that anybody has to send is a SCEP request of a few kilobytes. */
export const longestBody = 65_536;

/**
 * What can be told before anything of the body is read (facts on HTTP; RFC 9112 section 3.2). Failures: malformed,
 * method, media_type, too_large.
 */
export function checkHead(request: IncomingMessage): void {
	const { rawHeaders, method = "", url = "", headers } = request;
	const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
	if (hosts !== 1) throw new OtaError("malformed", `${hosts} Host headers`);
	if (!url.startsWith("/") || !isDecodable(url)) throw new OtaError("malformed", "the request's target is no path");
	// A Request cannot carry it, and it would repeat cookies (RFC 9110 section 9.3.8).
	if (method === "TRACE") throw new MethodError(method, "GET, HEAD, POST");
	refuseActions(request);
	// Node takes "gzip, chunked" for chunked, and would hand on what nobody unpacked.
	const coding = headers["transfer-encoding"];
	if (coding !== undefined && coding.toLowerCase() !== "chunked") {
		throw new OtaError("media_type", "Transfer-Encoding other than chunked");
	}
	if (headers["content-encoding"] !== undefined) throw new OtaError("media_type", "Content-Encoding is not accepted");
	if (Number(headers["content-length"] ?? 0) > longestBody) throw new OtaError("too_large", "Content-Length");
}

/** Next answers a path that it cannot decode with a bare 500. */
function isDecodable(url: string): boolean {
	try {
		decodeURIComponent(url.split("?", 1)[0] ?? "");
		return true;
	} catch {
		return false;
	}
}

/** The app has no Server Action (facts: code ran through them): what is written for one reaches no parser of Next's. */
function refuseActions({ headers, method }: IncomingMessage): void {
	const isRead = method === "GET" || method === "HEAD";
	if (headers["next-action"] !== undefined || (headers.rsc !== undefined && !isRead)) {
		throw new OtaError("not_found", "a Server Action");
	}
	const type = headers["content-type"] ?? "";
	if (/^\s*(multipart\/|text\/x-component)/i.test(type)) {
		throw new OtaError("media_type", `Content-Type ${JSON.stringify(type.slice(0, 80))}`);
	}
}

export const hasBody = ({ headers }: IncomingMessage): boolean =>
	headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** The whole body; null when the caller went away. Failure: too_large, as soon as it is. */
export function readBody(request: IncomingMessage): Promise<Buffer<ArrayBuffer> | null> {
	const body = new BoundedBytes(longestBody);
	return new Promise((resolve, reject) => {
		request.on("data", (chunk: Buffer) => {
			if (!body.push(chunk)) reject(new OtaError("too_large", "body"));
		});
		request.once("end", () => resolve(body.bytes));
		request.once("error", () => resolve(null));
		request.once("close", () => resolve(null));
	});
}

/** @param origin of the public URL: no URL is built from what the caller says */
export function toRequest(request: IncomingMessage, body: Buffer<ArrayBuffer>, origin: string): Request {
	const headers = new Headers();
	for (const [name, values] of Object.entries(request.headers)) {
		for (const value of [values ?? []].flat()) headers.append(name, value);
	}
	const { method = "GET" } = request;
	const takesBody = method !== "GET" && method !== "HEAD" && body.length > 0;
	return new Request(`${origin}${request.url}`, { method, headers, ...(takesBody ? { body } : {}) });
}

/** The same message with its body still to be read, for a handler of Node's kind. */
export function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
	const { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = request;
	const copy = new IncomingMessage(request.socket);
	Object.assign(copy, { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor });
	copy.complete = true;
	if (body.length > 0) copy.push(body);
	copy.push(null);
	return copy;
}

export async function sendResponse(response: Response, to: ServerResponse): Promise<void> {
	const body = Buffer.from(await response.arrayBuffer());
	to.statusCode = response.status;
	for (const [name, value] of response.headers) if (name !== "set-cookie") to.setHeader(name, value);
	const cookies = response.headers.getSetCookie();
	if (cookies.length > 0) to.setHeader("set-cookie", cookies);
	const isBodyless = to.req.method === "HEAD" || response.status === 204 || response.status === 304;
	if (!isBodyless) to.setHeader("content-length", body.length);
	to.end(isBodyless ? undefined : body);
}
