/** Web clips, managed domains, and what of the web may be seen. */
import { any, array, boolean, data, dictionary, payload, string, uuid } from "./notation.ts";

const required = true;
const secret = true;

export const webClip = payload("com.apple.webClip.managed", "Web clip", "iOS 4.0; macOS 10.7", [
	boolean("Precomposed", { title: "Icon is shown as it is", on: "macOS none", default: false }),
	boolean("FullScreen", { title: "Full screen", on: "macOS none", default: false }),
	string("URL", { title: "Address", required }),
	data("Icon", { title: "Icon (PNG)" }),
	boolean("IsRemovable", { title: "May be removed", on: "macOS none", default: true }),
	string("Label", { title: "Label", required }),
	boolean("IgnoreManifestScope", {
		title: "Stay in full screen on other sites",
		on: "iOS 14.0; macOS none",
		default: false,
	}),
	string("TargetApplicationBundleIdentifier", { title: "App to open it with", on: "iOS 14.0; macOS none" }),
]);

export const domains = payload("com.apple.domains", "Managed domains", "iOS 8.0 once; macOS 10.10 once", [
	array("EmailDomains", string("EmailDomainsItem"), { title: "Own mail domains" }),
	array("WebDomains", string("WebDomainsItem"), { title: "Own web domains", on: "macOS none" }),
	array("SafariPasswordAutoFillDomains", string("SafariPasswordAutoFillDomainsItem"), {
		title: "Domains for saved passwords",
		on: "iOS 9.3 supervised; macOS none",
	}),
	array("CrossSiteTrackingPreventionRelaxedDomains", string("CrossSiteTrackingPreventionRelaxedDomainItem"), {
		title: "Domains exempt from tracking prevention",
		on: "iOS 16.2 supervised mdm; macOS 13.1 mdm",
	}),
]);

export const contentFilter = payload("com.apple.webcontent-filter", "Content filter", "iOS 7.0; macOS 10.15", [
	string("FilterType", { title: "Kind of filter", on: "iOS 8.0", oneOf: ["BuiltIn", "Plugin"], default: "BuiltIn" }),
	boolean("AutoFilterEnabled", { title: "Filter by itself", on: "macOS none", default: false }),
	array("PermittedURLs", string("PermittedURLItems"), { title: "Always permitted", on: "macOS none" }),
	array("BlacklistedURLs", string("BlacklistedURLItems"), {
		title: "Denied (old name)",
		on: "iOS deprecated 14.5; macOS none",
	}),
	array("DenyListURLs", string("DenyListURLItems"), { title: "Denied", on: "iOS 14.5; macOS none" }),
	boolean("HideDenyListURLs", { title: "Do not show what is denied", on: "iOS 18.0; macOS none", default: false }),
	array(
		"WhitelistedBookmarks",
		dictionary("WhitelistedBookmarksItem", [
			string("URL", { title: "Address", required }),
			string("Title", { title: "Title", required }),
		]),
		{ title: "Only these sites (old name)", on: "iOS deprecated 14.5; macOS none" },
	),
	array(
		"AllowListBookmarks",
		dictionary("AllowListBookmarksItem", [
			string("URL", { title: "Address", required }),
			string("Title", { title: "Title", required }),
		]),
		{ title: "Only these sites", on: "iOS 14.5; macOS none" },
	),
	string("UserDefinedName", { title: "Name shown" }),
	string("PluginBundleID", { title: "Bundle of the filter app" }),
	string("ServerAddress", { title: "Server" }),
	string("UserName", { title: "User name" }),
	string("Password", { title: "Password", secret }),
	string("PayloadCertificateUUID", { title: "Identity to sign in with", format: uuid, refersTo: "identity" }),
	string("Organization", { title: "Organization" }),
	dictionary("VendorConfig", [any("ANY")], { title: "Settings of the vendor" }),
	boolean("FilterBrowsers", { title: "Filter browsers", on: "macOS none", default: false }),
	boolean("FilterSockets", { title: "Filter sockets", default: false }),
	string("FilterDataProviderDesignatedRequirement", { title: "Code signature of the data filter", on: "iOS none" }),
	string("FilterDataProviderBundleIdentifier", { title: "Bundle of the data filter", on: "iOS none" }),
	boolean("FilterPackets", { title: "Filter packets", on: "iOS none", default: false }),
	string("FilterPacketProviderDesignatedRequirement", { title: "Code signature of the packet filter", on: "iOS none" }),
	string("FilterPacketProviderBundleIdentifier", { title: "Bundle of the packet filter", on: "iOS none" }),
	string("FilterGrade", {
		title: "Place among filters",
		on: "iOS none",
		oneOf: ["firewall", "inspector"],
		default: "firewall",
	}),
	string("ContentFilterUUID", { title: "Name of this filter", on: "iOS 16.0; macOS none" }),
]);

export const dnsSettings = payload("com.apple.dnsSettings.managed", "Encrypted DNS", "iOS 14.0; macOS 11.0", [
	dictionary(
		"DNSSettings",
		[
			string("DNSProtocol", { title: "Transport of DNS", required, oneOf: ["HTTPS", "TLS"] }),
			string("ServerURL", { title: "Address of the server" }),
			string("ServerName", { title: "Name of the server" }),
			array("ServerAddresses", string("ServerAddressesElement"), { title: "Addresses of the servers" }),
			array("SupplementalMatchDomains", string("SupplementalMatchDomainsElement"), { title: "For these domains" }),
		],
		{ title: "Settings", required },
	),
	array(
		"OnDemandRules",
		dictionary("OnDemandRulesElement", [
			string("Action", { title: "What to do", required, oneOf: ["Connect", "Disconnect", "EvaluateConnection"] }),
			array(
				"ActionParameters",
				dictionary("ActionParameter", [
					array("Domains", string("DomainsElement"), { title: "Domains", required }),
					string("DomainAction", { title: "What to do", required, oneOf: ["NeverConnect", "ConnectIfNeeded"] }),
				]),
				{ title: "More to evaluate" },
			),
			array("DNSDomainMatch", string("DNSDomainMatchElement"), { title: "Search domains" }),
			array("DNSServerAddressMatch", string("DNSServerAddressMatchElement"), { title: "DNS servers" }),
			string("InterfaceTypeMatch", { title: "Kind of network", oneOf: ["Ethernet", "WiFi", "Cellular"] }),
			array("SSIDMatch", string("SSIDMatchElement"), { title: "Wi-Fi networks" }),
			string("URLStringProbe", { title: "Address that must answer" }),
		]),
		{ title: "Rules for connecting" },
	),
	boolean("ProhibitDisablement", { title: "Cannot be switched off", default: false }),
	string("PayloadCertificateUUID", {
		title: "Identity to sign in with",
		on: "iOS 16.0; macOS 13.0",
		format: uuid,
		refersTo: "identity",
	}),
]);
