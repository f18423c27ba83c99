/**
 * What a payload claims that a device can have once: its type, a name, a network, an account, a certificate. Of two with
 * the same claim the higher one counts. Texts are compared as they are written, before variables are replaced.
 */
import { createHash } from "node:crypto";
import type { Catalogue, OperatingSystem } from "./catalogue/form.ts";
import type { DocumentPayload } from "./document.ts";
import { textAt } from "./lint-finding.ts";
import { identifierEnd } from "./payload-identifier.ts";
import type { PropertyListDict } from "./property-list.ts";

export interface Claim {
	/** Equal for what cannot be there twice. */
	key: string;
	words: string;
}

/** Keys that together say what it is, by PayloadType; of alternatives (`|`) the first that is there. */
const identities: Readonly<Record<string, readonly string[]>> = {
	"com.apple.wifi.managed": ["SSID_STR"],
	"com.apple.webClip.managed": ["URL", "Label"],
	"com.apple.mail.managed": ["IncomingMailServerHostName", "IncomingMailServerUsername|EmailAddress"],
	"com.apple.eas.account": ["Host", "UserName|EmailAddress"],
	"com.apple.google-oauth": ["EmailAddress"],
	"com.apple.caldav.account": ["CalDAVHostName", "CalDAVUsername"],
	"com.apple.carddav.account": ["CardDAVHostName", "CardDAVUsername"],
	"com.apple.ldap.account": ["LDAPAccountHostName", "LDAPAccountUserName"],
	"com.apple.subscribedcalendar.account": ["SubCalAccountHostName", "SubCalAccountUsername"],
	"com.apple.vpn.managed": ["UserDefinedName"],
	"com.apple.vpn.managed.applayer": ["UserDefinedName"],
};
const certificates: ReadonlySet<string> = new Set([
	...["com.apple.security.root", "com.apple.security.pkcs1", "com.apple.security.pem"],
	"com.apple.security.pkcs12",
]);

/** `system` null: what iPhones or Macs have once. */
export function claimsOf(
	profile: string,
	{ name, payload }: DocumentPayload,
	system: OperatingSystem | null,
	catalogue: Catalogue,
): Claim[] {
	const type = textAt(payload, "PayloadType");
	const identifier = textAt(payload, "PayloadIdentifier");
	const claims: Claim[] = [];
	if (isSingle(type, system, catalogue)) claims.push(claim("a device has one payload of this type", ["type", type]));
	const kind = identifier === "" ? "identifier made" : "identifier";
	const called = identifier === "" ? identifierEnd(profile, name) : scoped(profile, identifier);
	claims.push(claim("the same PayloadIdentifier", [kind, called.toUpperCase()]));
	const { PayloadContent: content } = payload;
	if (certificates.has(type) && content !== undefined) {
		claims.push(claim("the same certificate (PayloadContent)", ["certificate", contentOf(profile, content)]));
	}
	const keys = Object.hasOwn(identities, type) ? (identities[type] ?? []) : [];
	const texts = keys.map((alternatives) => firstOf(payload, alternatives.split("|")));
	if (texts.length > 0 && texts[0] !== "") {
		const words = `the same ${keys.map((each) => each.replace("|", " or ")).join(" and ")}`;
		claims.push(claim(words, [type, ...texts.map((text) => scoped(profile, text))]));
	}
	return claims;
}

function claim(words: string, parts: readonly string[]): Claim {
	return { words, key: JSON.stringify(parts) };
}

function isSingle(type: string, system: OperatingSystem | null, { payloads }: Catalogue): boolean {
	const on = payloads.get(type)?.on ?? {};
	const systems: readonly OperatingSystem[] = system ? [system] : ["iOS", "macOS"];
	return systems.some((each) => on[each]?.isRepeatable === false);
}

function firstOf(payload: PropertyListDict, keys: readonly string[]): string {
	return keys.map((key) => textAt(payload, key)).find((text) => text !== "") ?? "";
}

/** Variables of a profile's own mean something else in another profile. */
function scoped(profile: string, text: string): string {
	return /\$\{(?:secret|payload)\./.test(text) ? `${profile}/${text}` : text;
}

function contentOf(profile: string, content: PropertyListDict[string]): string {
	if (typeof content === "string") return scoped(profile, content);
	return content instanceof Uint8Array ? createHash("sha256").update(content).digest("hex") : "";
}
