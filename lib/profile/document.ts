/**
 * An operator's profile as data: Apple's keys in Apple's form, and beside them who gets it. YAML (document-yaml.ts) is its text,
 * `.mobileconfig` (document-file.ts) its form for Apple's tools.
 */
import type { PropertyListDict } from "./property-list.ts";

/** What a rule may ask for; iPad and iPod are told apart from iPhone by PRODUCT. */
export const platforms = ["iPhone", "iPad", "iPod", "Mac", "TV", "Watch", "Vision"] as const;
export type Platform = (typeof platforms)[number];

/** All that is there must hold; of a list one is enough. A rule that asks for nothing holds for everybody. */
export interface Rule {
	/** Of the person; letter for letter. */
	group?: readonly string[];
	/** E-mail address (case is no difference) or the SSO's subject. */
	user?: readonly string[];
	/** By the claim's name: its value, or one of the values in it, is one of these. */
	claim?: Readonly<Record<string, readonly (string | number | boolean)[]>>;
	platform?: readonly Platform[];
	/** PRODUCT, with `*` for any characters: `iPhone15,*`. */
	model?: readonly string[];
	/** Conditions on the system's version that all hold: `>=17.2 <19`; operators >= > <= < =. */
	os?: string;
	/** UDID or serial number; case is no difference. */
	device?: readonly string[];
}

/** Nobody: an empty list. */
export type Audience = "everyone" | readonly Rule[];

export interface DocumentPayload {
	/** Unique in the profile; `${payload.<name>}` is its PayloadUUID. Letters, digits, `.`, `_`, `-`. */
	name: string;
	/** Absent: whoever gets the profile. */
	for?: readonly Rule[];
	except?: readonly Rule[];
	/** Apple's keys. Texts may have variables; secrets are variables: `${secret.<name>}`. */
	payload: PropertyListDict;
}

export interface ProfileDocument {
	/** Letters, digits, `.`, `_`, `-`; up to 64. Part of PayloadIdentifiers, so that it stays. */
	name: string;
	/** -1000 to 1000; of two payloads that a device can have once, the higher one counts. */
	priority: number;
	for: Audience;
	except: readonly Rule[];
	/** Apple's keys around the payloads, but for PayloadContent: PayloadDisplayName, ConsentText, RemovalDate, ... */
	profile: PropertyListDict;
	/** Days after which the device offers an update, if the identity's renewal is not due before. */
	updateAfterDays: number | null;
	payloads: readonly DocumentPayload[];
	/** Which version brought the sealed value of `${secret.<name>}`. */
	secrets: Readonly<Record<string, number>>;
}

/** What an operator hands in beside a document: values that are to be sealed. Text, or data (PKCS#12). */
export type PlainSecrets = ReadonlyMap<string, string | Uint8Array>;
