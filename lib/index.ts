/**
 * The front door: `createOta(options)` gives the steps of over-the-air enrollment as functions from Request to
 * Response, and `handlers` for a catch-all route. Nothing is opened before the first request that needs it.
 */
import { randomBytes } from "node:crypto";
import { makeSteps, type Step, type Steps } from "./http/handlers.ts";
import { Limits } from "./http/limits.ts";
import { jsonLog } from "./log.ts";
import { certificateOf, openContext, startsPerMinute } from "./open-context.ts";
import type { OtaOptions } from "./options.ts";

export { type Code, ConfigError, OtaError, outcomes } from "./errors.ts";
export { MethodError, problem } from "./http/answers.ts";
export { BoundedBytes } from "./http/bounded-bytes.ts";
export type { Step, Steps } from "./http/handlers.ts";
export { always, strictTransportSecurity } from "./http/headers.ts";
export { checkHost } from "./http/host.ts";
export { jsonLog } from "./log.ts";
export type { Authorities, OtaOptions, SessionUser, Template } from "./options.ts";
export type * from "./ports.ts";
export { readCatalogue } from "./profile/catalogue/schema-file.ts";
export { parseTemplate } from "./profile/templates.ts";

export interface Ota {
	/** For `app/<base path>/[[...step]]/route.ts`. */
	handlers: { GET: Step; POST: Step };
	/** One by one, for route files of their own. */
	steps: Steps;
}

export function createOta(options: OtaOptions): Ota {
	const basePath = (options.basePath ?? "").replace(/\/$/, "");
	const log = options.log ?? jsonLog();
	const random = options.random ?? ((length: number) => randomBytes(length));
	const limits = new Limits({ enroll: options.limits?.enroll ?? startsPerMinute });
	const open = remembered(() => openContext(options, basePath, { log, random, limits }));
	const root = remembered(async () => certificateOf((await options.authorities()).root, "root"));
	const steps = makeSteps({ options, basePath, root, open, log, random, limits });
	const paths: Readonly<Record<string, Step>> = {
		"": steps.welcome,
		"/": steps.welcome,
		"/CA": steps.ca,
		"/enroll": steps.enroll,
		"/devices": steps.devices,
		"/profile": steps.profile,
		"/scep": steps.scep,
		"/crl": steps.crl,
		"/ocsp": steps.ocsp,
		"/api/health/live": steps.live,
		"/api/health/ready": steps.ready,
	};
	const dispatch: Step = async (request) => {
		const { pathname } = new URL(request.url);
		const path = pathname.startsWith(basePath) ? pathname.slice(basePath.length) : null;
		// A list, a request or a device is named behind these.
		const address = path?.replace(/^(\/crl|\/ocsp|\/devices)\/.+$/s, "$1") ?? null;
		const step = address !== null && Object.hasOwn(paths, address) ? paths[address] : undefined;
		return (step ?? steps.unknown)(request);
	};
	return { handlers: { GET: dispatch, POST: dispatch }, steps };
}

/** Opens once; a failure is forgotten, so that the next request tries again. */
function remembered<T>(open: () => Promise<T>): () => Promise<T> {
	let opening: Promise<T> | null = null;
	return () => {
		opening ??= open().catch((error: unknown) => {
			opening = null;
			throw error;
		});
		return opening;
	};
}
