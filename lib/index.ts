/**
 * The front door: `createOta(options)` gives the steps of over-the-air enrollment as functions from Request to
 * Response, and `handlers` for a catch-all route. Nothing is opened before the first request that needs it.
 */
import { randomBytes } from "node:crypto";
import { deniedKeys, deviceAnchors } from "./apple/anchors.ts";
import { pemCertificates, readCertificate, type X509 } from "./cms/certificate.ts";
import { checkAuthorities, type OwnCertificates } from "./enroll/authorities.ts";
import { type EnrollContext, sha256 } from "./enroll/context.ts";
import { addressesOf, generationsOf } from "./enroll/issuers.ts";
import { makeRevocation } from "./enroll/revocation.ts";
import { OtaError } from "./errors.ts";
import { makeSteps, type Step, type Steps } from "./http/handlers.ts";
import { Limits } from "./http/limits.ts";
import { jsonLog } from "./log.ts";
import type { Authorities, OtaOptions } from "./options.ts";

export { type Code, ConfigError, OtaError, outcomes } from "./errors.ts";
export { MethodError, problem } from "./http/answers.ts";
export { BoundedBytes } from "./http/bounded-bytes.ts";
export type { Step, Steps } from "./http/handlers.ts";
export { always, strictTransportSecurity } from "./http/headers.ts";
export { checkHost } from "./http/host.ts";
export { jsonLog } from "./log.ts";
export type { Authorities, OtaOptions, SessionUser, Template } from "./options.ts";
export type * from "./ports.ts";
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
	const limits = new Limits({ enroll: options.limits?.enroll ?? perMinute });
	const open = remembered(() => openContext(options, basePath, { log, random, limits }));
	const root = remembered(async () => certificateOf((await options.authorities()).root, "root"));
	const steps = makeSteps({ options, basePath, root, open, log, random, limits });
	const paths: Readonly<Record<string, Step>> = {
		"": steps.welcome,
		"/": steps.welcome,
		"/CA": steps.ca,
		"/enroll": steps.enroll,
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
		// A list or a request is named behind these two.
		const address = path?.replace(/^(\/crl|\/ocsp)\/.+$/s, "$1") ?? null;
		const step = address !== null && Object.hasOwn(paths, address) ? paths[address] : undefined;
		return (step ?? steps.unknown)(request);
	};
	return { handlers: { GET: dispatch, POST: dispatch }, steps };
}

/** Profile services per minute and person. */
const perMinute = 120;

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

async function openContext(
	options: OtaOptions,
	basePath: string,
	{ log, random, limits }: Pick<EnrollContext, "log" | "random"> & { limits: Limits },
): Promise<EnrollContext> {
	const [keys, store, authorities, roots] = await Promise.all([
		options.keys(),
		options.store(),
		options.authorities(),
		options.deviceRoots?.() ?? [],
	]);
	const own = certificatesOf(authorities);
	const clock = options.clock ?? (() => new Date());
	await checkAuthorities(own, keys, clock(), random);
	const { ownKeys, ...generations } = generationsOf(own);
	const { root, ca, ra, profile, caOld } = own;
	// Certificates of before were the CA's of before, where there are two.
	await store.adoptIssuer((caOld ?? ca).publicKeyHash);
	const anchors = deviceAnchors(roots);
	const devices = anchors.map(({ publicKey }) => sha256(publicKey.export({ format: "der", type: "spki" })));
	return {
		...{ root, ca, ra, profile },
		...generations,
		...{ keys, store, clock, random, log },
		addresses: addressesOf(ca, `${options.pkiUrl ?? options.baseUrl}${basePath}`, generations),
		nextCa: own.nextCa,
		revocation: makeRevocation({ store, keys, clock, log, ...generations }),
		approval: options.approval ?? "auto",
		legacyScep: options.legacyScep ?? false,
		organization: options.organization,
		publicUrl: `${options.baseUrl}${basePath}`,
		deviceAnchors: anchors,
		templates: async () => options.templates(),
		forbiddenKeys: new Set([...ownKeys, ...devices, ...deniedKeys]),
		limits: {
			live: options.limits?.live ?? 5,
			enroll: options.limits?.enroll ?? perMinute,
			devices: options.limits?.devices ?? 0,
			start: (userId) => limits.start(userId),
			mayRecord: (enrollmentId) => limits.mayRecord(enrollmentId),
		},
	};
}

function certificatesOf(authorities: Authorities): OwnCertificates {
	const { ocsp, caOld, raOld } = authorities;
	return {
		root: certificateOf(authorities.root, "root"),
		ca: certificateOf(authorities.ca, "ca"),
		ra: certificateOf(authorities.ra, "ra"),
		profile: certificateOf(authorities.profile, "profile"),
		ocsp: ocsp ? pemCertificates(ocsp).map((der) => readOwn(der, "ocsp")) : [],
		caOld: caOld ? certificateOf(caOld, "caOld") : null,
		raOld: raOld ? certificateOf(raOld, "raOld") : null,
		nextCa: authorities.nextCa ?? null,
	};
}

function certificateOf(pem: string, role: string): X509 {
	const [der, ...more] = pemCertificates(pem);
	if (!der || more.length > 0) throw new OtaError("config", `the ${role} certificate must be one PEM certificate`);
	return readOwn(der, role);
}

function readOwn(der: Uint8Array, role: string): X509 {
	try {
		return readCertificate(der);
	} catch (cause) {
		throw new OtaError("config", `the ${role} certificate cannot be read`, { cause });
	}
}
