/**
 * The files that people hand in, for the fuzz: the readers of profiles, documents and schema files, good ones of each, ways
 * to bend them, and the largest of every kind that is nothing but a burden.
 */
import { isDeepStrictEqual } from "node:util";
import { builtInCatalogue } from "../../lib/profile/catalogue/built-in.ts";
import { readSchemaFile, writeSchemaFile } from "../../lib/profile/catalogue/schema-file.ts";
import { documentFromProfile, profileFromDocument } from "../../lib/profile/document-file.ts";
import { documentYaml, readDocumentYaml } from "../../lib/profile/document-yaml.ts";
import { readProfileFile } from "../../lib/profile/profile-file.ts";
import { propertyList } from "../../lib/profile/property-list.ts";
import { readPropertyList } from "../../lib/profile/property-list-reader.ts";
import { buildSignedData, type SignerOptions } from "../device/index.ts";
import type { Seeded } from "../harness/seeded.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

/** What was read is written, and read again as the same. */
function again(yaml: string): void {
	const document = readDocumentYaml(yaml);
	if (!isDeepStrictEqual(readDocumentYaml(documentYaml(document)), document))
		throw new Error("read as another document");
}

/** Each gives a value or an OtaError of `fileCodes`. */
export const fileReaders: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
	readPropertyList,
	readProfileFile: (bytes) => profileFromDocument(documentFromProfile(readProfileFile(bytes).profile, "x")),
	readSchemaFile: (bytes) => readSchemaFile(text(bytes)),
	readDocumentYaml: (bytes) => again(text(bytes)),
};
export const fileCodes: readonly string[] = ["malformed", "too_large", "config"];

const profile = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- a comment -->
<plist version="1.0"><dict>
	<key>PayloadType</key><string>Configuration</string>
	<key>PayloadVersion</key><integer>1</integer>
	<key>PayloadIdentifier</key><string>com.example</string>
	<key>PayloadUUID</key><string>7f3b&#45;1&amp;<![CDATA[<2>]]></string>
	<key>RemovalDate</key><date>2027-02-28T08:30:00Z</date>
	<key>PayloadContent</key><array><dict>
		<key>PayloadType</key><string>com.apple.wifi.managed</string>
		<key>SSID_STR</key><string>Office</string><key>Real</key><real>-1.5e3</real>
		<key>PayloadContent</key><data>AQID BA==</data><key>Empty</key><dict/><key>Off</key><false />
	</dict></array>
</dict></plist>
`;

const document = `# comment
name: office
priority: 5
for: [{group: [staff, it], os: ">=17.2 <19"}, {claim: {floor: [1, two, true]}}]
except:
  - device: C39VK7XQ0D91
    model: "iPhone15,*"
updateAfterDays: 30
profile:
  PayloadDisplayName: "a\\u00e9\\"b"
  RemovalDate: 2027-02-28T08:30:00Z
  ConsentText: &consent
    default: |-
      two
      lines
    en: >
      folded
      lines
payloads:
  - name: wifi
    for: [{user: [alice@example.com], platform: [iPhone, Mac]}]
    payload:
      PayloadType: com.apple.wifi.managed
      Password: \${secret.wifi.Password}
      List: [1, -2.5, true, 'single '' quotes', 0x1F]
      Data: !!binary AQIDBA==
      Again: *consent
secrets: {wifi.Password: 1}
`;

const someSchema = [...builtInCatalogue.payloads.values()].filter((_, at) => at % 11 === 0);

/** Good ones, and good ones in another's form. */
export function fileSeeds(signer: SignerOptions): Uint8Array[] {
	const xml = Buffer.from(profile);
	const known = readDocumentYaml(documentYaml(documentFromProfile(readProfileFile(xml).profile, "imported")));
	const signed = { content: xml, signers: [signer], certificates: [signer.certificate] };
	return [
		xml,
		buildSignedData(signed),
		buildSignedData({ ...signed, encoding: "der" }),
		propertyList(profileFromDocument(known)),
		Buffer.from(document),
		Buffer.from(documentYaml(known)),
		Buffer.from(JSON.stringify(profileFromDocument(known))),
		Buffer.from(writeSchemaFile(someSchema)),
	];
}

const marks = [
	...[
		"<",
		"&",
		"&#x110000;",
		"&#0;",
		"&#xD800;",
		"]]>",
		"<!--",
		"-->",
		"--",
		"<![CDATA[",
		"<!ENTITY",
		"</dict>",
		"<dict>",
	],
	...["<array>", "<array/>", "<data>", "<key>", "<key>__proto__</key>", "<integer>", "<date>", "<true>", "</plist>"],
	...[
		'"',
		"'",
		"{",
		"}",
		"[",
		"]",
		",",
		":",
		": ",
		"\n",
		"\r",
		"\t",
		"  ",
		"\u0000",
		"\ud800",
		"\ufeff",
		"\u2028",
		"\ufffe",
	],
	...[
		"- ",
		"? ",
		"| ",
		"> ",
		"|9\n",
		"# ",
		"&a ",
		"*a ",
		"*outer",
		"!!binary ",
		"!!set ",
		"!!timestamp ",
		"!t ",
		"<<: ",
		"%YAML 1.1\n",
	],
	...[
		"---\n",
		"...\n",
		"~",
		"null",
		"true",
		"1e400",
		"-0",
		"0x1F",
		"9007199254740993",
		".nan",
		"2027-02-31",
		"2027-02-28T25:00:00Z",
	],
	...["__proto__", "constructor", "toString", "\\u0000", "\\ud800", "\\x", "\\"],
	...[
		'{"toString":1,"valueOf":1}',
		"[]",
		"{}",
		'"of":"d0",',
		'"format":"(",',
		'"type":null,',
		"[[[[[[[[",
		'{"a":{"b":',
	],
];

/** One of the seeds with marks put in, pieces taken out, doubled, or brought from another seed. */
export function fileInput(seeds: readonly Uint8Array[], random: Seeded): Uint8Array {
	let bytes = Buffer.from(random.pick(seeds));
	for (let times = random.below(4); times >= 0; times--) bytes = bent(bytes, seeds, random);
	return bytes;
}

function bent(bytes: Buffer, seeds: readonly Uint8Array[], random: Seeded): Buffer<ArrayBuffer> {
	const at = random.below(bytes.length + 1);
	const end = Math.min(bytes.length, at + random.below(random.next() < 0.5 ? 4 : 200));
	const other = Buffer.from(random.pick(seeds));
	const from = random.below(other.length);
	const inserted = [
		() => Buffer.from(random.pick(marks).repeat(random.next() < 0.9 ? 1 : 1 + random.below(300))),
		() => Buffer.concat([bytes.subarray(at, end), bytes.subarray(at, end)]),
		() => Buffer.alloc(0),
		() => other.subarray(from, from + random.below(200)),
		() => Buffer.from(random.bytes(random.below(6))),
	];
	return Buffer.concat([bytes.subarray(0, at), random.pick(inserted)(), bytes.subarray(end)]);
}

const burden = (reader: keyof typeof fileReaders, what: string, make: () => string) => [reader, what, make] as const;
const inPlist = (body: string): string => profile.replace("<dict>", `<dict>${body}`);
const schema = (keys: string): string =>
	`{"form":"next-ota payload schema 1","payloads":[],"definitions":{"d0":[${keys}]}}`;
const most = 4 * 1024 * 1024;
const filled = (part: string, length = most - 2000): string => part.repeat(Math.floor(length / part.length));

/** As much as may be of what is nothing but a burden, by the reader that has to bear it. */
export const burdens: readonly (readonly [reader: keyof typeof fileReaders, what: string, () => string])[] = [
	...["<", "&", " ", "\n", "<!--", "<!-- -->", "<![CDATA[", "<array>", "<dict><key>a</key>", "&amp;", "]]>"].map(
		(part) => burden("readProfileFile", `4 MiB of ${JSON.stringify(part)}`, () => inPlist(filled(part))),
	),
	burden("readProfileFile", "a DOCTYPE of 4 MiB of blanks", () => `<!DOCTYPE plist${filled(" ")}`),
	burden("readProfileFile", "a declaration of 4 MiB of blanks", () => `<?xml${filled(" ")}`),
	burden("readProfileFile", "a plist tag of 4 MiB of blanks", () => `<plist${filled(" ")}`),
	burden("readProfileFile", "4 MiB of CDATA", () => inPlist(`<key>a</key><string>${filled("<![CDATA[]]>")}`)),
	burden("readProfileFile", "4 MiB of references", () => inPlist(`<key>a</key><string>${filled("&#65;")}`)),
	burden("readProfileFile", "data of 4 MiB of line ends", () => inPlist(`<key>a</key><data>${filled("A\n")}</data>`)),
	burden("readProfileFile", "a number of 4 MiB", () => inPlist(`<key>a</key><integer>${filled("1")}</integer>`)),
	...[
		"[",
		"{",
		"- ",
		"? ",
		": ",
		"'",
		'"',
		"&a ",
		"*a ",
		"!a ",
		"!!binary ",
		"a: ",
		"a\n",
		"\n",
		"#",
		"| ",
		">\n",
		"%",
		"---\n",
	].map((part) => burden("readDocumentYaml", `4 MiB of ${JSON.stringify(part)}`, () => filled(part))),
	burden("readDocumentYaml", "45,000 keys", () => keys(45_000)),
	burden("readDocumentYaml", "aliases of aliases", () => bomb(30)),
	burden("readSchemaFile", "16 MiB of lists in lists", () => `{"form":${filled("[", 4 * most - 100)}`),
	burden("readSchemaFile", "500,000 keys", () =>
		schema(filled('{"key":"a","type":"string"},', 14_000_000).slice(0, -1)),
	),
];

const keys = (count: number): string => Array.from({ length: count }, (_, at) => `k${at}: 1`).join("\n");
const bomb = (levels: number): string =>
	Array.from({ length: levels }, (_, at) => `k${at}: &a${at} [${at ? `*a${at - 1}, *a${at - 1}` : "x, x"}]`).join("\n");
