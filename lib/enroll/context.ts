/** What every step of the exchange works with, and the few words they share: addresses, signers, challenges, audit. */
import { createHash } from "node:crypto";
import type { DeviceAnchor } from "../apple/anchors.ts";
import type { RevocationAddresses } from "../ca/template.ts";
import type { X509 } from "../cms/certificate.ts";
import { type Signer, signData } from "../cms/sign.ts";
import { type Code, OtaError } from "../errors.ts";
import type {
	AuditEvent,
	ChallengeBinding,
	ChallengePurpose,
	Clock,
	DeliveryKind,
	Keys,
	Log,
	NewChallenge,
	Random,
	Store,
	SubjectName,
	User,
} from "../ports.ts";
import type { Catalogue } from "../profile/catalogue/form.ts";
import type { IssuingCa, Ra } from "./issuers.ts";
import type { PublishedProfiles } from "./published.ts";
import type { RevocationService } from "./revocation-service.ts";
import type { Turns } from "./turns.ts";

export interface EnrollContext {
	store: Store;
	keys: Keys;
	clock: Clock;
	random: Random;
	log: Log;
	organization: string;
	/** Absolute, without trailing slash: origin and base path. */
	publicUrl: string;
	root: X509;
	ca: X509;
	ra: X509;
	profile: X509;
	/** Issuing CAs whose certificates count: `ca`, then the one before, if there is one. */
	cas: readonly IssuingCa[];
	/** RAs that a message may be addressed to: `ra`, then the one before. */
	ras: readonly Ra[];
	/** Certificates of the OCSP responder's key, by the issuing CA's `publicKeyHash`; empty: no OCSP is served. */
	responders: ReadonlyMap<string, X509>;
	/** Where certificates say that they can be asked about; OCSP when there is a responder for `ca`. */
	addresses: RevocationAddresses;
	/** Answer of GetNextCACert, prepared when the next CA was made; null: there is none. */
	nextCa: Uint8Array | null;
	revocation: RevocationService;
	/** Which certificates wait for an operator: none, all, those of devices that have none yet. */
	approval: "auto" | "manual" | "unknown";
	/** DANGER: 3DES and SHA-1 in SCEP, for clients that know nothing else. */
	legacyScep: boolean;
	deviceAnchors: readonly DeviceAnchor[];
	/** What profiles are judged by. */
	catalogue: Catalogue;
	/** What operators want devices to have. */
	profiles: PublishedProfiles;
	/** Secrets that are opened at a time. */
	secretTurns: Turns;
	/** What the company's directory says of a person now (null: gone); null: only sign-ins tell. */
	person: ((user: User) => Promise<User | null>) | null;
	policy: EnrollPolicy;
	/** SHA-256 of public keys that are never certified: our own, Apple's, known ones. */
	forbiddenKeys: ReadonlySet<string>;
	limits: EnrollLimits;
}

/** Who may enroll which devices, beside blocks. */
export interface EnrollPolicy {
	/** A person must be in one of them; empty: everybody. */
	groups: readonly string[];
	/** `listed`: devices of the allow list alone. */
	devices: "any" | "listed";
	/** By group; 0 is no limit. Who is in none of them has `limits.devices`. */
	devicesPerPerson: Readonly<Record<string, number>>;
	/** Of all people of a group. */
	devicesPerGroup: Readonly<Record<string, number>>;
	/** Days for which a sign-in speaks for updates. */
	signInDays: number;
}

export interface EnrollLimits {
	/** Unanswered enroll challenges per person. */
	live: number;
	/** Profile services per minute and person. */
	enroll: number;
	/** Devices per person; 0 is no limit. */
	devices: number;
	/** Counts a start in this process: `rate` when it is one too many. */
	start(userId: string): Promise<void>;
	/** `rate` when this enrollment has got as many further deliveries as it may for now. */
	mayUpdate(enrollmentId: string, kind: DeliveryKind): Promise<void>;
	/** Counts one. */
	updated(enrollmentId: string, kind: DeliveryKind): Promise<void>;
	/** Counts a refusal: whether it shall still become an audit event. */
	mayRecord(enrollmentId: string): Promise<boolean>;
}

/** Enrollment and challenges live this long. */
export const lifetime = 20 * 60_000;

/** A certificate may be renewed, and the device offers it, this long before its end. */
export const renewalWindow = 30 * 86_400_000;

export const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

/** 256 bits as 64 hexadecimal digits, and the row that remembers their hash. */
export function drawChallenge(
	context: Pick<EnrollContext, "random">,
	purpose: ChallengePurpose,
	enrollment: { id: string; expiresAt: Date },
	now: Date,
	binding: ChallengeBinding | null,
	expiresAt = enrollment.expiresAt,
): { text: string; challenge: NewChallenge } {
	const text = Buffer.from(context.random(32)).toString("hex");
	const challenge = { hash: sha256(text), purpose, enrollmentId: enrollment.id, createdAt: now, expiresAt, binding };
	return { text, challenge };
}

/** A profile in DER SignedData by the profile-signing key, with what leads to the root. */
export function signProfile(context: EnrollContext, plist: Uint8Array, now: Date): Promise<Uint8Array> {
	const { keys, profile, ca } = context;
	const signer: Signer = { certificate: profile, sign: (hash, message) => keys.sign("profile", hash, message) };
	return signData({ content: plist, signer, digest: "sha256", certificates: [profile, ca], signingTime: now });
}

/** Reverse-DNS beginning of our PayloadIdentifiers, from the public host. */
export function identifierPrefix(publicUrl: string): string {
	return `${new URL(publicUrl).hostname.split(".").reverse().join(".")}.next-ota`;
}

/** SHA-1 of the topmost certificate, as Apple's `CAFingerprint` wants it. */
export const caFingerprint = (root: X509): Uint8Array => createHash("sha1").update(root.der).digest();

/** The name of this person's certificates on this device: chosen here, never by the device. */
export function bindingFor(
	context: Pick<EnrollContext, "organization">,
	email: string,
	udid: string,
	serialNumber: string | null,
): ChallengeBinding {
	const subject: SubjectName = [
		["O", clipped(context.organization)],
		["CN", clipped(email)],
		["serialNumber", serialNumber ?? udid],
	];
	// rfc822Name is IA5String: an internationalised address cannot stand there.
	const subjectAltName = /^[\x21-\x7e]+$/.test(email) ? { rfc822Name: email } : {};
	return { udid, serialNumber, subject, subjectAltName };
}

/** ub-common-name and ub-organization-name are 64 (RFC 5280 appendix A.1). */
const clipped = (value: string): string => [...value].slice(0, 64).join("");

export const auditEvent = (
	at: Date,
	event: string,
	enrollmentId: string | null,
	detail: AuditEvent["detail"] = {},
): AuditEvent => ({ at, event, enrollmentId, detail });

/** Records a refusal that can be laid to an enrollment (the first hundred), and gives back the error to throw. */
export async function refusal(
	context: Pick<EnrollContext, "store" | "clock" | "limits">,
	enrollmentId: string,
	code: Code,
	why: string,
): Promise<OtaError> {
	if (await context.limits.mayRecord(enrollmentId)) {
		await context.store.record(auditEvent(context.clock(), "refused", enrollmentId, { code, why }));
	}
	return new OtaError(code, why);
}
