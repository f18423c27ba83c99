// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of templates look like that.
/** Each rule of the lint of profiles, with what it finds and what it leaves alone. */
import type { LintOptions } from "../../lib/profile/lint-finding.ts";
import { payloadUuid } from "../../lib/profile/payload-uuid.ts";

type Dict = Record<string, unknown>;
interface Example {
	rule: string;
	/** Level of the finding. */
	level: "error" | "warning";
	what: string;
	/** Key path of the finding. */
	path: string;
	failing: unknown;
	passing: unknown;
	options?: LintOptions;
}

export const uuid = (name: string) => payloadUuid("example", name);

export function payload(type: string, keys: Dict, name = type): Dict {
	return {
		PayloadType: type,
		PayloadVersion: 1,
		PayloadIdentifier: `com.example.${name}`,
		PayloadUUID: uuid(name),
		...keys,
	};
}

export function profile(payloads: unknown, keys: Dict = {}): Dict {
	return {
		PayloadType: "Configuration",
		PayloadVersion: 1,
		PayloadIdentifier: "com.example",
		PayloadUUID: uuid("profile"),
		PayloadDisplayName: "Example",
		PayloadContent: payloads,
		...keys,
	};
}

export const webClip = (keys: Dict = {}, name = "clip") =>
	payload("com.apple.webClip.managed", { URL: "https://example.com/", Label: "Example", ...keys }, name);
const wifi = (keys: Dict) => payload("com.apple.wifi.managed", { SSID_STR: "Example", ...keys });
const restrictions = (keys: Dict) => payload("com.apple.applicationaccess", keys);
const root = payload("com.apple.security.root", { PayloadContent: new Uint8Array([0x30]) }, "root");
const identity = payload("com.apple.security.scep", { PayloadContent: { URL: "https://example.com/scep" } }, "scep");
const encrypted = (keys: Dict = {}) => {
	const { PayloadContent: _, ...outer } = profile([]);
	return { ...outer, IsEncrypted: true, EncryptedPayloadContent: new Uint8Array([0x30]), ...keys };
};
const { PayloadUUID: _, ...withoutUuid } = webClip();
const iOS = { target: { os: "iOS" } } as const;
const macOS = { target: { os: "macOS" } } as const;

export const examples: readonly Example[] = [
	{
		rule: "carry",
		level: "error",
		what: "a control character",
		path: "PayloadContent[0].Label",
		failing: profile([webClip({ Label: "a\u0001" })]),
		passing: profile([webClip({ Label: "]]> & <b>" })]),
	},
	{
		rule: "missing",
		level: "error",
		what: "a required key",
		path: "URL",
		failing: profile([payload("com.apple.webClip.managed", { Label: "Example" })]),
		passing: profile([webClip()]),
	},
	{
		rule: "missing",
		level: "error",
		what: "a key that every payload has",
		path: "PayloadUUID",
		failing: profile([withoutUuid]),
		passing: profile([webClip()]),
	},
	{
		rule: "missing",
		level: "error",
		what: "a key that is required since a version",
		path: "Passwords[0].DeviceName",
		failing: profile([payload("com.apple.airplay", { Passwords: [{ Password: "p" }] })]),
		passing: profile([payload("com.apple.airplay", { Passwords: [{ DeviceName: "Room 1", Password: "p" }] })]),
		options: { target: { os: "macOS", version: "15.0" } },
	},
	{
		rule: "unknown",
		level: "warning",
		what: "a key in another case",
		path: "label",
		failing: profile([webClip({ label: "Example" })]),
		passing: profile([webClip({ PayloadDescription: "Example" })]),
	},
	{
		rule: "type",
		level: "error",
		what: "an integer for a boolean",
		path: "FullScreen",
		failing: profile([webClip({ FullScreen: 1 })], { TargetDeviceType: 1 }),
		passing: profile([webClip({ FullScreen: true })], { TargetDeviceType: 1 }),
	},
	{
		rule: "type",
		level: "error",
		what: "a string in an array of integers",
		path: "EAPClientConfiguration.AcceptEAPTypes[1]",
		failing: profile([wifi({ EAPClientConfiguration: { AcceptEAPTypes: [13, "25"] } })]),
		passing: profile([wifi({ EAPClientConfiguration: { AcceptEAPTypes: [13, 25] } })]),
	},
	{
		rule: "value",
		level: "error",
		what: "a text that is not in the list",
		path: "EncryptionType",
		failing: profile([wifi({ EncryptionType: "WPA4" })]),
		passing: profile([wifi({ EncryptionType: "WPA3" })]),
	},
	{
		rule: "value",
		level: "error",
		what: "PayloadVersion 2",
		path: "PayloadVersion",
		failing: profile([webClip({ PayloadVersion: 2 })]),
		passing: profile([webClip()]),
	},
	{
		rule: "range",
		level: "error",
		what: "a number out of range",
		path: "minLength",
		failing: profile([payload("com.apple.mobiledevice.passwordpolicy", { minLength: 17 })]),
		passing: profile([payload("com.apple.mobiledevice.passwordpolicy", { minLength: 16 })]),
	},
	{
		rule: "count",
		level: "error",
		what: "a name of three parts",
		path: "PayloadContent.Subject[0][0]",
		failing: profile([
			payload("com.apple.security.scep", { PayloadContent: { URL: "https://e/", Subject: [[["O", "E", "F"]]] } }),
		]),
		passing: profile([
			payload("com.apple.security.scep", { PayloadContent: { URL: "https://e/", Subject: [[["O", "E"]]] } }),
		]),
	},
	{
		rule: "format",
		level: "error",
		what: "an operator's number that is too short",
		path: "MCCAndMNCs[0]",
		failing: profile([wifi({ MCCAndMNCs: ["2621"] })], { TargetDeviceType: 1 }),
		passing: profile([wifi({ MCCAndMNCs: ["262001"] })], { TargetDeviceType: 1 }),
	},
	{
		rule: "deprecated",
		level: "warning",
		what: "a key of before",
		path: "allowVoiceDialing",
		failing: profile([restrictions({ allowVoiceDialing: false })]),
		passing: profile([restrictions({ allowCamera: false })]),
	},
	{
		rule: "system",
		level: "warning",
		what: "a key of macOS alone",
		path: "SetupModes",
		failing: profile([wifi({ SetupModes: ["System"] })]),
		passing: profile([wifi({ HIDDEN_NETWORK: true })]),
		options: iOS,
	},
	{
		rule: "system",
		level: "warning",
		what: "a key that is newer than the version",
		path: "EAPClientConfiguration.TLSMinimumVersion",
		failing: profile([wifi({ EAPClientConfiguration: { AcceptEAPTypes: [13], TLSMinimumVersion: "1.2" } })]),
		passing: profile([wifi({ EAPClientConfiguration: { AcceptEAPTypes: [13], OuterIdentity: "a" } })]),
		options: { target: { os: "macOS", version: "10.9" } },
	},
	{
		rule: "supervised",
		level: "error",
		what: "a restriction of supervised devices",
		path: "allowSafari",
		failing: profile([restrictions({ allowSafari: false })]),
		passing: profile([restrictions({ allowScreenShot: false })]),
	},
	{
		rule: "supervised",
		level: "warning",
		what: "one that asks for what holds anyway",
		path: "allowSafari",
		failing: profile([restrictions({ allowSafari: true })]),
		passing: profile([restrictions({ allowScreenShot: true })]),
	},
	{
		rule: "supervised",
		level: "warning",
		what: "one that Macs obey without",
		path: "allowAirDrop",
		failing: profile([restrictions({ allowAirDrop: false })]),
		passing: profile([restrictions({ allowAirDrop: false })], { TargetDeviceType: 5 }),
	},
	{
		rule: "byHand",
		level: "error",
		what: "a restriction that MDM alone brings",
		path: "allowUnmanagedToReadManagedContacts",
		failing: profile([restrictions({ allowUnmanagedToReadManagedContacts: true })]),
		passing: profile([restrictions({ allowCamera: false })]),
	},
	{
		rule: "management",
		level: "error",
		what: "an MDM payload",
		path: "PayloadType",
		failing: profile([
			identity,
			payload("com.apple.mdm", { IdentityCertificateUUID: uuid("scep"), Topic: "t", ServerURL: "https://e/" }),
		]),
		passing: profile([identity]),
	},
	{
		rule: "unknownType",
		level: "warning",
		what: "a type that nobody knows",
		path: "PayloadType",
		failing: profile([payload("com.example.unknown", { anything: 1 })]),
		passing: profile([webClip()]),
	},
	{
		rule: "installable",
		level: "error",
		what: "a payload of iOS alone on a Mac",
		path: "PayloadType",
		failing: profile([payload("com.apple.eas.account", { Host: "mail.example.com" })]),
		passing: profile([wifi({})]),
		options: macOS,
	},
	{
		rule: "installable",
		level: "error",
		what: "a payload that is newer than the version",
		path: "PayloadType",
		failing: profile([payload("com.apple.relay.managed", { Relays: [{ HTTP3RelayURL: "https://e/" }] })]),
		passing: profile([wifi({})]),
		options: { target: { os: "iOS", version: "16.7.10" } },
	},
	{
		rule: "deprecatedType",
		level: "warning",
		what: "the access point of before",
		path: "PayloadType",
		failing: profile([
			payload("com.apple.apn.managed", {
				DefaultsData: { apns: [{ apn: "internet" }] },
				DefaultsDomainName: "com.apple.managedCarrier",
			}),
		]),
		passing: profile([payload("com.apple.cellular", { AttachAPN: { Name: "internet" } })], { TargetDeviceType: 1 }),
	},
	{
		rule: "once",
		level: "error",
		what: "two payloads where a device has one",
		path: "PayloadType",
		failing: profile([
			payload("com.apple.domains", { EmailDomains: ["example.com"] }, "one"),
			payload("com.apple.domains", { EmailDomains: ["example.org"] }, "two"),
		]),
		passing: profile([webClip({}, "one"), webClip({}, "two")]),
	},
	{
		rule: "name",
		level: "error",
		what: "a PayloadUUID of other characters",
		path: "PayloadUUID",
		failing: profile([webClip({ PayloadUUID: "wifi-1" })]),
		passing: profile([webClip({ PayloadUUID: uuid("clip").toLowerCase() })]),
	},
	{
		rule: "name",
		level: "error",
		what: "a PayloadIdentifier with a space",
		path: "PayloadIdentifier",
		failing: profile([webClip({ PayloadIdentifier: "my clip" })]),
		passing: profile([webClip({ PayloadIdentifier: "com.example.my-clip" })]),
	},
	{
		rule: "name",
		level: "error",
		what: "an empty PayloadType",
		path: "PayloadType",
		failing: profile([webClip({ PayloadType: "" })]),
		passing: profile([webClip()]),
	},
	{
		rule: "reference",
		level: "error",
		what: "an identity that is not there",
		path: "PayloadCertificateUUID",
		failing: profile([wifi({ PayloadCertificateUUID: uuid("gone") })]),
		passing: profile([identity, wifi({ PayloadCertificateUUID: uuid("scep").toLowerCase() })]),
	},
	{
		rule: "reference",
		level: "error",
		what: "a certificate for an identity",
		path: "PayloadCertificateUUID",
		failing: profile([root, wifi({ PayloadCertificateUUID: uuid("root") })]),
		passing: profile([identity, wifi({ PayloadCertificateUUID: uuid("scep") })]),
	},
	{
		rule: "reference",
		level: "error",
		what: "an anchor that is not there",
		path: "EAPClientConfiguration.PayloadCertificateAnchorUUID[0]",
		failing: profile([
			wifi({ EAPClientConfiguration: { AcceptEAPTypes: [13], PayloadCertificateAnchorUUID: [uuid("gone")] } }),
		]),
		passing: profile([
			root,
			wifi({ EAPClientConfiguration: { AcceptEAPTypes: [13], PayloadCertificateAnchorUUID: [uuid("root")] } }),
		]),
	},
	{
		rule: "reference",
		level: "warning",
		what: "a VPN that another profile may have",
		path: "VPNUUID",
		failing: profile([payload("com.apple.google-oauth", { EmailAddress: "a@example.com", VPNUUID: "vpn" })]),
		passing: profile([
			payload("com.apple.google-oauth", { EmailAddress: "a@example.com", VPNUUID: "vpn" }),
			payload("com.apple.vpn.managed.applayer", { VPNUUID: "vpn" }),
		]),
	},
	{
		rule: "payloads",
		level: "error",
		what: "no payload at all",
		path: "PayloadContent",
		failing: profile([]),
		passing: profile([webClip()]),
	},
	{
		rule: "payloads",
		level: "error",
		what: "a payload that is none",
		path: "PayloadContent",
		failing: profile([webClip(), "clip"]),
		passing: profile([webClip()]),
	},
	{
		rule: "payloads",
		level: "error",
		what: "more payloads than any profile has",
		path: "PayloadContent",
		failing: profile(Array.from({ length: 1_001 }, (_, index) => webClip({}, `clip-${index}`))),
		passing: profile(Array.from({ length: 1_000 }, (_, index) => webClip({}, `clip-${index}`))),
	},
	{
		rule: "profileName",
		level: "error",
		what: "an empty identifier",
		path: "PayloadIdentifier",
		failing: profile([webClip()], { PayloadIdentifier: "" }),
		passing: profile([webClip()]),
	},
	{
		rule: "twins",
		level: "error",
		what: "a PayloadUUID twice, in two cases",
		path: "PayloadUUID",
		failing: profile([webClip(), webClip({ PayloadUUID: uuid("clip").toLowerCase() }, "other")]),
		passing: profile([webClip(), webClip({}, "other")]),
	},
	{
		rule: "twins",
		level: "error",
		what: "the profile's own PayloadUUID",
		path: "PayloadUUID",
		failing: profile([webClip({ PayloadUUID: uuid("profile") })]),
		passing: profile([webClip()]),
	},
	{
		rule: "twins",
		level: "error",
		what: "a PayloadIdentifier twice",
		path: "PayloadIdentifier",
		failing: profile([webClip(), webClip({ PayloadIdentifier: "com.example.clip" }, "other")]),
		passing: profile([webClip(), webClip({}, "other")]),
	},
	{
		rule: "encryption",
		level: "error",
		what: "payloads beside the encrypted ones",
		path: "PayloadContent",
		failing: encrypted({ PayloadContent: [webClip()] }),
		passing: encrypted(),
	},
	{
		rule: "encryption",
		level: "error",
		what: "IsEncrypted without content",
		path: "EncryptedPayloadContent",
		failing: profile([webClip()], { IsEncrypted: true }),
		passing: encrypted(),
	},
	{
		rule: "encryption",
		level: "error",
		what: "content without IsEncrypted",
		path: "IsEncrypted",
		failing: encrypted({ IsEncrypted: false }),
		passing: encrypted(),
	},
	{
		rule: "leak",
		level: "error",
		what: "an e-mail address outside of what is encrypted",
		path: "PayloadDisplayName",
		failing: encrypted({ PayloadDisplayName: "Mail of alice@example.com" }),
		passing: encrypted({ PayloadDisplayName: "Mail" }),
	},
	{
		rule: "leak",
		level: "error",
		what: "a UDID in a text of consent",
		path: "ConsentText.default",
		failing: encrypted({ ConsentText: { default: "For 00008110-000A1B2C3D4E801E" } }),
		passing: encrypted({ ConsentText: { default: "For this device" } }),
	},
	{
		rule: "leak",
		level: "error",
		what: "a text that is this person's",
		path: "PayloadDescription",
		failing: encrypted({ PayloadDescription: "For ALICE Example" }),
		passing: encrypted({ PayloadDescription: "For you" }),
		options: { privateTexts: ["Alice Example", ""] },
	},
	{
		rule: "leak",
		level: "warning",
		what: "a host in what will stay outside",
		path: "PayloadDescription",
		failing: profile([webClip()], { PayloadDescription: "See https://intranet.example.com" }),
		passing: profile([webClip()], { PayloadDescription: "See the intranet" }),
	},
	{
		rule: "leak",
		level: "warning",
		what: "a variable of the person",
		path: "PayloadDisplayName",
		failing: profile([webClip()], { PayloadDisplayName: "Wi-Fi of ${user.name}" }),
		passing: profile([webClip()], { PayloadDisplayName: "Wi-Fi of ${organization}" }),
		options: { hasVariables: true },
	},
	{
		rule: "unknown",
		level: "error",
		what: "a key outside of what is encrypted",
		path: "Remark",
		failing: encrypted({ Remark: "a" }),
		passing: encrypted(),
	},
];
