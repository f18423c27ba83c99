/** What the route files export: a step of the exchange behind the wiring, and problem+json when there is no wiring. */
import { randomBytes } from "node:crypto";
import { jsonLog, MethodError, problem } from "../../lib/index.ts";
import { type Wiring, wiring } from "./index.ts";
import { strictTransport } from "./security-headers.ts";

type Step = keyof Wiring["ota"]["steps"];
type Handler = (request: Request) => Promise<Response>;
type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";

/** A step under every method: what it does not answer it refuses itself, with problem+json, Allow and a line in the log. */
export function route(name: Step): Record<Method, Handler> {
	return everyMethod((request) => wiring().ota.steps[name](request));
}

/**
 * One handler under every method; a failure outside the steps is answered as they would have (RFC 9457).
 * @param allow the methods that the handler answers, when it does not refuse the others itself
 */
export function everyMethod(handler: Handler, allow: readonly Method[] | null = null): Record<Method, Handler> {
	const guarded: Handler = async (request) => {
		try {
			if (allow && !allow.some((method) => method === request.method))
				throw new MethodError(request.method, allow.join(", "));
			return strictTransport(await handler(request), wiring().config);
		} catch (failure) {
			const { pathname } = new URL(request.url);
			return problem(failure, pathname.slice(0, 80), { log: jsonLog(), random: randomBytes });
		}
	};
	return {
		GET: guarded,
		HEAD: guarded,
		POST: guarded,
		PUT: guarded,
		PATCH: guarded,
		DELETE: guarded,
		OPTIONS: guarded,
	};
}
