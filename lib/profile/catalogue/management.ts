/** The MDM payload: known so that it is told apart, and never delivered from here. */
import { array, boolean, integer, payload, string, uuid } from "./notation.ts";

const required = true;

export const mdm = payload("com.apple.mdm", "Device management (MDM)", "iOS 4.0 once; macOS 10.7 once", [
	string("IdentityCertificateUUID", { title: "Identity of the device", required, format: uuid, refersTo: "identity" }),
	string("Topic", { title: "Topic of push messages", required }),
	string("ServerURL", { title: "Address of the server", required, format: "^https://.*$" }),
	string("CheckInURL", { title: "Address for check-in", format: "^https://.*$" }),
	boolean("SignMessage", { default: false }),
	integer("AccessRights"),
	boolean("UseDevelopmentAPNS", { default: false }),
	string("ManagedAppleID", { on: "iOS 13.1 deprecated 17.0 removed 18.0; macOS 10.15 deprecated 14.0 removed 15.0" }),
	string("AssignedManagedAppleID", { on: "iOS 15.0; macOS 14.0" }),
	string("EnrollmentMode", { on: "iOS 15.0; macOS 14.0", oneOf: ["BYOD", "ADDE"] }),
	array(
		"ServerURLPinningCertificateUUIDs",
		string("ServerURLPinningCertificateUUIDsItem", { refersTo: "certificate" }),
		{ on: "iOS 13.4; macOS 10.13" },
	),
	array(
		"CheckInURLPinningCertificateUUIDs",
		string("CheckInURLPinningCertificateUUIDsItem", { refersTo: "certificate" }),
		{ on: "iOS 13.4; macOS 10.13" },
	),
	boolean("PinningRevocationCheckRequired", { on: "iOS 13.4; macOS 10.13", default: false }),
	array(
		"ServerCapabilities",
		string("ServerCapabilitiesItems", {
			oneOf: ["com.apple.mdm.per-user-connections", "com.apple.mdm.bootstraptoken", "com.apple.mdm.token"],
		}),
	),
	boolean("CheckOutWhenRemoved", { default: false }),
	integer("RequiredAppIDForMDM", { on: "iOS 15.1; macOS none" }),
	boolean("PromptUserToAllowBootstrapTokenForAuthentication", { on: "iOS none; macOS 11.0", default: false }),
]);
