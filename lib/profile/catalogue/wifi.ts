/** Wi-Fi networks, and the Ethernet payload of the same kind. */
import { any, array, boolean, dictionary, integer, payload, string, uuid } from "./notation.ts";

const required = true;
const secret = true;

export const wifi = payload("com.apple.wifi.managed", "Wi-Fi", "iOS 4.0; macOS 10.7", [
	boolean("AutoJoin", { title: "Join by itself", on: "iOS 5.0", default: true }),
	string("SSID_STR", { title: "Name of the network (SSID)", on: "iOS 7.0" }),
	boolean("HIDDEN_NETWORK", { title: "Does the network hide its name?", default: false }),
	string("ProxyType", { title: "Web proxy", oneOf: ["None", "Manual", "Auto"], default: "None" }),
	string("EncryptionType", { title: "Security", oneOf: ["WEP", "WPA", "WPA2", "WPA3", "Any", "None"], default: "Any" }),
	string("Password", { title: "Password", secret }),
	string("PayloadCertificateUUID", { title: "Identity to sign in with", format: uuid, refersTo: "identity" }),
	dictionary(
		"EAPClientConfiguration",
		[
			array("AcceptEAPTypes", integer("EAPType", { oneOf: [13, 17, 18, 21, 23, 25, 43] }), {
				title: "Methods (13 TLS, 17 LEAP, 18 SIM, 21 TTLS, 23 AKA, 25 PEAP, 43 FAST)",
				required,
			}),
			string("UserName", { title: "User name" }),
			string("UserPassword", { title: "Password of the user", secret }),
			array(
				"PayloadCertificateAnchorUUID",
				string("CertificateAnchorUUID", { format: uuid, refersTo: "certificate" }),
				{ title: "Certificates that the server is trusted by" },
			),
			array("TLSTrustedCertificates", string("TLSTrustedCertificatesItem"), { title: "Trusted certificates" }),
			array("TLSTrustedServerNames", string("TLSTrustedServerName"), { title: "Names of trusted servers" }),
			boolean("TLSAllowTrustExceptions", {
				title: "May the person trust other servers?",
				on: "iOS removed 8.0",
				default: true,
			}),
			boolean("TLSCertificateIsRequired", {
				title: "Identity needed beside the password",
				on: "iOS 7.0",
				default: false,
			}),
			string("TTLSInnerAuthentication", {
				title: "Method inside TTLS",
				oneOf: ["PAP", "EAP", "CHAP", "MSCHAP", "MSCHAPv2"],
				default: "MSCHAPv2",
			}),
			string("TLSMinimumVersion", {
				title: "Oldest TLS",
				on: "iOS 11.0; macOS 10.13",
				oneOf: ["1.0", "1.1", "1.2", "1.3"],
				default: "1.0",
			}),
			string("TLSMaximumVersion", {
				title: "Newest TLS",
				on: "iOS 11.0; macOS 10.13",
				oneOf: ["1.0", "1.1", "1.2", "1.3"],
				default: "1.2",
			}),
			string("OuterIdentity", { title: "Name shown outside the tunnel" }),
			boolean("EAPFASTUsePAC", { title: "EAP-FAST: use a PAC", default: false }),
			boolean("EAPFASTProvisionPAC", { title: "EAP-FAST: fetch a PAC", default: false }),
			boolean("EAPFASTProvisionPACAnonymously", { title: "EAP-FAST: fetch it unverified", default: false }),
			integer("EAPSIMNumberOfRANDs", { title: "EAP-SIM: number of RANDs", on: "iOS 8.0", oneOf: [2, 3], default: 3 }),
			string("SystemModeCredentialsSource", { title: "System mode: where credentials come from" }),
			boolean("SystemModeUseOpenDirectoryCredentials", {
				title: "System mode: credentials of Open Directory",
				default: false,
			}),
			boolean("OneTimeUserPassword", {
				title: "Ask for the password every time",
				on: "iOS 8.0; macOS 10.8",
				default: false,
			}),
		],
		{ title: "Sign-in (802.1X)" },
	),
	string("DisplayedOperatorName", { title: "Operator shown (Passpoint)", on: "iOS 7.0; macOS 10.9" }),
	string("DomainName", { title: "Domain", on: "iOS 7.0; macOS 10.9" }),
	array("RoamingConsortiumOIs", string("RoamingConsortiumOI", { format: "^([0-9A-Za-z]{6})|([0-9A-Za-z]{9})$" }), {
		title: "Roaming consortia",
		on: "iOS 7.0; macOS 10.9",
	}),
	boolean("ServiceProviderRoamingEnabled", { title: "Roam to partners", on: "iOS 7.0; macOS 10.9", default: false }),
	boolean("IsHotspot", { title: "Passpoint network", on: "iOS 7.0; macOS 10.9", default: false }),
	string("HESSID", { title: "Homogeneous ESS identifier", on: "iOS 7.0" }),
	array("NAIRealmNames", string("NAIRealmName"), { title: "Realms (NAI)", on: "iOS 7.0; macOS 10.9" }),
	array("MCCAndMNCs", string("MCCAndMNC", { format: "^[0-9]{6}$" }), {
		title: "Mobile operators (MCC and MNC)",
		on: "iOS 7.0; macOS none",
	}),
	boolean("CaptiveBypass", { title: "Skip the sign-in page", on: "iOS 10.0; macOS none", default: false }),
	dictionary(
		"QoSMarkingPolicy",
		[
			array("QoSMarkingAllowListAppIdentifiers", string("appBundleID"), {
				title: "Apps that may mark traffic",
				on: "iOS 14.5; macOS 14.0",
			}),
			array("QoSMarkingWhitelistedAppIdentifiers", string("appBundleID"), {
				title: "Apps that may mark traffic (old name)",
				on: "iOS deprecated 14.5; macOS deprecated 14.0",
			}),
			boolean("QoSMarkingAppleAudioVideoCalls", { title: "Mark FaceTime calls", default: true }),
			boolean("QoSMarkingEnabled", { title: "Mark traffic", default: true }),
		],
		{ title: "Quality of service", on: "iOS 10.0; macOS 10.13" },
	),
	array("SetupModes", string("SetupModesItem", { oneOf: ["System", "Loginwindow"] }), {
		title: "Where the Mac signs in",
		on: "iOS none",
	}),
	boolean("EnableIPv6", { title: "Use IPv6", default: true }),
	boolean("TLSCertificateRequired", { default: false }),
	string("ProxyServer", { title: "Host of the proxy" }),
	integer("ProxyServerPort", { title: "Port of the proxy", range: { min: 0, max: 65535 } }),
	string("ProxyUsername", { title: "User name at the proxy" }),
	string("ProxyPassword", { title: "Password at the proxy", secret }),
	string("ProxyPACURL", { title: "Address of the proxy script" }),
	boolean("ProxyPACFallbackAllowed", { title: "Go direct when the script is away", default: false }),
	boolean("DisableAssociationMACRandomization", {
		title: "Show the true hardware address",
		on: "iOS 14.0; macOS 15.0",
		default: false,
	}),
]);

export const globalEthernet = payload(
	"com.apple.globalethernet.managed",
	"Ethernet",
	"iOS 17.0 once; macOS 10.13 once",
	[any("ANY")],
);
