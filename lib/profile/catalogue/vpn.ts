/** Virtual private networks: for the whole device, for single apps, and relays. */
import { any, array, boolean, data, dictionary, flag, integer, payload, string, uuid } from "./notation.ts";

const required = true;
const secret = true;

const onDemandRule = dictionary("OnDemandRulesElement", [
	string("Action", {
		title: "What to do",
		required,
		oneOf: ["Allow", "Connect", "Disconnect", "EvaluateConnection", "Ignore"],
	}),
	array(
		"ActionParameters",
		dictionary("ActionParameter", [
			array("Domains", string("DomainsElement"), { title: "Domains", required }),
			string("DomainAction", { title: "What to do", required, oneOf: ["ConnectIfNeeded", "NeverConnect"] }),
			array("RequiredDNSServers", string("RequiredDNSServersElement"), { title: "DNS servers to ask" }),
			string("RequiredURLStringProbe", { title: "Address that must answer" }),
		]),
		{ title: "More to evaluate" },
	),
	array("DNSDomainMatch", string("DNSDomainMatchElement"), { title: "Search domains" }),
	array("DNSServerAddressMatch", string("DNSServerAddressMatchElement"), { title: "DNS servers" }),
	string("InterfaceTypeMatch", { title: "Kind of network", oneOf: ["Ethernet", "WiFi", "Cellular"] }),
	array("SSIDMatch", string("SSIDMatchElement"), { title: "Wi-Fi networks" }),
	string("URLStringProbe", { title: "Address that must answer" }),
]);

const securityAssociation = [
	string("EncryptionAlgorithm", {
		title: "Encryption",
		oneOf: ["DES", "3DES", "AES-128", "AES-256", "AES-128-GCM", "AES-256-GCM", "ChaCha20Poly1305"],
		default: "AES-256",
	}),
	string("IntegrityAlgorithm", {
		title: "Integrity",
		oneOf: ["SHA1-96", "SHA1-160", "SHA2-256", "SHA2-384", "SHA2-512"],
		default: "SHA2-256",
	}),
	integer("DiffieHellmanGroup", {
		title: "Diffie-Hellman group",
		oneOf: [1, 2, 5, 14, 15, 16, 17, 18, 19, 20, 21, 31, 32],
		default: 14,
	}),
	integer("LifeTimeInMinutes", { title: "Renewed after (minutes)", range: { min: 10, max: 1440 }, default: 1440 }),
];

export const vpn = payload("com.apple.vpn.managed", "VPN", "iOS 4.0; macOS 10.7", [
	string("VPNType", {
		title: "Protocol",
		required,
		oneOf: ["VPN", "L2TP", "IPSec", "IKEv2", "AlwaysOn", "TransparentProxy"],
	}),
	string("VPNSubType", { title: "Bundle of the VPN app" }),
	string("UserDefinedName", { title: "Name shown", required }),
	dictionary(
		"VendorConfig",
		[string("Realm", { title: "Realm" }), string("Role"), string("Group"), string("LoginGroupOrDomain"), any("ANY")],
		{ title: "Settings of the vendor" },
	),
	dictionary(
		"VPN",
		[
			string("RemoteAddress", { title: "Server" }),
			string("AuthenticationMethod", {
				title: "Sign-in",
				oneOf: ["Password", "Certificate", "Password+Certificate"],
				default: "Password",
			}),
			string("PayloadCertificateUUID", { title: "Identity to sign in with", refersTo: "identity" }),
			string("Password", { title: "Password", secret }),
			string("ProviderBundleIdentifier", { title: "Bundle of the provider" }),
			string("ProviderDesignatedRequirement", { title: "Code signature of the provider", on: "iOS none; macOS 10.15" }),
			flag("DisconnectOnIdle", { title: "Disconnect when idle", default: 0 }),
			integer("DisconnectOnIdleTimer", { title: "Idle for (seconds)" }),
			string("ProviderType", {
				title: "Kind of tunnel",
				oneOf: ["packet-tunnel", "app-proxy"],
				default: "packet-tunnel",
			}),
			flag("IncludeAllNetworks", { title: "All traffic through the tunnel", on: "iOS 14.0; macOS 10.15", default: 0 }),
			flag("EnforceRoutes", { title: "Routes hold over local ones", on: "iOS 14.2; macOS 11.0", default: 0 }),
			flag("ExcludeLocalNetworks", { title: "Leave local networks out", on: "iOS 14.2; macOS 10.15" }),
			flag("ExcludeCellularServices", { title: "Leave mobile services out", on: "iOS 16.4; macOS 13.3", default: 1 }),
			flag("ExcludeAPNs", { title: "Leave push messages out", on: "iOS 16.4; macOS 13.3", default: 1 }),
			flag("ExcludeDeviceCommunication", { title: "Leave nearby devices out", on: "iOS 17.4; macOS 14.4", default: 1 }),
			flag("OnDemandEnabled", { title: "Connect on demand", default: 0 }),
			flag("OnDemandUserOverrideDisabled", {
				title: "The person cannot switch it off",
				on: "iOS 14.0; macOS none",
				default: 0,
			}),
			array("OnDemandMatchDomainsAlways", string("MatchDomainAlwaysElement"), {
				title: "Connect for these domains (old form)",
				on: "iOS deprecated 7.0",
			}),
			array("OnDemandMatchDomainsNever", string("MatchDomainNeverElement"), {
				title: "Never for these domains (old form)",
				on: "iOS deprecated 7.0",
			}),
			array("OnDemandMatchDomainsOnRetry", string("MatchDomainOnRetryElement"), {
				title: "For these domains when DNS fails (old form)",
				on: "iOS deprecated 7.0",
			}),
			array("OnDemandRules", onDemandRule, { title: "Rules for connecting" }),
		],
		{ title: "Settings of a VPN app" },
	),
	dictionary("IPv4", [flag("OverridePrimary", { title: "All traffic through the tunnel", default: 0 })], {
		title: "IPv4",
	}),
	dictionary(
		"PPP",
		[
			string("AuthName", { title: "User name" }),
			string("AuthPassword", { title: "Password", secret }),
			flag("TokenCard", { title: "Sign in with a token card", default: 0 }),
			string("CommRemoteAddress", { title: "Server" }),
			array(
				"AuthEAPPlugins",
				string("EAPPluginElement", { oneOf: ["EAP-RSA", "EAP-TLS", "EAP-KRB"], count: { min: 1, max: 1 } }),
				{ title: "EAP methods" },
			),
			array("AuthProtocol", string("AuthProtocolElement", { oneOf: ["EAP"], count: { min: 1, max: 1 } }), {
				title: "Sign-in protocols",
			}),
			flag("CCPMPPE40Enabled"),
			flag("CCPMPPE128Enabled"),
			flag("CCPEnabled"),
			flag("DisconnectOnIdle", { title: "Disconnect when idle", default: 0 }),
			integer("DisconnectOnIdleTimer", { title: "Idle for (seconds)" }),
		],
		{ title: "L2TP" },
	),
	dictionary(
		"IPSec",
		[
			string("RemoteAddress", { title: "Server" }),
			string("AuthenticationMethod", {
				title: "Sign-in",
				oneOf: ["SharedSecret", "Certificate"],
				default: "SharedSecret",
			}),
			string("XAuthName", { title: "User name" }),
			string("XAuthPassword", { title: "Password", secret }),
			flag("XAuthEnabled", { title: "Extended sign-in" }),
			string("XAuthPasswordEncryption", { title: "Ask for the password", oneOf: ["Prompt"] }),
			string("LocalIdentifier", { title: "Own identifier" }),
			string("LocalIdentifierType", { title: "Kind of identifier", oneOf: ["KeyID"], default: "KeyID" }),
			data("SharedSecret", { title: "Shared secret", secret }),
			string("PayloadCertificateUUID", { title: "Identity to sign in with", refersTo: "identity" }),
			boolean("PromptForVPNPIN", { title: "Ask for a PIN", default: false }),
			flag("DisconnectOnIdle", { title: "Disconnect when idle", default: 0 }),
			integer("DisconnectOnIdleTimer", { title: "Idle for (seconds)" }),
			flag("OnDemandEnabled", { title: "Connect on demand", default: 0 }),
			array("OnDemandMatchDomainsAlways", string("MatchDomainAlwaysElement"), {
				title: "Connect for these domains (old form)",
				on: "iOS deprecated 7.0",
			}),
			array("OnDemandMatchDomainsNever", string("MatchDomainNeverElement"), {
				title: "Never for these domains (old form)",
				on: "iOS deprecated 7.0",
			}),
			array("OnDemandMatchDomainsOnRetry", string("MatchDomainOnRetryElement"), {
				title: "For these domains when DNS fails (old form)",
				on: "iOS deprecated 7.0",
			}),
			array("OnDemandRules", onDemandRule, { title: "Rules for connecting" }),
		],
		{ title: "IPsec (Cisco)" },
	),
	dictionary(
		"IKEv2",
		[
			string("RemoteAddress", { title: "Server", required }),
			string("LocalIdentifier", { title: "Own identifier", required }),
			string("RemoteIdentifier", { title: "Server's identifier", required }),
			string("AuthenticationMethod", { title: "Sign-in", required, oneOf: ["None", "SharedSecret", "Certificate"] }),
			string("CertificateType", {
				title: "Kind of certificate",
				oneOf: ["RSA", "ECDSA256", "ECDSA384", "ECDSA521", "RSA-PSS"],
				default: "RSA",
			}),
			string("PayloadCertificateUUID", { title: "Identity to sign in with", refersTo: "identity" }),
			string("Password", { title: "Password", secret }),
			string("ProviderBundleIdentifier", { title: "Bundle of the provider" }),
			string("ProviderDesignatedRequirement", { title: "Code signature of the provider", on: "iOS none; macOS 10.15" }),
			string("SharedSecret", { title: "Shared secret", secret }),
			flag("ExtendedAuthEnabled", { title: "EAP as well", default: 0 }),
			string("AuthName", { title: "User name" }),
			string("AuthPassword", { title: "Password", secret }),
			flag("OnDemandEnabled", { title: "Connect on demand", default: 0 }),
			flag("OnDemandUserOverrideDisabled", {
				title: "The person cannot switch it off",
				on: "iOS 14.0; macOS none",
				default: 0,
			}),
			array("OnDemandRules", onDemandRule, { title: "Rules for connecting" }),
			string("DeadPeerDetectionRate", {
				title: "How often the server is checked",
				oneOf: ["None", "Low", "Medium", "High"],
				default: "Medium",
			}),
			string("ServerCertificateIssuerCommonName", { title: "Issuer of the server's certificate" }),
			string("ServerCertificateCommonName", { title: "Name in the server's certificate" }),
			string("TLSMinimumVersion", {
				title: "Oldest TLS",
				on: "iOS 11.0; macOS 10.13",
				oneOf: ["1.0", "1.1", "1.2"],
				default: "1.0",
			}),
			string("TLSMaximumVersion", {
				title: "Newest TLS",
				on: "iOS 11.0; macOS 10.13",
				oneOf: ["1.0", "1.1", "1.2"],
				default: "1.2",
			}),
			flag("UseConfigurationAttributeInternalIPSubnet", {
				title: "Take the server's subnets",
				on: "iOS 9.0",
				default: 0,
			}),
			flag("DisableMOBIKE", { title: "Without MOBIKE", on: "iOS 9.0", default: 0 }),
			flag("DisableRedirect", { title: "Without redirects", on: "iOS 9.0", default: 0 }),
			flag("DisconnectOnIdle", { title: "Disconnect when idle", default: 0 }),
			integer("DisconnectOnIdleTimer", { title: "Idle for (seconds)" }),
			flag("NATKeepAliveOffloadEnable", { title: "Keep-alive by hardware", on: "iOS 9.0", default: 1 }),
			integer("NATKeepAliveInterval", { title: "Keep-alive every (seconds)", on: "iOS 9.0", default: 20 }),
			flag("EnablePFS", { title: "Perfect forward secrecy", on: "iOS 9.0", default: 0 }),
			flag("EnableCertificateRevocationCheck", {
				title: "Check the server's certificate for revocation",
				on: "iOS 9.0",
				default: 0,
			}),
			flag("EnableFallback", { title: "Fall back to mobile data", on: "iOS 13.0; macOS none", default: 0 }),
			integer("MTU", {
				title: "Largest packet (octets)",
				on: "iOS 14.0; macOS 11.0",
				range: { min: 1280, max: 1400 },
				default: 1280,
			}),
			string("ProviderType", {
				title: "Kind of tunnel",
				oneOf: ["packet-tunnel", "app-proxy"],
				default: "packet-tunnel",
			}),
			flag("IncludeAllNetworks", { title: "All traffic through the tunnel", on: "iOS 14.0; macOS 10.15", default: 0 }),
			flag("EnforceRoutes", { title: "Routes hold over local ones", on: "iOS 14.2; macOS 11.0", default: 0 }),
			flag("ExcludeLocalNetworks", { title: "Leave local networks out", on: "iOS 14.2; macOS 10.15" }),
			flag("ExcludeCellularServices", { title: "Leave mobile services out", on: "iOS 16.4; macOS 13.3", default: 1 }),
			flag("ExcludeAPNs", { title: "Leave push messages out", on: "iOS 16.4; macOS 13.3", default: 1 }),
			flag("ExcludeDeviceCommunication", { title: "Leave nearby devices out", on: "iOS 17.4; macOS 14.4", default: 1 }),
			data("PPK", { title: "Post-quantum key", on: "iOS 18.0; macOS 15.0", secret }),
			string("PPKIdentifier", { title: "Identifier of the post-quantum key", on: "iOS 18.0; macOS 15.0" }),
			flag("PPKMandatory", { title: "Post-quantum key needed", on: "iOS 18.0; macOS 15.0", default: 1 }),
			dictionary("IKESecurityAssociationParameters", securityAssociation, {
				title: "Algorithms of the IKE association",
			}),
			dictionary("ChildSecurityAssociationParameters", securityAssociation, { title: "Algorithms of the traffic" }),
		],
		{ title: "IKEv2" },
	),
	dictionary(
		"DNS",
		[
			string("DNSProtocol", {
				title: "Transport of DNS",
				on: "iOS 14.0; macOS 11.0",
				required,
				oneOf: ["Cleartext", "HTTPS", "TLS"],
			}),
			string("ServerURL", { title: "Address of the server", on: "iOS 14.0; macOS 11.0" }),
			string("ServerName", { title: "Name of the server", on: "iOS 14.0; macOS 11.0" }),
			array("ServerAddresses", string("ServerAddressesElement"), {
				title: "Addresses of the servers",
				on: "iOS 10.0; macOS 10.12",
				required,
			}),
			array("SearchDomains", string("SearchDomainsElement"), { title: "Search domains", on: "iOS 10.0; macOS 10.12" }),
			string("DomainName", { title: "Domain", on: "iOS 10.0; macOS 10.12" }),
			array("SupplementalMatchDomains", string("SupplementalMatchDomainsElement"), {
				title: "For these domains",
				on: "iOS 10.0; macOS 10.12",
			}),
			flag("SupplementalMatchDomainsNoSearch", {
				title: "They are no search domains",
				on: "iOS 10.0; macOS 10.12",
				default: 0,
			}),
			string("PayloadCertificateUUID", {
				title: "Identity to sign in with",
				on: "iOS 16.0; macOS 13.0",
				format: uuid,
				refersTo: "identity",
			}),
		],
		{ title: "DNS" },
	),
	dictionary(
		"Proxies",
		[
			flag("ProxyAutoConfigEnable"),
			flag("ProxyAutoDiscoveryEnable", { default: 1 }),
			string("ProxyAutoConfigURLString"),
			array("SupplementalMatchDomains", string("SupplementalMatchDomainsElement"), { title: "For these domains" }),
			flag("HTTPEnable", { default: 0 }),
			string("HTTPProxy"),
			integer("HTTPPort", { range: { min: 0, max: 65535 } }),
			string("HTTPProxyUsername"),
			string("HTTPProxyPassword", { secret }),
			flag("HTTPSEnable", { default: 0 }),
			string("HTTPSProxy"),
			integer("HTTPSPort", { range: { min: 0, max: 65535 } }),
		],
		{ title: "Proxies" },
	),
	dictionary(
		"AlwaysOn",
		[
			flag("UIToggleEnabled", { title: "May be switched off", default: 0 }),
			array(
				"TunnelConfigurations",
				dictionary("TunnelConfigurationElement", [
					string("ProtocolType", { title: "Protocol", required, oneOf: ["IKEv2"] }),
					array("Interfaces", string("InterfacesElement", { oneOf: ["Cellular", "WiFi"] }), {
						title: "Over these networks",
					}),
				]),
				{ title: "Tunnels", required },
			),
			array(
				"ServiceExceptions",
				dictionary("ServiceExceptionElement", [
					string("ServiceName", {
						title: "Service",
						required,
						oneOf: ["VoiceMail", "AirPrint", "CellularServices", "DeviceCommunication"],
					}),
					string("Action", { title: "What to do", required, oneOf: ["Allow", "Drop"] }),
				]),
				{ title: "Services outside the tunnel" },
			),
			array(
				"ApplicationExceptions",
				dictionary("ApplicationExceptionElement", [
					string("BundleIdentifier", { title: "Bundle of the app", required }),
					array("LimitToProtocols", string("LimitToProtocolElement", { oneOf: ["UDP"] }), {
						title: "These protocols only",
					}),
				]),
				{ title: "Apps outside the tunnel", on: "iOS 13.6" },
			),
			flag("AllowCaptiveWebSheet", { title: "Hotspots' sign-in pages", default: 0 }),
			flag("AllowAllCaptiveNetworkPlugins", { title: "All hotspot apps", default: 0 }),
			array(
				"AllowedCaptiveNetworkPlugins",
				dictionary("AllowedCaptiveNetworkPluginElement", [
					string("BundleIdentifier", { title: "Bundle of the app", required }),
				]),
				{ title: "These hotspot apps" },
			),
		],
		{ title: "Always on", on: "iOS 8.0; macOS none" },
	),
	dictionary(
		"TransparentProxy",
		[
			string("AuthenticationMethod", {
				title: "Sign-in",
				oneOf: ["Password", "Certificate", "Password+Certificate"],
				default: "Password",
			}),
			flag("DisconnectOnIdle", { title: "Disconnect when idle", default: 0 }),
			integer("DisconnectOnIdleTimer", { title: "Idle for (seconds)" }),
			flag("EnforceRoutes", { title: "Routes hold over local ones", default: 0 }),
			flag("OnDemandEnabled", { title: "Connect on demand", default: 0 }),
			array("OnDemandRules", onDemandRule, { title: "Rules for connecting" }),
			string("PayloadCertificateUUID", { title: "Identity to sign in with", refersTo: "identity" }),
			string("Password", { title: "Password", secret }),
			string("ProviderBundleIdentifier", { title: "Bundle of the provider" }),
			string("ProviderDesignatedRequirement", { title: "Code signature of the provider" }),
			string("ProviderType", {
				title: "Kind of tunnel",
				oneOf: ["packet-tunnel", "app-proxy"],
				default: "packet-tunnel",
			}),
			integer("Order", { title: "Place among several" }),
		],
		{ title: "Transparent proxy", on: "iOS none; macOS 14.0" },
	),
]);

export const perAppVpn = payload("com.apple.vpn.managed.applayer", "VPN for single apps", "iOS 7.0; macOS 10.9", [
	string("VPNUUID", { title: "Name of this VPN for apps and accounts", required }),
	string("CellularSliceUUID", { title: "Mobile network slice", on: "iOS 18.0; macOS none" }),
	array("SafariDomains", string("SafariDomainsItem"), { title: "Domains in Safari" }),
	array("MailDomains", string("MailDomainsItem"), {
		title: "Domains in Mail",
		on: "iOS 13.0 deprecated 13.4; macOS 10.15",
	}),
	array("CalendarDomains", string("CalendarDomainsItem"), {
		title: "Domains in Calendar",
		on: "iOS 13.0 deprecated 13.4; macOS 10.15",
	}),
	array("ContactsDomains", string("ContactsDomainsItem"), {
		title: "Domains in Contacts",
		on: "iOS 13.0 deprecated 13.4; macOS 10.15",
	}),
	array("AssociatedDomains", string("AssociatedDomainsItem"), {
		title: "Associated domains",
		on: "iOS 14.0; macOS 11.0",
	}),
	array("ExcludedDomains", string("ExcludedDomainsItem"), { title: "Domains left out", on: "iOS 14.0; macOS 11.0" }),
	boolean("OnDemandMatchAppEnabled", { title: "Connect when an app needs it" }),
	array("SMBDomains", string("SMBDomainsItem"), { title: "Domains for file sharing", on: "iOS 13.0; macOS none" }),
]);

export const relay = payload("com.apple.relay.managed", "Network relays", "iOS 17.0; macOS 14.0", [
	array(
		"Relays",
		dictionary("Relay", [
			string("HTTP3RelayURL", { title: "Address by HTTP/3" }),
			string("HTTP2RelayURL", { title: "Address by HTTP/2" }),
			dictionary("AdditionalHTTPHeaderFields", [string("ANY", { secret })], { title: "Further header fields" }),
			string("PayloadCertificateUUID", { title: "Identity to sign in with", format: uuid, refersTo: "identity" }),
			array("RawPublicKeys", data("RawPublicKeysElement"), { title: "Public keys of the relay" }),
		]),
		{ title: "Relays", required },
	),
	array("MatchDomains", string("MatchDomainsElement"), { title: "For these domains" }),
	array("ExcludedDomains", string("ExcludedDomainsElement"), { title: "Domains left out" }),
	string("RelayUUID", { title: "Name of this relay" }),
]);
