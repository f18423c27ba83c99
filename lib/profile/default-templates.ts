/**
 * The templates that a new data directory starts with, as the text of their files: Wi-Fi with the client identity, a
 * web clip and the root certificate. Operators edit them; so they are written by hand and say what may be changed.
 */

export interface TemplateFile {
	/** File name in the templates' folder. */
	file: string;
	text: string;
}

function plistText(comment: string, body: string): string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${comment} -->
<plist version="1.0">
<dict>
${body}
</dict>
</plist>
`;
}

const wifi = plistText(
	`WPA2-Enterprise with EAP-TLS. SSID_STR: the network's name. The device signs in with the client identity, which is
     always part of the profile. Name your RADIUS servers in EAPClientConfiguration with TLSTrustedServerNames (array of
     names) and their root with PayloadCertificateAnchorUUID (array; \${payload.30-root} is our own root). -->
<!-- PayloadIdentifier, PayloadUUID and PayloadVersion are filled in. Delete a file to leave its payload out.`,
	`	<key>PayloadType</key>
	<string>com.apple.wifi.managed</string>
	<key>PayloadDisplayName</key>
	<string>Wi-Fi</string>
	<key>SSID_STR</key>
	<string>\${organization}</string>
	<key>HIDDEN_NETWORK</key>
	<false/>
	<key>AutoJoin</key>
	<true/>
	<key>ProxyType</key>
	<string>None</string>
	<key>EncryptionType</key>
	<string>WPA2</string>
	<key>EAPClientConfiguration</key>
	<dict>
		<key>AcceptEAPTypes</key>
		<array>
			<integer>13</integer>
		</array>
		<key>UserName</key>
		<string>\${user.email}</string>
		<key>TLSMinimumVersion</key>
		<string>1.2</string>
	</dict>
	<key>PayloadCertificateUUID</key>
	<string>\${identity.client}</string>`,
);

const webClip = plistText(
	"A link on the home screen.",
	`	<key>PayloadType</key>
	<string>com.apple.webClip.managed</string>
	<key>PayloadDisplayName</key>
	<string>Web clip</string>
	<key>PayloadDescription</key>
	<string>For \${user.name}, device \${device.serial}</string>
	<key>Label</key>
	<string>\${organization}</string>
	<key>URL</key>
	<string>\${baseUrl}/</string>
	<key>IsRemovable</key>
	<true/>
	<key>FullScreen</key>
	<false/>`,
);

const root = plistText(
	"The root certificate of this service. A variable that stands alone keeps its type: this string becomes data.",
	`	<key>PayloadType</key>
	<string>com.apple.security.root</string>
	<key>PayloadDisplayName</key>
	<string>Root certificate of \${organization}</string>
	<key>PayloadCertificateFileName</key>
	<string>root.cer</string>
	<key>PayloadContent</key>
	<string>\${certificate.root}</string>`,
);

/** In the order of their names. */
export const defaultTemplates: readonly TemplateFile[] = [
	{ file: "10-wifi.plist", text: wifi },
	{ file: "20-web-clip.plist", text: webClip },
	{ file: "30-root.plist", text: root },
];
