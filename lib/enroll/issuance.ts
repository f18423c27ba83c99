/**
 * One certificate, whatever led to it: reserve its serial number, lint, sign, verify, store. A request that comes again
 * gets the same one. The order is that of facts: nothing is signed that is not in the database.
 */
import type { Names } from "../ca/certificate-names.ts";
import { issue } from "../ca/issue.ts";
import { type LintedTbs, lintTbs } from "../ca/lint.ts";
import { buildLeaf } from "../ca/template.ts";
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { type Code, OtaError } from "../errors.ts";
import type {
	AuditEvent,
	Certificate,
	CertificatePurpose,
	Challenge,
	FoundChallenge,
	NewCertificate,
	Store,
} from "../ports.ts";
import { auditEvent, type EnrollContext, refusal } from "./context.ts";

export interface Application extends Names {
	challengeHash: string;
	publicKeyHash: string;
	publicKeyInfo: Uint8Array;
	enrollmentId: string;
	purpose: CertificatePurpose;
	keyGeneration: number;
	/** Serial number of the certificate that is renewed. */
	renews: string | null;
	/** What it is when the store refuses. */
	refusal: readonly [code: Code, why: string];
}

type Reservation = Awaited<ReturnType<Store["reserveCertificate"]>>;
/** Writes it down, on whatever conditions. */
export type Reserve = (certificate: NewCertificate, audit: AuditEvent) => Promise<Reservation>;

/** A serial number that is taken is drawn again; a random source that repeats itself is a fault, not a loop. */
const serialDraws = 5;

export async function reserveAndIssue(
	context: EnrollContext,
	application: Application,
	reserve: Reserve,
	draw = 1,
): Promise<X509> {
	const { certificate, linted } = make(context, application);
	const { challengeHash, publicKeyHash, enrollmentId, serialNumber, purpose, renews, createdAt } = certificate;
	const detail = { serialNumber, purpose, publicKey: publicKeyHash, ...(renews !== null && { renews }) };
	const audit = auditEvent(createdAt, "certificate.reserved", enrollmentId, detail);
	switch (await reserve(certificate, audit)) {
		case "reserved":
			return signAndStore(context, { ...certificate, state: "reserved", ...unissued }, linted);
		case "exists":
			return again(context, challengeHash, publicKeyHash);
		case "serial":
			if (draw >= serialDraws) throw new OtaError("internal", "every serial number drawn is taken");
			return reserveAndIssue(context, application, reserve, draw + 1);
		case "key":
			throw await refusal(context, enrollmentId, "key_policy", "SCEP: the key has a certificate already");
		default:
			throw await refusal(context, enrollmentId, ...application.refusal);
	}
}

const unissued = { der: null, issuedAt: null, usedAt: null, revokedAt: null, revocationReason: null };

function make(
	{ clock, ca, addresses, random }: EnrollContext,
	application: Application,
): { certificate: NewCertificate; linted: LintedTbs } {
	const now = clock();
	const { challengeHash, publicKeyHash, enrollmentId, purpose, keyGeneration, renews } = application;
	const leaf = buildLeaf({ ...application, now, revocation: addresses }, ca, random);
	const of = { challengeHash, publicKeyHash, enrollmentId, purpose, keyGeneration, renews };
	const certificate = { ...leaf, ...of, issuerKeyHash: ca.publicKeyHash, createdAt: now };
	return { certificate, linted: lintTbs(leaf.tbs, ca) };
}

/** Somebody was first with the very same: its certificate is ours. */
async function again(context: EnrollContext, challengeHash: string, publicKeyHash: string): Promise<X509> {
	const found = await context.store.findChallenge(challengeHash, publicKeyHash);
	if (!found?.certificate) throw new OtaError("internal", "SCEP: a certificate that exists was not found");
	return resume(context, found.certificate, found.challenge);
}

/** The CA's key signs what begins within an hour, and `buildLeaf` backdates: what was written down waits no longer than this. */
export const mostDelay = 50 * 60_000;

/** A lost answer is given again at any time; what was never signed is signed soon, and within its challenge's lifetime. */
export async function resume(context: EnrollContext, certificate: Certificate, challenge: Challenge): Promise<X509> {
	if (certificate.state === "issued" && certificate.der) return readCertificate(certificate.der);
	const isOurs = certificate.issuerKeyHash === context.ca.publicKeyHash;
	const now = context.clock();
	const isLive = now < challenge.expiresAt && now.getTime() < certificate.createdAt.getTime() + mostDelay;
	if (certificate.state === "reserved" && isOurs && isLive) {
		return signAndStore(context, certificate, lintTbs(certificate.tbs, context.ca));
	}
	throw await refusal(context, certificate.enrollmentId, "challenge", `SCEP: the certificate is ${certificate.state}`);
}

/** Signs exactly the stored octets, proves the result, stores it; an answer that lost the race gives the winner's. */
async function signAndStore(context: EnrollContext, reserved: Certificate, linted: LintedTbs): Promise<X509> {
	const { serialNumber, enrollmentId, purpose, challengeHash, publicKeyHash } = reserved;
	const issued = await issue(linted, context.ca, context.keys);
	const now = context.clock();
	const detail = { serialNumber, purpose, sha256: issued.fingerprint };
	const audit = auditEvent(now, "certificate.issued", enrollmentId, detail);
	if (await context.store.issueCertificate({ serialNumber, der: issued.der, now, audit })) {
		context.log.info("certificate.issued", { enrollment: enrollmentId, serialNumber, purpose });
		return issued;
	}
	const found = await context.store.findChallenge(challengeHash, publicKeyHash);
	if (found?.certificate?.state === "issued" && found.certificate.der) return readCertificate(found.certificate.der);
	if (found) await judgeBlock(context, found);
	throw await refusal(context, enrollmentId, "challenge", "SCEP: the certificate was withdrawn meanwhile");
}

/** `policy` for a person or device that is blocked. */
export async function judgeBlock(
	context: EnrollContext,
	{ isBlocked, enrollment }: Pick<FoundChallenge, "isBlocked" | "enrollment">,
): Promise<void> {
	if (isBlocked) throw await refusal(context, enrollment.id, "policy", "SCEP: the person or device is blocked");
}
