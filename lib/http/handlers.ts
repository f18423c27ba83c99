/**
 * The steps as functions from Request to Response: method, host, body, step, answer. The only place where the exchange
 * meets HTTP; each step is complete on its own, so that a route file only names it.
 */
import type { EnrollContext } from "../enroll/context.ts";
import { answerDevice } from "../enroll/device-post.ts";
import { start } from "../enroll/start.ts";
import { asOtaError, type Code, OtaError } from "../errors.ts";
import type { OtaOptions } from "../options.ts";
import type { Log, Random } from "../ports.ts";
import { answer, empty, MethodError, problem, withoutBody } from "./answers.ts";
import { readBody } from "./body.ts";
import { devices } from "./devices.ts";
import { always } from "./headers.ts";
import { checkHost } from "./host.ts";
import type { Limits } from "./limits.ts";
import { crl, ocsp } from "./revocation.ts";
import { scep } from "./scep.ts";
import { attachment, profileType, readOnly, visitor } from "./visitor.ts";
import { welcomePage } from "./welcome.ts";

export type Step = (request: Request) => Promise<Response>;

export interface Steps {
	welcome: Step;
	ca: Step;
	enroll: Step;
	profile: Step;
	scep: Step;
	/** Its own address and what lies below, of these three. */
	devices: Step;
	crl: Step;
	ocsp: Step;
	live: Step;
	ready: Step;
	/** Every address that is none of these. */
	unknown: Step;
}

/** What `/CA` hands out: DER, and its SHA-256 in hex. */
interface RootCertificate {
	der: Uint8Array;
	fingerprint: string;
}

/** What the HTTP side needs of a wiring: options, and the context that is opened with the first request. */
export interface Wiring {
	options: Pick<OtaOptions, "baseUrl" | "organization" | "user" | "signIn" | "address">;
	basePath: string;
	root(): Promise<RootCertificate>;
	open(): Promise<EnrollContext>;
	log: Log;
	random: Random;
	limits: Limits;
}

const devicePostTypes = ["application/pkcs7-signature", "application/x-pkcs7-signature"];

export function makeSteps(wiring: Wiring): Steps {
	const { basePath } = wiring;
	const address = (request: Request): string | null => wiring.options.address?.(request) ?? null;
	const guarded = (path: string, step: Step): Step => {
		return async (request) => {
			try {
				const response = await step(request);
				return request.method === "HEAD" ? withoutBody(response) : response;
			} catch (error) {
				await wiring.limits.refused(address(request), asOtaError(error).code);
				const html = request.method === "GET" && /\btext\/html\b/.test(request.headers.get("accept") ?? "");
				return problem(error, path, wiring, { html, home: `${basePath}/` });
			}
		};
	};
	/** Where devices post: whoever was refused too often is not even read. */
	const limited = (path: string, step: Step): Step =>
		guarded(path, async (request) => {
			await wiring.limits.admit(address(request));
			return step(request);
		});
	const ready = shared(async () => {
		const { keys, store } = await wiring.open();
		await Promise.all([keys.check(), store.check()]);
	});
	return {
		welcome: guarded("/", async (request) => {
			readOnly(request);
			checkHost(request, wiring.options.baseUrl);
			return welcomePage({ organization: wiring.options.organization, basePath });
		}),
		ca: guarded("/CA", async (request) => {
			readOnly(request);
			return rootCertificate(request, await wiring.root());
		}),
		enroll: guarded("/enroll", (request) => enroll(request, wiring)),
		devices: guarded("/devices", (request) => devices(request, wiring, below(request, `${basePath}/devices`))),
		profile: limited("/profile", async (request) => {
			if (request.method !== "POST") throw new MethodError(request.method, "POST");
			const body = await readBody(request, devicePostTypes);
			return deviceAnswer(await answerDevice(await wiring.open(), body), wiring);
		}),
		scep: limited("/scep", (request) => {
			const refused = (code: Code) => wiring.limits.refused(address(request), code);
			return scep(request, { open: wiring.open, refused });
		}),
		crl: guarded("/crl", async (request) => crl(request, await wiring.open(), below(request, `${basePath}/crl`))),
		ocsp: guarded("/ocsp", async (request) => ocsp(request, await wiring.open(), below(request, `${basePath}/ocsp`))),
		live: guarded("/api/health/live", async (request) => {
			readOnly(request);
			return health("live");
		}),
		ready: guarded("/api/health/ready", async (request) => {
			readOnly(request);
			await ready();
			return health("ready");
		}),
		unknown: (request) => {
			const refuse: Step = () => Promise.reject(new OtaError("not_found", "no such address"));
			return guarded(new URL(request.url).pathname.slice(0, 80), refuse)(request);
		},
	};
}

/** What follows the step's own address, as it was sent. */
const below = ({ url }: Request, address: string): string => new URL(url).pathname.slice(address.length);

/** One run serves everybody who asks meanwhile: probes cost real signatures, and anybody may ask. */
function shared(run: () => Promise<void>): () => Promise<void> {
	let running: Promise<void> | null = null;
	return () => {
		running ??= run().finally(() => {
			running = null;
		});
		return running;
	};
}

const health = (status: string): Response => answer(JSON.stringify({ status }), "application/json");

function rootCertificate(request: Request, root: RootCertificate): Response {
	const etag = `"${root.fingerprint}"`;
	const headers = { etag, "cache-control": "public, max-age=3600" };
	if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
	return answer(root.der, "application/x-x509-ca-cert", headers);
}

async function enroll(request: Request, wiring: Wiring): Promise<Response> {
	const visit = await visitor(request, wiring, `${wiring.basePath}/enroll`);
	if (visit instanceof Response) return visit;
	return attachment(await start(await wiring.open(), visit), "enroll.mobileconfig");
}

/**
 * A profile; 301, which makes a device open /enroll in Safari (facts: 302 does not do that); or nothing but 200 for what
 * was only noted.
 */
function deviceAnswer(result: Awaited<ReturnType<typeof answerDevice>>, { options, basePath }: Wiring): Response {
	if (result === null) return empty(200);
	if (result instanceof Uint8Array) return answer(result, profileType);
	return new Response(null, { status: 301, headers: { ...always, location: `${options.baseUrl}${basePath}/enroll` } });
}
