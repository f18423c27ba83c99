/** Joins what a host hands over into what the steps work with: certificates read and checked, the store and the keys opened. */
import { deniedKeys, deviceAnchors } from "./apple/anchors.ts";
import { pemCertificates, readCertificate, type X509 } from "./cms/certificate.ts";
import { checkAuthorities, type OwnCertificates } from "./enroll/authorities.ts";
import { type EnrollContext, sha256 } from "./enroll/context.ts";
import { addressesOf, generationsOf } from "./enroll/issuers.ts";
import { secretTurns } from "./enroll/profile-secrets.ts";
import { PublishedProfiles } from "./enroll/published.ts";
import { makeRevocation } from "./enroll/revocation.ts";
import { OtaError } from "./errors.ts";
import { readUser } from "./http/session.ts";
import type { Authorities, OtaOptions } from "./options.ts";
import { readCatalogue } from "./profile/catalogue/schema-file.ts";

/** Profile services per minute and person. */
export const startsPerMinute = 120;

/** What counts within this process. */
type Counted = Pick<EnrollContext["limits"], "start" | "mayUpdate" | "updated" | "mayRecord">;

/** Failure: config for certificates that do not fit each other or their keys; the store's and the keys'. */
export async function openContext(
	options: OtaOptions,
	basePath: string,
	{ log, random, limits }: Pick<EnrollContext, "log" | "random"> & { limits: Counted },
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
		catalogue: readCatalogue(options.schema ?? null),
		organization: options.organization,
		publicUrl: `${options.baseUrl}${basePath}`,
		deviceAnchors: anchors,
		profiles: new PublishedProfiles({ store, templates: async () => options.templates() }),
		secretTurns: secretTurns(),
		person: directoryOf(options),
		policy: policyOf(options),
		forbiddenKeys: new Set([...ownKeys, ...devices, ...deniedKeys]),
		limits: {
			live: options.limits?.live ?? 5,
			enroll: options.limits?.enroll ?? startsPerMinute,
			devices: options.limits?.devices ?? 0,
			start: (userId) => limits.start(userId),
			mayUpdate: (enrollmentId, kind) => limits.mayUpdate(enrollmentId, kind),
			updated: (enrollmentId, kind) => limits.updated(enrollmentId, kind),
			mayRecord: (enrollmentId) => limits.mayRecord(enrollmentId),
		},
	};
}

/** What the host's directory says is a session's form, and is taken as carefully. */
function directoryOf({ person }: OtaOptions): EnrollContext["person"] {
	if (!person) return null;
	return async (user) => {
		const found = await person(user).catch((cause: unknown) => {
			throw new OtaError("store_unavailable", "the directory did not answer", { cause });
		});
		// Whoever else it describes, the device is this person's.
		return found === null ? null : readUser({ ...found, id: user.id });
	};
}

function policyOf({ policy = {} }: OtaOptions): EnrollContext["policy"] {
	return {
		groups: policy.groups ?? [],
		devices: policy.devices ?? "any",
		devicesPerPerson: policy.devicesPerPerson ?? {},
		devicesPerGroup: policy.devicesPerGroup ?? {},
		signInDays: policy.signInDays ?? 30,
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

/** Of exactly one certificate in PEM. */
export function certificateOf(pem: string, role: string): X509 {
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
