/** Mail: IMAP and POP, Exchange, Google. */
import { boolean, data, dictionary, integer, payload, string, uuid } from "./notation.ts";

const required = true;
const secret = true;

export const mail = payload("com.apple.mail.managed", "Mail account (IMAP, POP)", "iOS 4.0; macOS 10.7", [
	string("EmailAccountDescription", { title: "Name of the account" }),
	string("EmailAccountName", { title: "Name of the person" }),
	string("EmailAccountType", { title: "Protocol", required, oneOf: ["EmailTypeIMAP", "EmailTypePOP"] }),
	string("EmailAddress", { title: "E-mail address" }),
	string("IncomingMailServerAuthentication", {
		title: "Incoming: sign-in",
		required,
		oneOf: ["EmailAuthNone", "EmailAuthPassword", "EmailAuthCRAMMD5", "EmailAuthNTLM", "EmailAuthHTTPMD5"],
	}),
	string("IncomingMailServerHostName", { title: "Incoming: server", required }),
	integer("IncomingMailServerPortNumber", { title: "Incoming: port" }),
	boolean("IncomingMailServerUseSSL", { title: "Incoming: TLS", default: false }),
	string("IncomingMailServerUsername", { title: "Incoming: user name" }),
	string("IncomingPassword", { title: "Incoming: password", secret }),
	string("OutgoingPassword", { title: "Outgoing: password", secret }),
	boolean("OutgoingPasswordSameAsIncomingPassword", { title: "Outgoing: the same password", default: false }),
	string("OutgoingMailServerAuthentication", {
		title: "Outgoing: sign-in",
		required,
		oneOf: ["EmailAuthNone", "EmailAuthPassword", "EmailAuthCRAMMD5", "EmailAuthNTLM", "EmailAuthHTTPMD5"],
	}),
	string("OutgoingMailServerHostName", { title: "Outgoing: server", required }),
	integer("OutgoingMailServerPortNumber", { title: "Outgoing: port" }),
	boolean("OutgoingMailServerUseSSL", { title: "Outgoing: TLS", default: false }),
	string("OutgoingMailServerUsername", { title: "Outgoing: user name" }),
	boolean("PreventMove", { title: "Mails stay in this account", on: "iOS 5.0; macOS none", default: false }),
	boolean("PreventAppSheet", { title: "Other apps cannot send", on: "iOS 5.0; macOS none", default: false }),
	boolean("SMIMEEnabled", { title: "S/MIME (old form)", on: "iOS 5.0; macOS none", default: false }),
	boolean("SMIMESigningEnabled", { title: "S/MIME: sign", on: "iOS 10.0; macOS none", default: false }),
	string("SMIMESigningCertificateUUID", {
		title: "S/MIME: identity to sign with",
		on: "iOS 5.0; macOS none",
		format: uuid,
		refersTo: "identity",
	}),
	boolean("SMIMEEncryptionEnabled", {
		title: "S/MIME: encrypt (old form)",
		on: "iOS 10.0; macOS none",
		default: false,
	}),
	string("SMIMEEncryptionCertificateUUID", {
		title: "S/MIME: identity to encrypt for",
		on: "iOS 5.0; macOS none",
		format: uuid,
		refersTo: "identity",
	}),
	boolean("SMIMEEnablePerMessageSwitch", {
		title: "S/MIME: choice by message (old form)",
		on: "iOS 8.0 deprecated 10.0; macOS none",
		default: false,
	}),
	boolean("disableMailRecentsSyncing", { title: "Recent addresses stay on the device", on: "iOS 6.0", default: false }),
	boolean("allowMailDrop", { title: "Mail Drop", on: "iOS 9.2; macOS 10.12", default: false }),
	string("IncomingMailServerIMAPPathPrefix", { title: "Incoming: IMAP path" }),
	boolean("SMIMESigningUserOverrideable", {
		title: "S/MIME: signing is the person's choice",
		on: "iOS 12.0; macOS none",
		default: false,
	}),
	boolean("SMIMESigningCertificateUUIDUserOverrideable", {
		title: "S/MIME: the identity to sign with is the person's choice",
		on: "iOS 12.0; macOS none",
		default: false,
	}),
	boolean("SMIMEEncryptByDefault", {
		title: "S/MIME: encrypt unless told",
		on: "iOS 12.0; macOS none",
		default: false,
	}),
	boolean("SMIMEEncryptByDefaultUserOverrideable", {
		title: "S/MIME: encrypting is the person's choice",
		on: "iOS 12.0; macOS none",
		default: false,
	}),
	boolean("SMIMEEncryptionCertificateUUIDUserOverrideable", {
		title: "S/MIME: the identity to encrypt for is the person's choice",
		on: "iOS 12.0; macOS none",
		default: false,
	}),
	boolean("SMIMEEnableEncryptionPerMessageSwitch", {
		title: "S/MIME: choice by message",
		on: "iOS 12.0; macOS none",
		default: false,
	}),
	string("VPNUUID", { title: "VPN that it goes through", on: "iOS 14.0; macOS none", refersTo: "perAppVpn" }),
]);

export const exchange = payload("com.apple.eas.account", "Exchange account", "iOS 4.0; macOS none", [
	string("EmailAddress", { title: "E-mail address" }),
	string("Host", { title: "Server" }),
	boolean("SSL", { title: "TLS", default: false }),
	boolean("OAuth", { title: "Sign in by OAuth", on: "iOS 12.0", default: false }),
	string("UserName", { title: "User name" }),
	string("Password", { title: "Password", secret }),
	data("Certificate", { title: "Identity (PKCS #12)", on: "iOS 7.0", secret }),
	string("CertificateName", { title: "Name of the identity", on: "iOS 7.0" }),
	string("CertificatePassword", { title: "Password of the identity", secret }),
	boolean("PreventMove", { title: "Mails stay in this account", on: "iOS 5.0", default: false }),
	boolean("PreventAppSheet", { title: "Other apps cannot send", on: "iOS 5.0", default: false }),
	string("PayloadCertificateUUID", { title: "Identity to sign in with", format: uuid, refersTo: "identity" }),
	boolean("SMIMEEnabled", { title: "S/MIME (old form)", on: "iOS 5.0 deprecated 10.0", default: false }),
	boolean("SMIMESigningEnabled", { title: "S/MIME: sign", on: "iOS 10.3", default: false }),
	string("SMIMESigningCertificateUUID", {
		title: "S/MIME: identity to sign with",
		on: "iOS 5.0",
		format: uuid,
		refersTo: "identity",
	}),
	boolean("SMIMEEncryptionEnabled", {
		title: "S/MIME: encrypt (old form)",
		on: "iOS 10.3 deprecated 12.0",
		default: false,
	}),
	string("SMIMEEncryptionCertificateUUID", {
		title: "S/MIME: identity to encrypt for",
		on: "iOS 5.0",
		format: uuid,
		refersTo: "identity",
	}),
	boolean("SMIMEEnablePerMessageSwitch", {
		title: "S/MIME: choice by message (old form)",
		on: "iOS 8.0 deprecated 12.0",
		default: false,
	}),
	boolean("disableMailRecentsSyncing", { title: "Recent addresses stay on the device", default: false }),
	integer("MailNumberOfPastDaysToSync", {
		title: "Days of mail to fetch (0 all)",
		oneOf: [0, 1, 3, 7, 14, 31],
		default: 7,
	}),
	string("HeaderMagic", { title: "Header field of the vendor", on: "iOS deprecated 7.0" }),
	dictionary(
		"CommunicationServiceRules",
		[
			dictionary("DefaultServiceHandlers", [string("AudioCall", { title: "App for calls" })], {
				title: "Default apps",
			}),
		],
		{ title: "Which apps calls are made with", on: "iOS 10.0" },
	),
	boolean("allowMailDrop", { title: "Mail Drop", on: "iOS 9.2", default: false }),
	boolean("SMIMESigningUserOverrideable", {
		title: "S/MIME: signing is the person's choice",
		on: "iOS 12.0",
		default: false,
	}),
	boolean("SMIMESigningCertificateUUIDUserOverrideable", {
		title: "S/MIME: the identity to sign with is the person's choice",
		on: "iOS 12.0",
		default: false,
	}),
	boolean("SMIMEEncryptByDefault", { title: "S/MIME: encrypt unless told", on: "iOS 12.0", default: false }),
	boolean("SMIMEEncryptByDefaultUserOverrideable", {
		title: "S/MIME: encrypting is the person's choice",
		on: "iOS 12.0",
		default: false,
	}),
	boolean("SMIMEEncryptionCertificateUUIDUserOverrideable", {
		title: "S/MIME: the identity to encrypt for is the person's choice",
		on: "iOS 12.0",
		default: false,
	}),
	boolean("SMIMEEnableEncryptionPerMessageSwitch", {
		title: "S/MIME: choice by message",
		on: "iOS 12.0",
		default: false,
	}),
	boolean("EnableMail", { title: "Mail", on: "iOS 13.0", default: true }),
	boolean("EnableContacts", { title: "Contacts", on: "iOS 13.0", default: true }),
	boolean("EnableCalendars", { title: "Calendars", on: "iOS 13.0", default: true }),
	boolean("EnableReminders", { title: "Reminders", on: "iOS 13.0", default: true }),
	boolean("EnableNotes", { title: "Notes", on: "iOS 13.0", default: true }),
	boolean("EnableMailUserOverridable", { title: "Mail is the person's choice", on: "iOS 13.0", default: true }),
	boolean("EnableContactsUserOverridable", {
		title: "Contacts are the person's choice",
		on: "iOS 13.0",
		default: true,
	}),
	boolean("EnableCalendarsUserOverridable", {
		title: "Calendars are the person's choice",
		on: "iOS 13.0",
		default: true,
	}),
	boolean("EnableRemindersUserOverridable", {
		title: "Reminders are the person's choice",
		on: "iOS 13.0",
		default: true,
	}),
	boolean("EnableNotesUserOverridable", { title: "Notes are the person's choice", on: "iOS 13.0", default: true }),
	string("OAuthSignInURL", { title: "OAuth: address to sign in", on: "iOS 13.0" }),
	string("OAuthTokenRequestURL", { title: "OAuth: address for tokens", on: "iOS 13.0" }),
	boolean("OverridePreviousPassword", { title: "Replace the password that is there", on: "iOS 14.0", default: false }),
	string("VPNUUID", { title: "VPN that it goes through", on: "iOS 14.0", refersTo: "perAppVpn" }),
]);

export const google = payload("com.apple.google-oauth", "Google account", "iOS 9.3; macOS none", [
	string("AccountDescription", { title: "Name of the account" }),
	string("AccountName", { title: "Name of the person" }),
	string("EmailAddress", { title: "E-mail address", required }),
	dictionary(
		"CommunicationServiceRules",
		[
			dictionary("DefaultServiceHandlers", [string("AudioCall", { title: "App for calls" })], {
				title: "Default apps",
			}),
		],
		{ title: "Which apps calls are made with", on: "iOS 10.0" },
	),
	string("VPNUUID", { title: "VPN that it goes through", on: "iOS 14.0", refersTo: "perAppVpn" }),
]);
