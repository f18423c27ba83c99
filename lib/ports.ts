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

export type KeyRole = "root" | "ca" | "ra" | "profile" | "seal";
/** The roles that sign while the server runs; the root signs in the ceremony alone. */
export type SigningRole = "ca" | "ra" | "profile";
export type HashName = "sha256" | "sha384" | "sha512";

/** The private keys, wherever they live. Failures: hsm_busy, hsm_unavailable, hsm_refused. */
export interface Keys {
	/**
	 * Signs `message` (the to-be-signed bytes, hashed on the other side) with the role's key:
	 * RSASSA-PKCS1-v1_5, or ECDSA as a DER SEQUENCE { r, s }, by the key's type.
	 */
	sign(role: SigningRole, hash: HashName, message: Uint8Array): Promise<Uint8Array>;
	/**
	 * RSAES-PKCS1-v1_5 unwrap of a content key with the RA key. Always answers exactly `keyLength` bytes:
	 * the key, or random bytes when the block was malformed (RFC 3218). Never says which.
	 */
	unwrap(encryptedKey: Uint8Array, keyLength: 8 | 16 | 24 | 32): Promise<Uint8Array>;
	/** AES-256-GCM with the seal key; answers iv || ciphertext || tag. `aad` names table|row|column|version. */
	seal(plaintext: Uint8Array, aad: string): Promise<Uint8Array>;
	open(sealed: Uint8Array, aad: string): Promise<Uint8Array>;
	/** A real signature with each signing role; resolves when all hold. */
	check(): Promise<void>;
}

// ---------------------------------------------------------------- Store

/** started -> identified -> certified -> delivered; cancelled from any but delivered. */
export type EnrollmentState = "started" | "identified" | "certified" | "delivered" | "cancelled";
/** What a challenge is good for: the device response, the encryption identity (step 4), the client identity. */
export type ChallengePurpose = "enroll" | "identity" | "client";
/** What a certificate that we issued is for. */
export type CertificatePurpose = "identity" | "client";
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
	challengeHash: string;
	/** SHA-256 of the SubjectPublicKeyInfo. */
	publicKeyHash: string;
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

export interface Delivery {
	enrollmentId: string;
	/** Of the identity whose key the profile is encrypted to. */
	certificateSerialNumber: string;
	/** The answer as sent: SignedData around the profile whose content is EnvelopedData. */
	profile: Uint8Array;
	deliveredAt: Date;
}

export interface StartEnrollment {
	enrollment: Pick<Enrollment, "id" | "user" | "createdAt" | "expiresAt">;
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

/**
 * Everything that must survive a restart. Each method is one transaction with its audit events in it;
 * state changes are conditional updates, and `false` means that the condition did not hold (nothing was written).
 * Failure: store_unavailable.
 */
export interface Store extends Audit {
	/** Enrollment and its challenge; withdraws this person's oldest unanswered challenges over `maxLive`
	 * (their enrollments become cancelled). */
	startEnrollment(start: StartEnrollment): Promise<void>;

	/** How many enrollments this person has started at `since` or later. */
	countStarts(userId: string, since: Date): Promise<number>;
	/** How many devices but this one have a certificate from an enrollment of this person (certified or delivered). */
	countDevices(userId: string, otherThan: string): Promise<number>;

	/** A challenge with its enrollment and, when `publicKeyHash` is given, the certificate it gave to that key. */
	findChallenge(
		hash: string,
		publicKeyHash?: string,
	): Promise<{ challenge: Challenge; enrollment: Enrollment; certificate: Certificate | null } | null>;

	/**
	 * First device response: spends the enroll challenge (unused, unwithdrawn, unexpired at `now`) for `signerKeyHash`,
	 * enrollment started -> identified with the device's data, attempts 0 -> 1, device row kept, SCEP challenge stored.
	 */
	identifyFirst(input: IdentifyDevice): Promise<boolean>;
	/**
	 * A repeated device response: same signer, same UDID, state identified or certified, not expired at `now`, attempts as read.
	 * Withdraws the unspent SCEP challenges, revokes (superseded, 4) issued identity certificates and abandons
	 * reserved ones, state -> identified, attempts + 1, new SCEP challenge stored.
	 */
	identifyAgain(input: IdentifyDevice): Promise<boolean>;

	/**
	 * Spends the SCEP challenge for this key and inserts the certificate as reserved, with the transaction.
	 * "reserved": done. "exists": this challenge already has a certificate for this key (look it up).
	 * "refused": challenge unknown, expired at certificate.createdAt, withdrawn, spent by another key, of another purpose
	 * than the certificate's or of another enrollment, or its enrollment is cancelled.
	 * "serial": the serial number is taken: draw another.
	 * "key": the public key already has a certificate (under another challenge).
	 */
	reserveCertificate(input: ReserveCertificate): Promise<"reserved" | "exists" | "refused" | "serial" | "key">;
	/**
	 * reserved -> issued with its DER; for purpose identity the enrollment goes identified -> certified.
	 * False when it is no longer reserved (another request was first, or it was abandoned), when its challenge has expired at
	 * `now`, or when its enrollment is in another state.
	 */
	issueCertificate(input: { serialNumber: string; der: Uint8Array; now: Date; audit: AuditEvent }): Promise<boolean>;

	/** A certificate by serial number, with its enrollment. */
	findCertificate(serialNumber: string): Promise<{ certificate: Certificate; enrollment: Enrollment } | null>;

	/** What was delivered for an enrollment, if anything. */
	findDelivery(enrollmentId: string): Promise<Delivery | null>;
	/**
	 * certified -> delivered for this identity certificate (issued, not revoked, not expired at deliveredAt, the enrollment not expired),
	 * marks the certificate used, stores the bytes and the client identity's challenges. False: somebody was first or the state is another.
	 */
	deliver(input: { delivery: Delivery; challenges: readonly NewChallenge[]; audit: AuditEvent }): Promise<boolean>;

	/** Cheap proof that the database answers. */
	check(): Promise<void>;
	close(): Promise<void>;
}
