/** What the route files export: a step of the exchange behind the wiring, and problem+json when there is no wiring. */
import { randomUUID } from "node:crypto";
import { asOtaError, outcomes } from "../../lib/errors.ts";
import { jsonLog } from "../../lib/index.ts";
import { type Wiring, wiring } from "./index.ts";

type Step = keyof Wiring["ota"]["steps"];
type Handler = (request: Request) => Promise<Response>;

export function step(name: Step): Handler {
	return guard((request) => wiring().ota.steps[name](request));
}

/** A failure outside the steps, as they would have answered it (RFC 9457). */
export function guard(handler: Handler): Handler {
	return async (request) => {
		try {
			return await handler(request);
		} catch (failure) {
			return problem(failure);
		}
	};
}

function problem(failure: unknown): Response {
	const error = asOtaError(failure);
	const { status, words } = outcomes[error.code];
	const id = randomUUID();
	jsonLog().error("request.failed", { id, code: error.code, message: error.message });
	const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
	if (status === 503) headers.set("retry-after", "5");
	return new Response(JSON.stringify({ title: words, status, code: error.code, id }), { status, headers });
}
