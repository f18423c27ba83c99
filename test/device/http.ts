/**
 * HTTP as the device speaks it: one request, one answer, no redirects followed, no cookies, 45 s.
 * A transport may as well be handlers in the same process.
 */
import { DeviceError, ensure } from "./errors.ts";

/** Takes a request somewhere and brings the answer. Redirects are not followed. */
export type Transport = (request: Request) => Promise<Response>;

/** Over the network. */
export function httpTransport(): Transport {
	return (request) => fetch(request, { redirect: "manual" });
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

const timeoutMs = 45_000;

/** Sends a device's request. Throws DeviceError of `step` on anything but 200 with (exactly) one of the types of `accept`. */
export async function exchange(
	transport: Transport,
	step: string,
	url: string,
	init: { body?: Uint8Array; contentType?: string; accept?: readonly string[] } = {},
): Promise<Answer> {
	const { response, body } = await send(transport, step, url, init);
	if (response.status !== 200) {
		throw new DeviceError(step, `The server answered ${response.status}${problem(response, body)}.`, {
			status: response.status,
		});
	}
	const contentType = response.headers.get("content-type") ?? "";
	const { accept } = init;
	ensure(
		!accept || accept.includes(contentType),
		step,
		`The answer's Content-Type must be exactly ${accept?.join(" or ")}, not "${contentType}".`,
	);
	ensure(!response.headers.has("content-encoding"), step, "The answer must not be compressed.");
	return { body, contentType };
}

async function send(
	transport: Transport,
	step: string,
	url: string,
	init: { body?: Uint8Array; contentType?: string },
): Promise<{ response: Response; body: Uint8Array }> {
	const signal = AbortSignal.timeout(timeoutMs);
	const request = init.body
		? new Request(url, {
				method: "POST",
				body: new Uint8Array(init.body),
				headers: init.contentType ? { "content-type": init.contentType } : {},
				signal,
			})
		: new Request(url, { signal });
	try {
		const response = await transport(request);
		return { response, body: new Uint8Array(await response.arrayBuffer()) };
	} catch (cause) {
		if (cause instanceof DeviceError) throw cause;
		const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
		throw new DeviceError(step, `A connection to the server could not be established: ${reason}.`, { cause });
	}
}

/** The words of a problem document (RFC 9457), for the person at the emulated device; a real one shows none. */
export function problem(response: Response, body: Uint8Array): string {
	if (!response.headers.get("content-type")?.startsWith("application/problem+json")) return "";
	try {
		const { title, detail, code } = JSON.parse(Buffer.from(body).toString("utf8")) as Record<string, unknown>;
		return `: ${[code, detail ?? title].filter((word) => typeof word === "string").join(", ")}`.replace(/\.$/, "");
	} catch {
		return "";
	}
}
