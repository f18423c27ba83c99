/** What a lint of a profile is told, and what it tells. Words name keys, types and identifiers, never a key's value. */
import type { Availabilities, Catalogue, OperatingSystem, PayloadDefinition } from "./catalogue/form.ts";
import type { PropertyListDict, PropertyListValue } from "./property-list.ts";

/** An error blocks delivery; a warning shows. */
export type Level = "error" | "warning";

export interface LintTarget {
	/** Absent: what TargetDeviceType says, or iOS and macOS. */
	os?: OperatingSystem;
	/** Absent: versions of today. */
	version?: string;
	/** Supervised devices obey more. */
	isSupervised?: boolean;
}

export interface LintOptions {
	/** Absent: the built-in one. */
	catalogue?: Catalogue;
	target?: LintTarget;
	/** `${...}` in a text is a variable, and whatever it stands for is taken as right. */
	hasVariables?: boolean;
	/** Texts that must not stand outside of what is encrypted: the person's name, the serial number. */
	privateTexts?: readonly string[];
}

export interface Finding {
	rule: string;
	level: Level;
	/** Null: the profile around the payloads. */
	payload: { index: number; type: string; identifier: string } | null;
	/** Key path inside the payload: `EAPClientConfiguration.AcceptEAPTypes[0]`; empty for the whole. */
	path: string;
	/** The key's title for people, where the catalogue knows the key. */
	title?: string;
	words: string;
	remedy: string;
}

/** A finding without what its rule and its payload already say. */
export interface Fault {
	level: Level;
	path: string;
	title?: string;
	words: string;
	remedy: string;
}

/** No profile has more; what follows them is not looked at, for some rules look at each beside all others. */
export const mostPayloads = 1_000;

export interface LintedPayload {
	index: number;
	type: string;
	/** PayloadUUID in upper case, empty when there is none. */
	uuid: string;
	dict: PropertyListDict;
	/** Absent: a type that the catalogue does not know. */
	definition: PayloadDefinition | undefined;
}

/** Of the target's systems, those that make this or that of a payload or a key. */
export interface Standing {
	/** Those that know it; and those that do not. */
	present: OperatingSystem[];
	absent: OperatingSystem[];
	/** Of those that know it. */
	deprecated: OperatingSystem[];
	supervisedOnly: OperatingSystem[];
	mdmOnly: OperatingSystem[];
}

/** All that a rule may look at. */
export interface Lint {
	catalogue: Catalogue;
	systems: readonly OperatingSystem[];
	target: LintTarget;
	privateTexts: readonly string[];
	profile: PropertyListDict;
	isEncrypted: boolean;
	payloads: readonly LintedPayload[];
	/** Whether nobody can say yet what this value will be. */
	isVariable(value: PropertyListValue): boolean;
	/** What the target makes of what has been looked at so far. */
	standings: Map<Availabilities, Standing>;
}

export function textAt(dict: PropertyListDict, key: string): string {
	const value = dict[key];
	return typeof value === "string" ? value : "";
}
