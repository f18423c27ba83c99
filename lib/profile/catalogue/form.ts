/**
 * The form of the payload catalogue: what Apple's device-management schema says of a payload type and its keys, as
 * values. The built-in definitions and those that `ota schema import` compiles have this one form.
 */

export const operatingSystems = ["iOS", "macOS", "tvOS", "visionOS", "watchOS"] as const;
/** iOS stands for iPadOS as well. */
export type OperatingSystem = (typeof operatingSystems)[number];

export const keyTypes = ["string", "boolean", "integer", "real", "array", "dictionary", "data", "date", "any"] as const;
export type KeyType = (typeof keyTypes)[number];

/** What holds on one operating system. Of a key, it replaces what its payload or the key around it says. */
export interface Availability {
	/** First version, as text ("10.10" is not "10.1"); null: on no version. */
	introduced?: string | null;
	deprecated?: string;
	removed?: string;
	/** Obeyed by supervised devices alone. */
	isSupervisedOnly?: boolean;
	/** False: counts only when an MDM server installs it. */
	isInstallableByHand?: boolean;
	/** False: one payload of this type on a device. */
	isRepeatable?: boolean;
}
export type Availabilities = Readonly<Partial<Record<OperatingSystem, Availability>>>;

/** What a key's text names: the PayloadUUID of an identity or a certificate, or the VPNUUID of a per-app VPN. */
export const referenceKinds = ["identity", "certificate", "perAppVpn"] as const;
export type ReferenceKind = (typeof referenceKinds)[number];

export interface KeyDefinition {
	/** Case counts. `ANY` stands for every key that is not named; of an array's element it is only a label. */
	readonly key: string;
	readonly type: KeyType;
	readonly title?: string;
	readonly on?: Availabilities;
	readonly isRequired?: boolean;
	readonly oneOf?: readonly (string | number)[];
	readonly range?: { readonly min?: number; readonly max?: number };
	readonly default?: string | number | boolean;
	/** A regular expression, or `<url>`, `<hostname>`, `<email>`. */
	readonly format?: string;
	/** Of an array's element: how many there may be. */
	readonly count?: { readonly min?: number; readonly max?: number };
	readonly refersTo?: ReferenceKind;
	/** A password, a shared secret, a private key: to be sealed, and shown to nobody. */
	readonly isSecret?: boolean;
	/** How several profiles' values become one, in Apple's word. */
	readonly combine?: string;
	/** Keys of a dictionary, or the one element of an array. Imported definitions lead back to themselves here. */
	readonly of?: readonly KeyDefinition[];
}

export interface PayloadDefinition {
	readonly type: string;
	readonly title: string;
	readonly on: Availabilities;
	readonly keys: readonly KeyDefinition[];
}

export interface Catalogue {
	/** By PayloadType. */
	readonly payloads: ReadonlyMap<string, PayloadDefinition>;
	/** Keys that every payload has. */
	readonly common: PayloadDefinition;
	/** Keys of the profile around the payloads. */
	readonly profile: PayloadDefinition;
}

/** Below zero when version `one` is the older: part by part as numbers, so that 10.9 comes before 10.10. */
export function compareVersions(one: string, other: string): number {
	const [left, right] = [one.split("."), other.split(".")];
	for (let part = 0; part < Math.max(left.length, right.length); part += 1) {
		const difference = Number(left[part] ?? 0) - Number(right[part] ?? 0);
		if (difference !== 0) return difference;
	}
	return 0;
}

/** Whether a text is a version: numbers with full stops between. */
export function isVersion(text: string): boolean {
	return /^\d{1,5}(?:\.\d{1,5}){0,4}$/.test(text);
}
