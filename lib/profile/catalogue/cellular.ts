/** Mobile networks. */
import { array, boolean, data, dictionary, integer, payload, real, string } from "./notation.ts";

const required = true;
const secret = true;

export const cellular = payload("com.apple.cellular", "Mobile network", "iOS 7.0 once; macOS none", [
	dictionary(
		"AttachAPN",
		[
			string("Name", { title: "Name", required }),
			string("AuthenticationType", { title: "Sign-in", oneOf: ["CHAP", "PAP"], default: "PAP" }),
			string("Username", { title: "User name" }),
			string("Password", { title: "Password", secret }),
			integer("AllowedProtocolMask", { title: "Protocols (1 IPv4, 2 IPv6, 3 both)", on: "iOS 10.3", oneOf: [1, 2, 3] }),
		],
		{ title: "Access point at power-on" },
	),
	array(
		"APNs",
		dictionary("APNsItem", [
			string("Name", { title: "Name", required }),
			string("AuthenticationType", { title: "Sign-in", oneOf: ["CHAP", "PAP"], default: "PAP" }),
			string("Username", { title: "User name" }),
			string("Password", { title: "Password", secret }),
			string("ProxyServer", { title: "Host of the proxy" }),
			integer("ProxyPort"),
			integer("DefaultProtocolMask", {
				title: "Protocols (old form)",
				on: "iOS 10.3 deprecated 11.0",
				oneOf: [1, 2, 3],
			}),
			integer("AllowedProtocolMask", { title: "Protocols (1 IPv4, 2 IPv6, 3 both)", on: "iOS 10.3", oneOf: [1, 2, 3] }),
			integer("AllowedProtocolMaskInRoaming", { title: "Protocols while roaming", on: "iOS 10.3", oneOf: [1, 2, 3] }),
			integer("AllowedProtocolMaskInDomesticRoaming", {
				title: "Protocols while roaming at home",
				on: "iOS 10.3",
				oneOf: [1, 2, 3],
			}),
			boolean("EnableXLAT464", { title: "464XLAT", on: "iOS 16.0", default: false }),
		]),
		{ title: "Access points" },
	),
]);

export const privateCellular = payload(
	"com.apple.cellularprivatenetwork.managed",
	"Private mobile network",
	"iOS 17.0; macOS none",
	[
		array(
			"Geofences",
			dictionary("GeofenceItem", [
				real("Longitude", { title: "Longitude", required, range: { min: -180, max: 180 } }),
				real("Latitude", { title: "Latitude", required, range: { min: -90, max: 90 } }),
				real("Radius", { title: "Radius (metres)", required, range: { min: 100, max: 6500 } }),
				string("GeofenceId", { title: "Name of the place", required }),
			]),
			{ title: "Places" },
		),
		string("DataSetName", { title: "Name of the network", required }),
		string("VersionNumber", { title: "Version", required }),
		boolean("CellularDataPreferred", { title: "Prefer it to Wi-Fi", default: false }),
		boolean("EnableNRStandalone", { title: "5G standalone", default: false }),
		string("NetworkIdentifier", { on: "iOS 18.0" }),
		string("CsgNetworkIdentifier", { title: "Closed subscriber group", on: "iOS 18.0" }),
	],
);

export const accessPoint = payload(
	"com.apple.apn.managed",
	"Access point (old form)",
	"iOS 4.0 deprecated 7.0 once; macOS none",
	[
		dictionary(
			"DefaultsData",
			[
				array(
					"apns",
					dictionary("apnsItem", [
						string("apn", { title: "Name", required }),
						string("username"),
						data("password", { secret }),
						string("proxy"),
						integer("proxyPort", { title: "Port of the proxy" }),
					]),
					{ title: "Access points", required },
				),
			],
			{ title: "Settings", required },
		),
		string("DefaultsDomainName", { title: "Fixed name", required, oneOf: ["com.apple.managedCarrier"] }),
	],
);
