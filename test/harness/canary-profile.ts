// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/** A profile with a canary at every kind of secret, as files of an operator's; and files that are wrong beside a canary. */
import { type Canary, dataCanary, textCanary } from "./canaries.ts";
import type { OpenSsl } from "./openssl.ts";

type CanaryName =
	| ("wifi" | "enterprise" | "shared" | "incoming" | "outgoing" | "p12" | "p12Password")
	| ("token" | "nested" | "calendar" | "renewed");

/** Each a value of its own; the PKCS#12 is a real one, made by openssl. */
export function makeCanaries(openssl: OpenSsl): Record<CanaryName, Canary> {
	const p12Password = textCanary("password of the PKCS#12");
	return {
		wifi: textCanary("Wi-Fi password with marks of XML", (core) => `<a&b>"${core}']]>`),
		enterprise: textCanary("password of 802.1X, not ASCII", (core) => `Grüße-${core}-日本🔑`),
		shared: dataCanary("shared secret of the VPN"),
		incoming: textCanary("mail password"),
		outgoing: textCanary("mail password that looks like a variable", (core) => `\${user.email}-${core}-\${nobody}`),
		p12: dataCanary("PKCS#12", pkcs12(openssl, String(p12Password.value))),
		p12Password,
		token: textCanary("ApiToken of an unknown type", (core) => `\\n"${core}\\u0041`),
		nested: textCanary("ClientSecret inside of an unknown type"),
		calendar: textCanary("calendar password of a .mobileconfig", (core) => `${core}&<>`),
		renewed: textCanary("Wi-Fi password from standard input", (core) => ` ${core}+/=?ß `),
	};
}

function pkcs12(openssl: OpenSsl, password: string): Uint8Array {
	const [key, certificate, output] = ["ana.key", "ana.pem", "ana.p12"].map((name) => openssl.output(name)) as [
		string,
		string,
		string,
	];
	const request = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Ana"];
	openssl.run("req", ...request, "-keyout", key, "-out", certificate);
	const secret = openssl.file("ana.password", password);
	const from = ["-inkey", key, "-in", certificate, "-passout", `file:${secret}`];
	openssl.run("pkcs12", "-export", ...from, "-out", output);
	return openssl.read(output);
}

const text = ({ value }: Canary): string => JSON.stringify(value);
const binary = ({ value }: Canary): string =>
	`!!binary ${JSON.stringify(Buffer.from(value as Uint8Array).toString("base64"))}`;

/** For everyone; version 1 of the profile `canaries`. */
export const documentWith = (canaries: Record<CanaryName, Canary>): string => `name: canaries
for: everyone
profile:
  PayloadDisplayName: Canaries
payloads:
  - name: wifi
    payload:
      PayloadType: com.apple.wifi.managed
      SSID_STR: Office
      EncryptionType: WPA2
      Password: ${text(canaries.wifi)}
  - name: enterprise
    payload:
      PayloadType: com.apple.wifi.managed
      SSID_STR: Enterprise
      EncryptionType: WPA2
      EAPClientConfiguration:
        AcceptEAPTypes: [25]
        UserName: \${user.email}
        UserPassword: ${text(canaries.enterprise)}
  - name: vpn
    payload:
      PayloadType: com.apple.vpn.managed
      UserDefinedName: Office
      VPNType: IPSec
      IPSec:
        RemoteAddress: vpn.example.com
        AuthenticationMethod: SharedSecret
        SharedSecret: ${binary(canaries.shared)}
  - name: mail
    payload:
      PayloadType: com.apple.mail.managed
      EmailAccountType: EmailTypeIMAP
      EmailAddress: \${user.email}
      IncomingMailServerAuthentication: EmailAuthPassword
      IncomingMailServerHostName: imap.example.com
      IncomingMailServerUsername: \${user.email}
      IncomingPassword: ${text(canaries.incoming)}
      OutgoingMailServerAuthentication: EmailAuthPassword
      OutgoingMailServerHostName: smtp.example.com
      OutgoingMailServerUsername: \${user.email}
      OutgoingPassword: ${text(canaries.outgoing)}
  - name: identity
    payload:
      PayloadType: com.apple.security.pkcs12
      PayloadContent: ${binary(canaries.p12)}
      Password: ${text(canaries.p12Password)}
  - name: unknown
    payload:
      PayloadType: com.example.agent
      ApiToken: ${text(canaries.token)}
      Nested: [{ClientSecret: ${text(canaries.nested)}}]
`;

/** Unsigned, as Apple Configurator writes it, with the password of a calendar. */
export const mobileconfigWith = ({
	calendar,
}: Record<CanaryName, Canary>): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>PayloadType</key><string>Configuration</string>
<key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>com.example.calendar</string>
<key>PayloadUUID</key><string>7B2C9A10-6E0B-4E29-9F0C-0C7E6C1D2A31</string>
<key>PayloadDisplayName</key><string>Calendar</string>
<key>PayloadContent</key><array><dict>
<key>PayloadType</key><string>com.apple.caldav.account</string>
<key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>com.example.calendar.caldav</string>
<key>PayloadUUID</key><string>7B2C9A10-6E0B-4E29-9F0C-0C7E6C1D2A32</string>
<key>CalDAVHostName</key><string>calendar.example.com</string>
<key>CalDAVUsername</key><string>ana</string>
<key>CalDAVPassword</key><string>${String(calendar.value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}</string>
</dict></array>
</dict></plist>
`;

/** A file that is refused, with its canary. */
export interface WrongFile {
	name: string;
	content: string;
	canary: Canary;
}

const wifi = (password: string, more = "") => `name: wrong
for: everyone
payloads:
  - name: wifi
    payload:
      PayloadType: com.apple.wifi.managed
      SSID_STR: Office
      EncryptionType: WPA2
      Password: ${password}
${more}`;

const passwordAs =
	(write: (core: string) => string, more = "") =>
	(core: string) =>
		wifi(write(core), more);

const wrong: readonly [name: string, content: (core: string) => string][] = [
	["fails the lint", (core) => wifi(core).replace("WPA2", "WPA9")],
	["a list where a text is needed", passwordAs((core) => `[${core}]`)],
	["keys where a text is needed", passwordAs((core) => `{Inner: ${core}}`)],
	["a key twice", passwordAs((core) => core, "      Password: again\n")],
	["no closing quote", passwordAs((core) => `"${core}`)],
	["an escape that there is not", passwordAs((core) => `"\\q${core}"`)],
	["a text after the quotes", passwordAs((core) => `"a" ${core}`)],
	["an alias of nothing", passwordAs((core) => `*${core}`)],
	["a tag of nobody's", passwordAs((core) => `!${core}`)],
	["a tag of nobody's before a text", passwordAs((core) => `!x ${core}`)],
	["an anchor alone", passwordAs((core) => `&${core}`)],
	["a mark of YAML's at the front", passwordAs((core) => `@${core}`)],
	["a second colon", passwordAs((core) => `a: ${core}`)],
	["braces around it", passwordAs((core) => `{${core}}`)],
	["a brace at its front", passwordAs((core) => `{${core}`)],
	["a bracket at its front", passwordAs((core) => `[${core}`)],
	["a tab before it", (core) => wifi("").replace("Password: ", `\n\t${core}`)],
	["broken base64", passwordAs((core) => `!!binary "${core}*"`)],
	["a control character", passwordAs((core) => `"${core}\\u0001"`)],
	["a second document", (core) => `${wifi("x")}---\nPassword: ${core}\n`],
	["a directive", (core) => `%${core}\n---\n${wifi("x")}`],
	["indented too little", passwordAs((core) => `x\n   More: ${core}`)],
	["a date that is none", passwordAs((core) => `!!timestamp ${core}`)],
	["a secret in an unknown field", (core) => `${wifi("x")}password: ${core}\n`],
	["secrets with a value and not a version", (core) => `${wifi("x")}secrets:\n  wifi.Password: ${core}\n`],
];

const wrongProfiles: readonly [name: string, password: (core: string) => string][] = [
	["no closing tag", (core) => `<string>${core}</strin>`],
	["an entity of nobody's", (core) => `<string>&${core};</string>`],
	["a tag of nobody's", (core) => `<${core}>`],
	["an attribute", (core) => `<string a="${core}"></string>`],
	["broken base64", (core) => `<data>${core}*</data>`],
	["no number", (core) => `<integer>${core}</integer>`],
	["a text between", (core) => core],
];

export const wrongFiles = (): WrongFile[] => [
	...wrong.map(([name, content], index) => wrongFile(`wrong-${index}.yaml`, name, content)),
	...wrongProfiles.map(([name, password], index) =>
		wrongFile(`wrong-${index}.mobileconfig`, name, (core) =>
			mobileconfigWith({ calendar: textCanary("") } as Record<CanaryName, Canary>).replace(
				/(?<=<key>CalDAVPassword<\/key>)<string>.*<\/string>/,
				password(core),
			),
		),
	),
];

function wrongFile(name: string, what: string, content: (core: string) => string): WrongFile {
	const canary = textCanary(`${name}, ${what}`);
	return { name, content: content(String(canary.value)), canary };
}
