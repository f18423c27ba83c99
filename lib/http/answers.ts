/** Answers as the clients compare them: exact media types, no charset where Apple's client wants none, never cached. */
import { asOtaError, type HsmStateError, OtaError, outcomes } from "../errors.ts";
import type { Log, Random } from "../ports.ts";
import { always } from "./headers.ts";
import type { LimitError } from "./limits.ts";
import { refusalPage } from "./refusal-page.ts";

/** 200 with bytes or text of exactly this media type. */
export function answer(content: Uint8Array | string, type: string, headers: Record<string, string> = {}): Response {
	const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
	return new Response(Buffer.from(body), { headers: { ...always, "content-type": type, ...headers } });
}

export const empty = (status: number): Response => new Response(null, { status, headers: always });

/** What tells a browser's visit from a device's or a tool's request. */
export interface Asker {
	/** A page, for a person who came with a browser, instead of JSON. */
	html: boolean;
	/** Where the page leads back to. */
	home: string;
}

/**
 * RFC 9457 problem for a failure (or a page with the same words): code, words and a correlation id; the log gets the reason
 * under the same id.
 */
export function problem(
	thrown: unknown,
	path: string,
	ports: { log: Log; random: Random },
	asker: Asker = { html: false, home: "/" },
): Response {
	const error = asOtaError(thrown);
	const { status, words } = outcomes[error.code];
	const id = Buffer.from(ports.random(8)).toString("hex");
	const fields = { code: error.code, status, path, id, why: error.message.slice(0, 300), cause: causeOf(error) };
	if (status >= 500) ports.log.error("request.failed", fields);
	else ports.log.warn("request.refused", fields);
	const more = {
		...(status === 503 || status === 429 ? { "retry-after": status === 503 ? "5" : retryAfter(error) } : {}),
		...(error instanceof MethodError ? { allow: error.allow } : {}),
	};
	if (asker.html) return refusalPage({ status, words, id, home: asker.home }, more);
	const headers = { ...always, ...more, "content-type": "application/problem+json" };
	const body = { type: "about:blank", title: words, status, code: error.code, id, ...hsmState(error) };
	return new Response(JSON.stringify(body), { status, headers });
}

/** Seconds; a minute unless the limit says otherwise. By its shape, as Next's copy of the class is another. */
const retryAfter = (error: Partial<LimitError>): string => String(error.seconds ?? 60);

/** What a health check may tell of the HSM; by its shape, as Next's copy of the class is another. */
const hsmState = (error: Partial<HsmStateError>): { hsm?: string } => (error.state ? { hsm: error.state } : {});

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
