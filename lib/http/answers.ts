/** Answers as the clients compare them: exact media types, no charset where Apple's client wants none, never cached. */
import { asOtaError, OtaError, outcomes } from "../errors.ts";
import type { Log, Random } from "../ports.ts";

const always = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** 200 with bytes or text of exactly this media type. */
export function answer(content: Uint8Array | string, type: string, headers: Record<string, string> = {}): Response {
	const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
	return new Response(Buffer.from(body), { headers: { ...always, "content-type": type, ...headers } });
}

export const empty = (status: number): Response => new Response(null, { status, headers: always });

/** RFC 9457 problem for a failure: code, words and a correlation id; the log gets the reason under the same id. */
export function problem(thrown: unknown, path: string, ports: { log: Log; random: Random }): Response {
	const error = asOtaError(thrown);
	const { status, words } = outcomes[error.code];
	const id = Buffer.from(ports.random(8)).toString("hex");
	const fields = { code: error.code, status, path, id, why: error.message.slice(0, 300), cause: causeOf(error) };
	if (status >= 500) ports.log.error("request.failed", fields);
	else ports.log.warn("request.refused", fields);
	const headers = new Headers({ ...always, "content-type": "application/problem+json" });
	if (status === 503 || status === 429) headers.set("retry-after", status === 503 ? "5" : "60");
	if (error instanceof MethodError) headers.set("allow", error.allow);
	const body = { type: "about:blank", title: words, status, code: error.code, id };
	return new Response(JSON.stringify(body), { status, headers });
}

function causeOf(error: Error): string | undefined {
	const { cause } = error;
	return cause instanceof Error ? cause.message.slice(0, 200) : undefined;
}

/** 405 that says which methods are answered (RFC 9110 section 15.5.6). */
export class MethodError extends OtaError {
	constructor(
		method: string,
		readonly allow: string,
	) {
		super("method", `${method.slice(0, 20)} is not answered here`);
	}
}

/** A HEAD answer: the headers without the body. */
export const withoutBody = (response: Response): Response =>
	new Response(null, { status: response.status, headers: response.headers });
