/**
 * What a host hands to `createOta()`. Nothing here is opened at import: `keys`, `store`, `authorities`, `deviceRoots`
 * and `templates` are called with the first request that needs them, and again after a failure.
 */
import type { Clock, Keys, Log, Random, Store, User } from "./ports.ts";

/** What an SSO session says of a person (next-auth's `session.user` fits). */
export interface SessionUser {
	id?: string | null;
	email?: string | null;
	name?: string | null;
	groups?: readonly string[] | null;
	claims?: Readonly<Record<string, string | number | boolean | readonly string[]>> | null;
	/** When this session's person signed in: an older session does not undo what a later sign-in said. Now unless told. */
	signedInAt?: Date | null;
}

/** The four certificates, PEM. Their keys are behind `Keys`. */
export interface Authorities {
	root: string;
	ca: string;
	ra: string;
	profile: string;
	/** The OCSP responder's certificate: one for each issuing CA, all of one key. Without it there is no OCSP. */
	ocsp?: string;
	/** The issuing CA and the RA before, while certificates of the one, or devices that know the other, are left. */
	caOld?: string;
	raOld?: string;
	/** DER that `ota keys rotate --role ca` prepared for GetNextCACert. */
	nextCa?: Uint8Array;
}

/** One payload (or several) of the final profile, as parsed values of a property list. */
export interface Template {
	/** File name without extension; orders the payloads. */
	name: string;
	/** A payload dictionary, with `${user.email}`-style variables inside its string values. */
	payload: Readonly<Record<string, unknown>>;
}

/** Who may enroll which devices, beside blocks. */
export interface EnrollPolicyOptions {
	/** Groups of which a person must be in one; everybody unless told. */
	groups?: readonly string[];
	/** `listed`: devices of the allow list alone (`ota devices`). `any` unless told. */
	devices?: "any" | "listed";
	/** Devices per person by group, before `limits.devices`: of several groups the highest counts, 0 is no limit. */
	devicesPerPerson?: Readonly<Record<string, number>>;
	/** Devices of all people of a group together. */
	devicesPerGroup?: Readonly<Record<string, number>>;
	/** Without `person`: for how many days a sign-in still speaks for updates; afterwards the device is led to sign in. 30 unless told. */
	signInDays?: number;
}

export interface OtaOptions {
	/** Public origin, no trailing slash: https://ota.example.com. Every URL in a profile starts with it. */
	baseUrl: string;
	/** Path under which the handlers are mounted: "" (default) or "/ota". */
	basePath?: string;
	/** PayloadOrganization, and O of every subject. */
	organization: string;
	/** The signed-in person, or null. */
	user(request: Request): Promise<SessionUser | null>;
	/** The answer for a person without a session; it must lead back to `returnTo`, a same-origin path. */
	signIn(request: Request, returnTo: string): Promise<Response>;
	keys(): Promise<Keys> | Keys;
	store(): Promise<Store> | Store;
	authorities(): Promise<Authorities> | Authorities;
	/** DER certificates of further CAs that, like Apple's Device CA, directly issue device identities. */
	deviceRoots?(): Promise<readonly Uint8Array[]> | readonly Uint8Array[];
	templates(): Promise<readonly Template[]> | readonly Template[];
	/** Base of the addresses of CRL and OCSP, without the base path; http is best (https is circular). `baseUrl` unless told. */
	pkiUrl?: string;
	/** Text of a file of `ota schema import`: what profiles are judged by, beside the built-in catalogue. */
	schema?: string | null;
	/** Which certificates an operator must approve: none (auto, unless told), all, or those of devices that have none yet. */
	approval?: "auto" | "manual" | "unknown";
	/** DANGER: 3DES and SHA-1 in SCEP. Off unless told. */
	legacyScep?: boolean;
	/**
	 * What the company's directory says of a person now, asked whenever somebody enrolls or a device comes for its profile: null
	 * when there is no such person any more. Unless told, what the latest sign-in said counts, for `policy.signInDays`.
	 */
	person?(user: User): Promise<SessionUser | null>;
	policy?: EnrollPolicyOptions;
	limits?: {
		/** Unanswered challenges per person, 5 unless told. */
		live?: number;
		/** Profile services per minute and person, 120 unless told. */
		enroll?: number;
		/** Devices per person; 0 (no limit) unless told. */
		devices?: number;
	};
	/**
	 * Whom a request comes from, for the limits per address: null when that is not known for certain, or says nothing (a
	 * proxy that all share). Null unless told.
	 */
	address?(request: Request): string | null;
	log?: Log;
	clock?: Clock;
	random?: Random;
}
