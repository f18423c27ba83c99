/** What stands around the payloads, and what every payload has. */
import { any, array, boolean, data, date, dictionary, integer, payload, real, string } from "./notation.ts";

const required = true;

export const profileKeys = payload("TopLevel", "Profile", "iOS 4.0 once; macOS 10.7 once", [
	string("PayloadIdentifier", { title: "Name that a newer version of it keeps", required }),
	string("PayloadUUID", { title: "UUID of this version", required }),
	string("PayloadType", { title: "Kind", required, oneOf: ["Configuration"] }),
	integer("PayloadVersion", { title: "Version of the form", required, oneOf: [1] }),
	boolean("IsEncrypted", { title: "Is the content encrypted?", default: false }),
	array("PayloadContent", dictionary("PayloadContentItem", [any("ANY")]), { title: "Payloads", required }),
	data("EncryptedPayloadContent", { title: "Encrypted payloads" }),
	string("PayloadDescription", { title: "Description shown" }),
	string("PayloadDisplayName", { title: "Name shown" }),
	boolean("HasRemovalPasscode", { title: "Is a passcode asked for removal?", default: false }),
	string("PayloadOrganization", { title: "Organization shown" }),
	boolean("PayloadRemovalDisallowed", { title: "Cannot be removed", on: "iOS supervised", default: false }),
	string("PayloadScope", { title: "For the Mac or for one user", on: "macOS 10.8", oneOf: ["System", "User"] }),
	date("RemovalDate", { title: "Removed on" }),
	real("DurationUntilRemoval", { title: "Removed after (seconds)" }),
	date("PayloadExpirationDate", { title: "Update offered from" }),
	integer("TargetDeviceType", {
		title: "Kind of device (0 any, 1 iPhone or iPad, 2 Watch, 3 HomePod, 4 TV, 5 Mac, 6 Vision)",
		on: "iOS 12.2; macOS 10.15",
		oneOf: [0, 1, 2, 3, 4, 5, 6],
		default: 0,
	}),
	// Apple's schema calls the texts an item of a list, which no device takes: each stands under its language, or `default`.
	dictionary("ConsentText", [string("ANY")], { title: "Text to agree to, by language" }),
]);

export const commonKeys = payload("CommonPayloadKeys", "Every payload", "iOS 4.0 once; macOS 10.7 once", [
	string("PayloadIdentifier", { title: "Name that a newer version of it keeps", required }),
	string("PayloadUUID", { title: "UUID of this version", required }),
	string("PayloadType", { title: "Kind", required }),
	integer("PayloadVersion", { title: "Version of the form", required, oneOf: [1] }),
	string("PayloadDescription", { title: "Description shown" }),
	string("PayloadDisplayName", { title: "Name shown" }),
	string("PayloadOrganization", { title: "Organization shown" }),
]);
