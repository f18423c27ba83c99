/** Printers, AirPlay receivers, fonts. */
import { array, boolean, data, dictionary, integer, payload, string } from "./notation.ts";

const required = true;
const secret = true;

export const airPrint = payload("com.apple.airprint", "Printers", "iOS 7.0; macOS 10.10", [
	array(
		"AirPrint",
		dictionary("AirPrintItem", [
			string("IPAddress", { title: "Address", required }),
			string("ResourcePath", { title: "Path", required }),
			integer("Port", { title: "Port", on: "iOS 11.0; macOS none", range: { min: 0, max: 65535 } }),
			boolean("ForceTLS", { title: "TLS only", on: "iOS 11.0; macOS none", default: false }),
		]),
		{ title: "Printers", required },
	),
]);

const airPlayDevice = dictionary(
	"AllowListItem",
	[
		string("DeviceID", {
			title: "Hardware address",
			on: "iOS deprecated 18.0; macOS deprecated 15.0",
			format: "^([0-9A-Fa-f]{2}:){5}([0-9A-Fa-f]{2})$",
		}),
		string("DeviceName", { title: "Name", on: "iOS 18.0; macOS 15.0" }),
	],
	{ on: "iOS 7.0; macOS 10.10" },
);

export const airPlay = payload("com.apple.airplay", "AirPlay receivers", "iOS 7.0; macOS 10.10", [
	array("AllowList", airPlayDevice, { title: "Only these receivers", on: "iOS 14.5 supervised; macOS 11.3" }),
	array(
		"Passwords",
		dictionary("PasswordsItem", [
			string("DeviceName", { title: "Name", on: "macOS 15.0", required }),
			string("Password", { title: "Password", required, secret }),
			string("DeviceID", { title: "Hardware address", on: "iOS none; macOS deprecated 15.0" }),
		]),
		{ title: "Passwords of receivers" },
	),
	array("Whitelist", airPlayDevice, {
		title: "Only these receivers (old name)",
		on: "iOS deprecated 14.5 supervised; macOS deprecated 11.3",
	}),
]);

export const font = payload("com.apple.font", "Font", "iOS 7.0; macOS 10.9", [
	string("Name", { title: "Name", default: "" }),
	data("Font", { title: "Font file", required }),
]);
