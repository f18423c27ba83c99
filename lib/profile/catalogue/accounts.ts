/** Accounts beside mail: calendars, contacts, directories, Kerberos. */
import { array, boolean, dictionary, integer, payload, string } from "./notation.ts";

const required = true;
const secret = true;

export const calDav = payload("com.apple.caldav.account", "Calendar account (CalDAV)", "iOS 4.0; macOS 10.7", [
	string("CalDAVAccountDescription", { title: "Name of the account" }),
	string("CalDAVHostName", { title: "Server", required }),
	string("CalDAVUsername", { title: "User name" }),
	string("CalDAVPassword", { title: "Password", secret }),
	string("CalDAVPrincipalURL", { title: "Address of the principal" }),
	boolean("CalDAVUseSSL", { title: "TLS", default: true }),
	integer("CalDAVPort", { title: "Port" }),
	string("VPNUUID", { title: "VPN that it goes through", on: "iOS 14.0; macOS none", refersTo: "perAppVpn" }),
]);

export const cardDav = payload("com.apple.carddav.account", "Contacts account (CardDAV)", "iOS 4.0; macOS 10.7", [
	string("CardDAVAccountDescription", { title: "Name of the account" }),
	string("CardDAVHostName", { title: "Server", required }),
	string("CardDAVUsername", { title: "User name" }),
	string("CardDAVPassword", { title: "Password", secret }),
	string("CardDAVPrincipalURL", { title: "Address of the principal", on: "macOS none" }),
	boolean("CardDAVUseSSL", { title: "TLS", default: true }),
	integer("CardDAVPort", { title: "Port" }),
	dictionary(
		"CommunicationServiceRules",
		[
			dictionary("DefaultServiceHandlers", [string("AudioCall", { title: "App for calls" })], {
				title: "Default apps",
			}),
		],
		{ title: "Which apps calls are made with", on: "iOS 10.0; macOS none" },
	),
	string("VPNUUID", { title: "VPN that it goes through", on: "iOS 14.0; macOS none", refersTo: "perAppVpn" }),
]);

export const ldap = payload("com.apple.ldap.account", "Directory (LDAP)", "iOS 4.0; macOS 10.7", [
	string("LDAPAccountDescription", { title: "Name of the account" }),
	string("LDAPAccountHostName", { title: "Server", required }),
	string("LDAPAccountUserName", { title: "User name" }),
	string("LDAPAccountPassword", { title: "Password", secret }),
	boolean("LDAPAccountUseSSL", { title: "TLS", default: true }),
	array(
		"LDAPSearchSettings",
		dictionary("LDAPSearchSettingsItem", [
			string("LDAPSearchSettingDescription", { title: "Name of the search" }),
			string("LDAPSearchSettingSearchBase", { title: "Where the search begins", required }),
			string("LDAPSearchSettingScope", {
				title: "How deep it goes",
				oneOf: ["LDAPSearchSettingScopeBase", "LDAPSearchSettingScopeOneLevel", "LDAPSearchSettingScopeSubtree"],
				default: "LDAPSearchSettingScopeSubtree",
			}),
		]),
		{ title: "Searches" },
	),
	string("VPNUUID", { title: "VPN that it goes through", on: "iOS 14.0; macOS none", refersTo: "perAppVpn" }),
]);

export const subscribedCalendar = payload(
	"com.apple.subscribedcalendar.account",
	"Subscribed calendar",
	"iOS 4.0; macOS none",
	[
		string("SubCalAccountDescription", { title: "Name of the account" }),
		string("SubCalAccountHostName", { title: "Address of the calendar", required }),
		string("SubCalAccountUsername", { title: "User name" }),
		string("SubCalAccountPassword", { title: "Password", secret }),
		boolean("SubCalAccountUseSSL", { title: "TLS", default: false }),
		string("VPNUUID", { title: "VPN that it goes through", on: "iOS 14.0", refersTo: "perAppVpn" }),
	],
);

export const singleSignOn = payload("com.apple.sso", "Kerberos sign-in", "iOS 7.0 once; macOS none", [
	string("Name", { title: "Name", required }),
	dictionary(
		"Kerberos",
		[
			string("PrincipalName", { title: "Principal" }),
			string("PayloadCertificateUUID", { title: "Identity to sign in with", on: "iOS 8.0", refersTo: "identity" }),
			string("Realm", { title: "Realm", required }),
			array("URLPrefixMatches", string("URLPrefixMatchesItem"), { title: "For addresses that begin so" }),
			array("AppIdentifierMatches", string("AppIdentifierMatchesItem"), { title: "For these apps" }),
		],
		{ title: "Kerberos" },
	),
]);
