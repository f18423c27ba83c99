/**
 * HTTP as the device speaks it: one request, one answer, no redirects followed, no cookies, 45 s.
 * A transport may as well be handlers in the same process.
 */
import { DeviceError, ensure } from "./errors.ts";

/** Takes a request somewhere and brings the answer. Redirects are not followed. */
export interface Transport {
	(request: Request): Promise<Response>;
	/** The same for a device's own simple requests, without Request and Response, where those cost too much. */
	readonly plain?: (request: PlainRequest) => Promise<PlainAnswer>;
}

/** A request of a device. */
export interface PlainRequest {
	method: "GET" | "POST";
	url: string;
	headers: Readonly<Record<string, string>>;
	body?: Uint8Array;
}

/** What came back. */
export interface PlainAnswer {
	status: number;
	/** By lower-case name. */
	header(name: string): string | undefined;
	body: Uint8Array;
}

/** Over the network. */
export function httpTransport(): Transport {
	return (request) => fetch(request, { redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
}

/** Into route handlers of this process (`createOta(...).handlers`). */
export function handlersTransport(handlers: { GET: Transport; POST: Transport }): Transport {
	return (request) => (request.method === "POST" ? handlers.POST(request) : handlers.GET(request));
}

/** An answer whose status was 200. */
export interface Answer {
	body: Uint8Array;
	contentType: string;
}

/** How long Apple's client waits for an answer. */
export const timeoutMs = 45_000;

/** What goes along with a device's request, and what may come back. */
export interface ExchangeOptions {
	body?: Uint8Array;
	contentType?: string;
	accept?: readonly string[];
	/** The browser's, where a person is signed in. */
	cookie?: string;
}

/** Sends a device's request. Throws DeviceError of `step` on anything but 200 with (exactly) one of the types of `accept`. */
export async function exchange(
	transport: Transport,
	step: string,
	url: string,
	init: ExchangeOptions = {},
): Promise<Answer> {
	return accepted(await send(transport, step, url, init), step, init.accept);
}

/** What came back, if it is 200 with (exactly) one of the types of `accept`. Throws DeviceError of `step` otherwise. */
export function accepted(answer: PlainAnswer, step: string, accept: readonly string[] | undefined): Answer {
	const { status, body } = answer;
	const contentType = answer.header("content-type") ?? "";
	if (status !== 200) {
		const { words, code } = problem(contentType, body);
		throw new DeviceError(step, `The server answered ${status}${words}.`, { status, code });
	}
	ensure(
		!accept || accept.includes(contentType),
		step,
		`The answer's Content-Type must be exactly ${accept?.join(" or ")}, not "${contentType}".`,
	);
	ensure(answer.header("content-encoding") === undefined, step, "The answer must not be compressed.");
	return { body, contentType };
}

/** Sends a device's request; the answer as it came. Throws DeviceError of `step` where there is none. */
export async function send(
	transport: Transport,
	step: string,
	url: string,
	init: ExchangeOptions,
): Promise<PlainAnswer> {
	const headers: Record<string, string> = {};
	if (init.contentType) headers["content-type"] = init.contentType;
	if (init.cookie) headers.cookie = init.cookie;
	const { body } = init;
	const request: PlainRequest = { method: body ? "POST" : "GET", url, headers, ...(body ? { body } : {}) };
	try {
		return await (transport.plain ? transport.plain(request) : fetched(transport, request));
	} catch (cause) {
		if (cause instanceof DeviceError) throw cause;
		const below = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
		const reason = below instanceof Error ? below.message : String(below);
		const words = `A connection to the server could not be established: ${reason}.`;
		throw new DeviceError(step, words, { cause, code: networkCode(below) });
	}
}

async function fetched(transport: Transport, { method, url, headers, body }: PlainRequest): Promise<PlainAnswer> {
	const signal = AbortSignal.timeout(timeoutMs);
	const init = { method, headers, signal, ...(body ? { body: new Uint8Array(body) } : {}) };
	const response = await transport(new Request(url, init));
	return {
		status: response.status,
		header: (name) => response.headers.get(name) ?? undefined,
		body: new Uint8Array(await response.arrayBuffer()),
	};
}

/** As Node names it (ECONNREFUSED ...). */
function networkCode(error: unknown): string {
	const code = error instanceof Error && "code" in error ? error.code : undefined;
	if (typeof code === "string") return code;
	return error instanceof Error && error.name !== "Error" ? error.name : "unknown";
}

/** What a problem document (RFC 9457) says: words for the person at the emulated device (a real one shows none), and its code. */
export function problem(contentType: string, body: Uint8Array): { words: string; code?: string } {
	if (!contentType.startsWith("application/problem+json")) return { words: "" };
	try {
		const { title, detail, code } = JSON.parse(Buffer.from(body).toString("utf8")) as Record<string, unknown>;
		const told = [code, detail ?? title].filter((word) => typeof word === "string").join(", ");
		return { words: `: ${told}`.replace(/\.$/, ""), ...(typeof code === "string" ? { code } : {}) };
	} catch {
		return { words: "" };
	}
}
