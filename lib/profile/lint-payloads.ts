/** Rules on one payload as a whole: may it be there, is it well named, and does what it refers to exist? */
import type { KeyDefinition, ReferenceKind } from "./catalogue/form.ts";
import { keyIndex } from "./catalogue/key-index.ts";
import { standing } from "./lint-availability.ts";
import { type Fault, type Lint, type LintedPayload, textAt } from "./lint-finding.ts";
import { isUuid } from "./payload-uuid.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";
import { join } from "./texts.ts";

type PayloadRule = (payload: LintedPayload, lint: Lint) => Iterable<Fault>;

/** Device management takes the device over; this service delivers profiles. */
function* isNoManagement({ type }: LintedPayload): Generator<Fault> {
	if (type !== "com.apple.mdm") return;
	yield {
		level: "error",
		path: "PayloadType",
		words: "enrolls the device with an MDM server",
		remedy: "Take this payload out: profiles from here never do that.",
	};
}

function* isKnownType({ type, definition }: LintedPayload): Generator<Fault> {
	if (definition || type === "") return;
	yield {
		level: "warning",
		path: "PayloadType",
		words: "is no type that the catalogue knows, so that its keys were not checked",
		remedy: 'Check its spelling, or add Apple\'s schema: "ota schema import".',
	};
}

/** May the target install it, by hand and unsupervised? */
function* isInstallable({ definition, type }: LintedPayload, lint: Lint): Generator<Fault> {
	if (!definition || type === "com.apple.mdm") return;
	const { present, absent, mdmOnly, supervisedOnly } = standing(lint, definition.on);
	const fault = (words: string, remedy: string): Fault => ({ level: "error", path: "PayloadType", words, remedy });
	if (present.length === 0 && absent.length > 0) {
		yield fault(`is not taken by ${absent.join(" or ")} of that version`, "Deliver it to devices that know it.");
	}
	if (present.length === 0) return;
	if (mdmOnly.length === present.length) {
		yield fault(`cannot be installed by hand on ${mdmOnly.join(" or ")}`, "Take it out, or install it by MDM.");
	}
	if (supervisedOnly.length === present.length) {
		yield fault(`is taken by supervised devices alone on ${supervisedOnly.join(" and ")}`, "Take it out.");
	}
}

function* isNotDeprecated({ definition }: LintedPayload, lint: Lint): Generator<Fault> {
	const deprecated = definition ? standing(lint, definition.on).deprecated : [];
	if (deprecated.length === 0) return;
	const words = `is deprecated on ${deprecated.join(" and ")}`;
	yield { level: "warning", path: "PayloadType", words, remedy: "Use what has taken its place." };
}

/** Some types may be on a device once: the second replaces the first, or is refused. */
function* isAlone({ index, type, definition }: LintedPayload, { payloads, systems }: Lint): Generator<Fault> {
	const isSingle = systems.some((system) => definition?.on[system]?.isRepeatable === false);
	if (!isSingle || !payloads.some((other) => other.type === type && other.index < index)) return;
	const words = "is there a second time, and a device takes one of its type";
	yield { level: "error", path: "PayloadType", words, remedy: "Unite the two payloads." };
}

function* isWellNamed({ dict }: LintedPayload, lint: Lint): Generator<Fault> {
	yield* namingFaults(dict, lint);
}

/** PayloadUUID, PayloadIdentifier and PayloadType, of a payload as of the profile. Their presence is the keys' affair. */
export function* namingFaults(dict: PropertyListDict, lint: Lint): Generator<Fault> {
	const fault = (path: string, words: string, remedy: string): Fault => ({ level: "error", path, words, remedy });
	const { PayloadUUID: uuid, PayloadIdentifier: identifier, PayloadType: type } = dict;
	if (typeof uuid === "string" && !isUuid(uuid) && !lint.isVariable(uuid)) {
		yield fault("PayloadUUID", "is no UUID", "Five groups of 8, 4, 4, 4 and 12 hexadecimal digits (uuidgen).");
	}
	if (typeof identifier === "string" && !/^[^\s\p{C}]{1,255}$/u.test(identifier)) {
		yield fault("PayloadIdentifier", "is no identifier", "Reverse-DNS style, without spaces: com.example.wifi.");
	}
	if (typeof type === "string" && type === "") {
		yield fault("PayloadType", "is empty", 'Name the payload\'s type, "com.apple.wifi.managed" say.');
	}
}

const identityTypes = ["com.apple.security.pkcs12", "com.apple.security.scep", "com.apple.security.acme"];
const targetTypes: Readonly<Record<Exclude<ReferenceKind, "perAppVpn">, ReadonlySet<string>>> = {
	identity: new Set([...identityTypes, "com.apple.ADCertificate.managed"]),
	certificate: new Set([
		...["com.apple.security.root", "com.apple.security.pkcs1", "com.apple.security.pem"],
		...identityTypes,
	]),
};

function* refersToWhatIsThere({ dict, definition }: LintedPayload, lint: Lint): Generator<Fault> {
	if (!definition) return;
	for (const { kind, text, path } of references(lint, dict, definition.keys, "")) {
		const complaint = kind === "perAppVpn" ? perAppVpnFault(text, lint) : payloadFault(kind, text, lint);
		if (complaint) yield { path, ...complaint };
	}
}

interface Reference {
	kind: ReferenceKind;
	text: string;
	path: string;
}

function* references(
	lint: Lint,
	dict: PropertyListDict,
	keys: readonly KeyDefinition[],
	path: string,
): Generator<Reference> {
	const { find } = keyIndex(keys);
	for (const [key, value] of Object.entries(dict)) {
		const definition = find(key);
		if (definition) yield* referencesOf(lint, value, definition, join(path, key));
	}
}

function* referencesOf(
	lint: Lint,
	value: PropertyListValue,
	{ refersTo, of }: KeyDefinition,
	path: string,
): Generator<Reference> {
	if (refersTo && typeof value === "string" && !lint.isVariable(value)) yield { kind: refersTo, text: value, path };
	if (Array.isArray(value) && of?.[0]) {
		for (const [index, item] of value.entries()) yield* referencesOf(lint, item, of[0], `${path}[${index}]`);
	} else if (of && isPropertyListDict(value)) {
		yield* references(lint, value as PropertyListDict, of, path);
	}
}

type Complaint = Pick<Fault, "level" | "words" | "remedy">;

/** A payload can refer to payloads of its own profile alone. */
function payloadFault(kind: "identity" | "certificate", text: string, { payloads }: Lint): Complaint | undefined {
	const target = text === "" ? undefined : payloads.find(({ uuid }) => uuid === text.toUpperCase());
	if (target && targetTypes[kind].has(target.type)) return undefined;
	const wanted = kind === "identity" ? "an identity (SCEP, ACME or PKCS #12)" : "a certificate";
	return {
		level: "error",
		words: target ? `refers to a ${target.type} payload` : "refers to no payload of this profile",
		remedy: `Name the PayloadUUID of ${wanted} in the same profile.`,
	};
}

/** Another profile may have brought the VPN. */
function perAppVpnFault(text: string, { payloads }: Lint): Complaint | undefined {
	const isThere = payloads.some(
		({ type, dict }) => type === "com.apple.vpn.managed.applayer" && textAt(dict, "VPNUUID") === text,
	);
	if (isThere) return undefined;
	const words = "refers to no per-app VPN of this profile";
	return { level: "warning", words, remedy: "Add the com.apple.vpn.managed.applayer payload with this VPNUUID." };
}

export const payloadRules = {
	management: isNoManagement,
	unknownType: isKnownType,
	installable: isInstallable,
	deprecatedType: isNotDeprecated,
	once: isAlone,
	name: isWellNamed,
	reference: refersToWhatIsThere,
} as const satisfies Record<string, PayloadRule>;
