/**
 * What the crafts need from the outside world, as interfaces: Keys, Store, Clock, Random, Audit, User, Log.
 * Implementations: `hsm/` (Keys), `lib/store/` (Store, Audit), `app/_wire` and `bin/` join them.
 * Bytes are Uint8Array, times are Date, hashes and serial numbers are lower-case hex strings unless said.
 */

/** Now, as a Date. */
export type Clock = () => Date;

/** `length` bytes from a cryptographic generator. */
export type Random = (length: number) => Uint8Array;

/** Where refusals and steps are told to the operator: one JSON line each, never a secret. */
export interface Log {
	info(event: string, fields?: LogFields): void;
	warn(event: string, fields?: LogFields): void;
	error(event: string, fields?: LogFields): void;
}
export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** The person who signed in. `id` is the SSO's stable subject. */
export interface User {
	id: string;
	email: string;
	name?: string;
	groups: readonly string[];
	/** Further claims by name; only plain values. */
	claims: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

// ---------------------------------------------------------------- Keys

export type KeyRole = "root" | "ca" | "ra" | "profile" | "seal" | "ocsp";
/**
 * The roles that sign while the server runs; the root signs in the ceremony alone. `caOld` and `raOld` are the generation
 * before: the one signs revocation lists of certificates that still live, the other answers who still has its certificate.
 */
export type SigningRole = "ca" | "ra" | "profile" | "ocsp" | "caOld" | "raOld";
export type HashName = "sha256" | "sha384" | "sha512";

/** The private keys, wherever they live. Failures: hsm_busy, hsm_unavailable, hsm_refused. */
export interface Keys {
	/**
	 * Signs `message` (the to-be-signed bytes, hashed on the other side) with the role's key:
	 * RSASSA-PKCS1-v1_5, or ECDSA as a DER SEQUENCE { r, s }, by the key's type.
	 */
	sign(role: SigningRole, hash: HashName, message: Uint8Array): Promise<Uint8Array>;
	/**
	 * RSAES-PKCS1-v1_5 unwrap of a content key with the RA key (`ra` unless told). Always answers exactly `keyLength` bytes:
	 * the key, or random bytes when the block was malformed (RFC 3218). Never says which.
	 */
	unwrap(encryptedKey: Uint8Array, keyLength: 8 | 16 | 24 | 32, role?: "ra" | "raOld"): Promise<Uint8Array>;
	/** AES-256-GCM with the seal key; answers iv || ciphertext || tag. `aad` names table|row|column|version. */
	seal(plaintext: Uint8Array, aad: string): Promise<Uint8Array>;
	open(sealed: Uint8Array, aad: string): Promise<Uint8Array>;
	/** A real signature with each signing role; resolves when all hold. */
	check(): Promise<void>;
}

// ---------------------------------------------------------------- Store

/** started -> identified -> certified -> delivered; cancelled from any but delivered. minted: an operator's, for no person. */
export type EnrollmentState = "started" | "identified" | "certified" | "delivered" | "cancelled" | "minted";
/**
 * What a challenge is good for: the device response, the encryption identity (step 4), the client identity, or a machine
 * (printer, Linux client) that an operator minted it for.
 */
export type ChallengePurpose = "enroll" | "identity" | "client" | "machine";
/** What a certificate that we issued is for. */
export type CertificatePurpose = "identity" | "client" | "machine";
export type CertificateState = "reserved" | "issued" | "revoked" | "abandoned";

export interface Enrollment {
	id: string;
	user: User;
	state: EnrollmentState;
	createdAt: Date;
	expiresAt: Date;
	/** Of the built-in device identity that answered: SHA-256 of its SubjectPublicKeyInfo. */
	signerKeyHash: string | null;
	udid: string | null;
	/** Attributes as the device gave them (UDID, SERIAL, PRODUCT, VERSION, ...); strings only. */
	device: Readonly<Record<string, string>>;
	/** How many identity profiles were handed out: 0 before the first device response. */
	attempts: number;
	deliveredAt: Date | null;
}

/** RelativeDistinguishedNames in order, one attribute each: ["CN", "alice@example.com"]. */
export type SubjectName = readonly (readonly [type: string, value: string])[];
/** GeneralNames that the server puts in a certificate. */
export interface SubjectAltName {
	rfc822Name?: string;
	dNSName?: readonly string[];
}

export interface NewChallenge {
	/** SHA-256 of the challenge's text, hex. The text itself is never stored. */
	hash: string;
	purpose: ChallengePurpose;
	enrollmentId: string;
	createdAt: Date;
	expiresAt: Date;
	/** SCEP challenges: who and which device the certificate will name. */
	binding: ChallengeBinding | null;
}
export interface ChallengeBinding {
	udid: string;
	serialNumber: string | null;
	subject: SubjectName;
	subjectAltName: SubjectAltName;
	/** Of a machine alone: the CSR's own names count, as far as the allow-list of lib/ca admits them. */
	isSubjectFromCsr?: boolean;
}
export interface Challenge extends NewChallenge {
	usedAt: Date | null;
	/** SHA-256 of the SubjectPublicKeyInfo that spent it. */
	usedByKey: string | null;
	withdrawnAt: Date | null;
}

export interface NewCertificate {
	/** Lower-case hex, without leading zero octets. */
	serialNumber: string;
	/** Of a renewal: `renewal:` and the serial number of the certificate that is renewed, so that it has one successor. */
	challengeHash: string;
	/** SHA-256 of the SubjectPublicKeyInfo. */
	publicKeyHash: string;
	/** How many certificates this key had before: 0 but for renewals that keep the key. */
	keyGeneration: number;
	/** SHA-256 of the issuing CA's SubjectPublicKeyInfo: which generation signed it. */
	issuerKeyHash: string;
	/** Serial number of the certificate that this one renews. */
	renews: string | null;
	enrollmentId: string;
	purpose: CertificatePurpose;
	/** DER of the TBSCertificate that will be signed. */
	tbs: Uint8Array;
	notBefore: Date;
	notAfter: Date;
	createdAt: Date;
}
export interface Certificate extends NewCertificate {
	state: CertificateState;
	/** DER of the signed certificate; null while reserved. */
	der: Uint8Array | null;
	issuedAt: Date | null;
	/** First use at /profile. */
	usedAt: Date | null;
	revokedAt: Date | null;
	/** RFC 5280 CRLReason. */
	revocationReason: number | null;
}

/**
 * A SCEP request as it came, kept beside its certificate. Repetitions are known by (challenge, public key), which is
 * narrower: a request with another of these fields and the same two gets the same certificate.
 */
export interface ScepTransaction {
	/** As sent, printable ASCII. */
	transactionID: string;
	messageType: number;
	/** SHA-256 of the signer's SubjectPublicKeyInfo. */
	signerKeyHash: string;
	/** SHA-256 of the CSR's DER. */
	csrHash: string;
}

export interface AuditEvent {
	at: Date;
	/** enrollment.started, device.identified, certificate.reserved, certificate.issued, profile.delivered, refused, ... */
	event: string;
	enrollmentId: string | null;
	/** Plain facts, never a secret. */
	detail: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Audit {
	record(event: AuditEvent): Promise<void>;
}

/** first: the journey's end. update: the answer to a later profile request. download: fetched by the person or an operator. */
export type DeliveryKind = "first" | "update" | "download";

export interface Delivery {
	enrollmentId: string;
	/** 0 for the journey's, then one more for each of the enrollment's. */
	number: number;
	kind: DeliveryKind;
	/** Of the identity whose key the profile is encrypted to. */
	certificateSerialNumber: string;
	/** What it was made of: `name@version` of each profile, and `#` with a digest of what else decides; joined by blanks. */
	contents: string;
	/** The answer as sent: SignedData around the profile whose content is EnvelopedData. */
	profile: Uint8Array;
	deliveredAt: Date;
	/** When the device said that it had installed it. */
	confirmedAt: Date | null;
}

export interface StartEnrollment {
	enrollment: Pick<Enrollment, "id" | "user" | "createdAt" | "expiresAt">;
	/** When the person signed in, not after createdAt: what was known from a later sign-in stays. Null: all of it is known. */
	signedInAt: Date | null;
	challenge: NewChallenge;
	/** Unanswered enroll challenges that one person may have, this one included; the oldest are withdrawn. */
	maxLive: number;
	audit: AuditEvent;
}

export interface IdentifyDevice {
	enrollmentId: string;
	/** The enroll challenge that came with the device response. */
	challengeHash: string;
	signerKeyHash: string;
	udid: string;
	device: Readonly<Record<string, string>>;
	/** The enrollment's `attempts` as read; the write holds only if it is still so. */
	attempts: number;
	/** The SCEP challenge of the identity profile that will be answered. */
	scepChallenge: NewChallenge;
	now: Date;
	audit: AuditEvent;
}

export interface ReserveCertificate {
	certificate: NewCertificate;
	transaction: ScepTransaction;
	audit: AuditEvent;
}

export interface ReserveRenewal {
	/** With `renews`, and the challengeHash that goes with it. */
	certificate: NewCertificate;
	/** Inherited from the certificate that is renewed. */
	binding: ChallengeBinding;
	/**
	 * Until when the reserved certificate may be signed. Nothing takes its place afterwards, so that this should be the end of
	 * the certificate that is renewed.
	 */
	expiresAt: Date;
	transaction: ScepTransaction;
	audit: AuditEvent;
}

// ---------------------------------------------------------------- Profiles

/** One version of an operator's profile. Versions are never changed. */
export interface ProfileVersion {
	/** Of the profile; it stays with it. */
	name: string;
	/** From 1 on. */
	version: number;
	/** YAML (lib/profile/document-yaml.ts); secrets stand there by name alone. */
	document: string;
	/** The operator's words about it; may be empty. */
	note: string;
	createdAt: Date;
	/** The operator's login. */
	by: string;
}

export interface ProfileState {
	name: string;
	/** Number of the newest version. */
	latest: number;
	/** The version that devices get; null: none. Another one than `latest` is a draft. */
	published: number | null;
	publishedAt: Date | null;
}

/** A value of a profile that nobody may read again, under the seal key. */
export interface SealedSecret {
	profile: string;
	/** As the document names it: `${secret.<name>}`. */
	name: string;
	/** The profile's version that brought it; later versions name it by this number. */
	version: number;
	sealed: Uint8Array;
}

/** Part of Store: what operators want devices to have. */
export interface ProfileStore {
	/**
	 * Version `after` + 1 with the secrets that it brings (their version is its number), unpublished. False: `after` is not the
	 * newest version any more (0: there is none).
	 */
	saveProfile(input: {
		version: ProfileVersion;
		after: number;
		secrets: readonly SealedSecret[];
		audit: AuditEvent;
	}): Promise<boolean>;
	/** From now on devices get this version, or (null) nothing of this profile. False: there is no such version. */
	publishProfile(input: { name: string; version: number | null; now: Date; audit: AuditEvent }): Promise<boolean>;
	/** By name. */
	listProfiles(): Promise<ProfileState[]>;
	/** All versions, newest first; none: no such profile. */
	listVersions(name: string): Promise<ProfileVersion[]>;
	/** What devices get, by name: cheap, and asked before every delivery. */
	publishedVersions(): Promise<{ name: string; version: number }[]>;
	findVersion(name: string, version: number): Promise<ProfileVersion | null>;
	/** Those of the named that exist. */
	findSecrets(wanted: readonly Omit<SealedSecret, "sealed">[]): Promise<SealedSecret[]>;
}

// ---------------------------------------------------------------- People and devices

/** A person as the latest sign-in described them. */
export interface KnownPerson {
	user: User;
	signedInAt: Date;
}

/** A device of the allow list. */
export interface AllowedDevice {
	/** UDID or serial number, in upper case. */
	value: string;
	/** The operator's words; may be empty. */
	note: string;
	createdAt: Date;
	/** The operator's login. */
	by: string;
}

/**
 * A device with the enrollment that counts: of those that got as far as a certificate the newest that is delivered and has a
 * live identity, else the newest.
 */
export interface FoundDevice {
	enrollment: Enrollment;
	/** The newest identity certificate of that enrollment that is issued and has not ended at `now`. */
	identity: Certificate | null;
	/** The newest of that enrollment. */
	delivery: Delivery | null;
	/** Person or device. */
	isBlocked: boolean;
	/** Whether a device of another person, with a live identity, has told the same name: UDIDs and serial numbers are told, not proven. */
	isContested: boolean;
}

/** Part of Store: who is known, and which devices may come. */
export interface PeopleStore {
	/** What a sign-in said (startEnrollment does it as well). Its groups replace those of before; an older sign-in changes nothing. */
	savePerson(person: KnownPerson): Promise<void>;
	/** By the SSO's subject, or by e-mail address (its case is no difference; the latest sign-in of several). */
	findPerson(by: { id: string } | { email: string }): Promise<KnownPerson | null>;
	/** How many devices but this one have a live identity (at `now`) of people whose latest sign-in had the group. */
	countGroupDevices(group: string, otherThan: string, now: Date): Promise<number>;
	/** By UDID or serial number (case is no difference). */
	findDevice(name: string, now: Date): Promise<FoundDevice | null>;
	/** This person's devices, by their own enrollments, newest first. */
	listDevices(userId: string, now: Date): Promise<FoundDevice[]>;

	/** How many were not on the list before. One audit event a device (detail.device is added). */
	allowDevices(input: { devices: readonly AllowedDevice[]; audit: AuditEvent }): Promise<number>;
	/** Takes them off the list; how many were on it. Audit as allowDevices. */
	disallowDevices(input: { values: readonly string[]; audit: AuditEvent }): Promise<number>;
	/** By value. */
	listAllowedDevices(): Promise<AllowedDevice[]>;
	/** Whether the UDID or the serial number is on the allow list; case is no difference. */
	isAllowed(device: { udid: string; serialNumber: string | null }): Promise<boolean>;
	/** Blocks devices that may be unknown here, and revokes nothing. How many blocks are new; audit as revoke's `blocked`. */
	blockDevices(input: { blocks: readonly Block[]; audit: AuditEvent }): Promise<number>;
}

// ---------------------------------------------------------------- Approval by hand

export type ApprovalState = "pending" | "approved" | "refused";

/** A request that waits for an operator (RFC 8894 section 3.3.2.3, PENDING). Its challenge is spent by its key. */
export interface NewApproval {
	/** Short, for the command line: 12 hexadecimal digits, random. */
	id: string;
	challengeHash: string;
	publicKeyHash: string;
	/** DER, what will be certified. */
	publicKeyInfo: Uint8Array;
	enrollmentId: string;
	purpose: CertificatePurpose;
	/** What the certificate will say; of the binding, or of the CSR where that counts. */
	subject: SubjectName;
	subjectAltName: SubjectAltName;
	transaction: ScepTransaction;
	/** Content cipher of the request, mirrored in the answer to a CertPoll. */
	cipher: string;
	createdAt: Date;
	/** Until when it may be decided and fetched; challenge and enrollment live as long. */
	expiresAt: Date;
}
export interface Approval extends NewApproval {
	state: ApprovalState;
	decidedAt: Date | null;
	/** The operator's login. */
	decidedBy: string | null;
}

/** Part of Store: requests that wait. */
export interface ApprovalStore {
	/**
	 * Spends the challenge for this key (as reserveCertificate would), stores the approval as pending, and lets challenge and
	 * enrollment live until `expiresAt`. "exists": this challenge and key wait already (look it up). "refused" and "key" as
	 * reserveCertificate has them.
	 */
	pendApproval(input: { approval: NewApproval; audit: AuditEvent }): Promise<"pending" | "exists" | "refused" | "key">;
	/** By what a request is known by, or by what a CertPoll has; the newest. With the certificate that it led to, if any. */
	findApproval(
		by: { challengeHash: string; publicKeyHash: string } | { transactionID: string; signerKeyHash: string },
	): Promise<(FoundChallenge & { approval: Approval }) | null>;
	/** Whether the device with this UDID has got a final profile before. */
	hasDelivered(udid: string): Promise<boolean>;
	/** Oldest first, of this state, with the person and device they are for. */
	listApprovals(state: ApprovalState): Promise<{ approval: Approval; enrollment: Enrollment }[]>;
	/** pending -> approved or refused. False: unknown, decided already, or expired at `now`. The event gets its enrollment. */
	decideApproval(input: {
		id: string;
		state: "approved" | "refused";
		by: string;
		now: Date;
		audit: AuditEvent;
	}): Promise<boolean>;
}

// ---------------------------------------------------------------- Revocation

/** Who is barred from enrolling, renewing and fetching profiles. */
export interface Block {
	/** person: the SSO's subject. device: its UDID, or its serial number. */
	kind: "person" | "device";
	value: string;
	createdAt: Date;
	/** RFC 5280 CRLReason of the action that blocked it. */
	reason: number;
	/** The operator's login. */
	by: string;
}

/** What an operator revokes: one certificate, all of a device (UDID or serial number), all of a person (subject or e-mail). */
export type RevocationTarget = { serialNumber: string } | { device: string } | { person: string };

export interface RevokedEntry {
	serialNumber: string;
	revokedAt: Date;
	/** RFC 5280 CRLReason; null: not told (a certificate that was abandoned before anybody had it). */
	reason: number | null;
}

/** A signed CertificateList of one issuing CA. */
export interface RevocationList {
	issuerKeyHash: string;
	/** cRLNumber. */
	number: number;
	thisUpdate: Date;
	nextUpdate: Date;
	/** What it was made from: RevocationState of that moment. */
	count: number;
	latest: Date | null;
	der: Uint8Array;
}
/** Changes whenever an entry is added. */
export interface RevocationState {
	/** Certificates with revokedAt of this issuer, expired ones as well. */
	count: number;
	/** The latest revokedAt. */
	latest: Date | null;
}

/** What OCSP needs to know of a serial number. */
export interface CertificateStatus {
	serialNumber: string;
	issuerKeyHash: string;
	state: CertificateState;
	notAfter: Date;
	revokedAt: Date | null;
	revocationReason: number | null;
}

/** Part of Store: certificates after their issue. */
export interface RevocationStore {
	/**
	 * In one transaction: every issued or reserved certificate of the target becomes revoked (or abandoned) at `now`; of a device
	 * or person also: their challenges that are unspent or wait for an approval are withdrawn, enrollments that are not delivered
	 * cancelled, pending approvals refused, and a Block is kept (of a device for its UDID and its serial number, as far as known; of a person by the
	 * subject). Null: nothing here is known by that name, and nothing was written. Repeating it changes no date and no reason.
	 */
	revoke(input: {
		target: RevocationTarget;
		reason: number;
		by: string;
		now: Date;
		/**
		 * Written once for each certificate revoked now (detail.serialNumber is added, and its enrollment when none is told) and
		 * as `blocked` once for each new block (detail.person or detail.device).
		 */
		audit: AuditEvent;
	}): Promise<{ revoked: readonly string[]; already: readonly string[]; blocks: readonly Block[] } | null>;
	listBlocks(): Promise<Block[]>;
	/**
	 * Lifts a person's or device's blocks by any value that the revocation named, an audit event for each (as revoke has them);
	 * false when there is none. Certificates stay revoked.
	 */
	liftBlock(input: { target: RevocationTarget; by: string; now: Date; audit: AuditEvent }): Promise<boolean>;
	/** Whether any of these is blocked; absent values are not looked at. */
	isBlocked(who: { userId?: string; udid?: string; serialNumber?: string | null }): Promise<boolean>;

	revocationState(issuerKeyHash: string): Promise<RevocationState>;
	/** Entries whose certificates end after `endsAfter`, by serial number. */
	listRevoked(issuerKeyHash: string, endsAfter: Date): Promise<RevokedEntry[]>;
	/** The list with the highest number. */
	findRevocationList(issuerKeyHash: string): Promise<RevocationList | null>;
	/** Stores it if the highest number is still `after` (null: there is none) and lower than the list's. False otherwise. */
	storeRevocationList(input: { list: RevocationList; after: number | null; audit: AuditEvent }): Promise<boolean>;
	/** Reserved certificates whose challenge ended before `before` become abandoned, revokedAt = now. How many. */
	abandonExpired(input: { before: Date; now: Date }): Promise<number>;
	certificateStatus(serialNumber: string): Promise<CertificateStatus | null>;
	/** All certificates in the order of their serial numbers, `limit` at a time; of one issuer, or of all. */
	pageCertificates(input: {
		after: string | null;
		limit: number;
		issuerKeyHash?: string;
	}): Promise<{ certificate: Certificate; enrollment: Enrollment }[]>;
	/** Certificates of a time before generations were told apart become this issuer's. Once, at start. */
	adoptIssuer(issuerKeyHash: string): Promise<void>;
}

/** Part of Store: challenges of an operator's, and renewals. */
export interface MachineStore {
	/** An enrollment of state minted with its machine challenges (binding: their names). */
	mintChallenges(input: {
		enrollment: Pick<Enrollment, "id" | "user" | "createdAt" | "expiresAt">;
		challenges: readonly NewChallenge[];
		audit: AuditEvent;
	}): Promise<void>;
	/**
	 * Inserts the successor of `certificate.renews` as reserved, with a challenge row `renewal:<serial number>` that is spent by
	 * this key. "exists": that certificate has a successor for this key already (look it up by findChallenge). "refused": it has
	 * one for another key, or is not issued, expired at certificate.createdAt, of another purpose or enrollment, or its
	 * enrollment is cancelled. "key": the key has a certificate that is not the one renewed (keyGeneration must be that
	 * one's + 1 when the key is the same, 0 otherwise). "serial" as reserveCertificate.
	 */
	reserveRenewal(input: ReserveRenewal): Promise<"reserved" | "exists" | "refused" | "serial" | "key">;
}

export interface FoundCertificate {
	certificate: Certificate;
	enrollment: Enrollment;
	/** The person, or the device by its UDID or serial number. */
	isBlocked: boolean;
}
export interface FoundChallenge extends Omit<FoundCertificate, "certificate"> {
	challenge: Challenge;
	certificate: Certificate | null;
}

/**
 * Everything that must survive a restart. Each method is one transaction with its audit events in it;
 * state changes are conditional updates, and `false` means that the condition did not hold (nothing was written).
 * Failure: store_unavailable.
 */
export interface Store extends Audit, ApprovalStore, RevocationStore, MachineStore, ProfileStore, PeopleStore {
	/** Enrollment and its challenge, and the person as known now; withdraws this person's oldest unanswered challenges over `maxLive`
	 * (their enrollments become cancelled). */
	startEnrollment(start: StartEnrollment): Promise<void>;

	/** How many enrollments this person has started at `since` or later. */
	countStarts(userId: string, since: Date): Promise<number>;
	/** How many devices but this one have a live identity (at `now`) from an enrollment of this person (certified or delivered). */
	countDevices(userId: string, otherThan: string, now: Date): Promise<number>;

	/**
	 * A challenge with its enrollment, whether the enrollment's person or device is blocked, and, when `publicKeyHash` is
	 * given, the certificate it gave to that key.
	 */
	findChallenge(hash: string, publicKeyHash?: string): Promise<FoundChallenge | null>;

	/**
	 * First device response: spends the enroll challenge (unused, unwithdrawn, unexpired at `now`) for `signerKeyHash`,
	 * enrollment started -> identified with the device's data, attempts 0 -> 1, device row kept, SCEP challenge stored.
	 */
	identifyFirst(input: IdentifyDevice): Promise<boolean>;
	/**
	 * A repeated device response: same signer, same UDID, state identified or certified, not expired at `now`, attempts as read.
	 * Withdraws the SCEP challenges that are unspent or wait for an approval (which is refused), revokes (superseded, 4)
	 * issued identity certificates and abandons reserved ones (revokedAt = now), state -> identified, attempts + 1, new
	 * SCEP challenge stored.
	 */
	identifyAgain(input: IdentifyDevice): Promise<boolean>;

	/**
	 * Spends the SCEP challenge for this key and inserts the certificate as reserved, with the transaction. A challenge that
	 * pendApproval spent for this very key is taken once that approval is approved. keyGeneration is 0, renews is null.
	 * "reserved": done. "exists": this challenge already has a certificate for this key (look it up).
	 * "refused": challenge unknown, expired at certificate.createdAt, withdrawn, spent by another key, of another purpose
	 * than the certificate's or of another enrollment, or its enrollment is cancelled; or its approval is not approved.
	 * "serial": the serial number is taken: draw another.
	 * "key": the public key already has a certificate (under another challenge).
	 */
	reserveCertificate(input: ReserveCertificate): Promise<"reserved" | "exists" | "refused" | "serial" | "key">;
	/**
	 * reserved -> issued with its DER; a first identity certificate moves its enrollment identified -> certified, every other
	 * one is issued in any state but cancelled. False when it is no longer reserved (another request was first, or it was
	 * abandoned), when its challenge has expired at `now`, when its enrollment is in another state, when the certificate that
	 * it renews is not issued any more, or when its person or device is blocked. Of a first client certificate: those client
	 * certificates that the same device has already are superseded, as `deliver` does it with identities.
	 */
	issueCertificate(input: { serialNumber: string; der: Uint8Array; now: Date; audit: AuditEvent }): Promise<boolean>;

	/** A certificate by serial number, with its enrollment and whether that one's person or device is blocked. */
	findCertificate(serialNumber: string): Promise<FoundCertificate | null>;

	/** The newest that was delivered for an enrollment, if anything. */
	findDelivery(enrollmentId: string): Promise<Delivery | null>;
	/** Whether a client challenge of this enrollment that was drawn at `since` or later has been spent. */
	hasSpentClient(enrollmentId: string, since: Date): Promise<boolean>;
	/**
	 * certified -> delivered for this identity certificate (issued, not revoked, not expired at deliveredAt, the enrollment not expired),
	 * marks the certificate used, stores the bytes (number 0) and the client identity's challenges. Identity certificates that the same
	 * device (UDID) has from other enrollments of the same person, or answered by the same built-in identity, are superseded:
	 * revoked (reason 4) with an event `certificate.revoked` each, and their enrollments' unspent client challenges are withdrawn. False: somebody was first or the state is another.
	 */
	deliver(input: { delivery: Delivery; challenges: readonly NewChallenge[]; audit: AuditEvent }): Promise<boolean>;
	/**
	 * A further delivery of a delivered enrollment, its number one more than the newest's. The certificate must be issued, an
	 * identity of that enrollment and not ended at deliveredAt. False: that does not hold, or the number is taken.
	 */
	deliverAgain(input: {
		delivery: Delivery;
		/** What the device says of itself now: takes the place of the enrollment's attributes. Absent: they stay. */
		device?: Readonly<Record<string, string>> | null;
		challenges: readonly NewChallenge[];
		audit: AuditEvent;
	}): Promise<boolean>;
	/** The newest delivery to this certificate is confirmed, once. False: there is none, or it is confirmed already. */
	confirmDelivery(input: { certificateSerialNumber: string; now: Date; audit: AuditEvent }): Promise<boolean>;

	/** Cheap proof that the database answers. */
	check(): Promise<void>;
	close(): Promise<void>;
}
