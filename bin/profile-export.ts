/** `ota profile export`: a version as YAML, or as a .mobileconfig for Apple's tools; its secrets by name alone. */
import { profileFromDocument } from "../lib/profile/document-file.ts";
import { secretNames } from "../lib/profile/document-secrets.ts";
import { propertyList } from "../lib/profile/property-list.ts";
import { asOperator, type Operator } from "./operator.ts";
import { printable } from "./printable.ts";
import { isYamlName } from "./profile-input.ts";
import { writeNewFile } from "./profile-new-file.ts";
import { asTyped, text } from "./profile-typed.ts";
import { documentOf, readVersion, stateOf, versionOf } from "./profile-versions.ts";
import { counted } from "./profile-words.ts";

const usage = `usage: ota profile export NAME [--version N] [--format yaml|mobileconfig] [-o FILE]

Version N (the newest unless told) as YAML, or as the .mobileconfig that Apple Configurator and others read, unsigned. It goes to
FILE, which only you may read and which must not be there yet, or to standard output. The ending of FILE (.yaml, .yml,
.mobileconfig) says which of the two it is, or --format; neither: YAML. Secrets stand in it by name alone, \${secret.NAME}:
"ota profile import" finds their values again in the database.

  ota profile export office -o office.yaml
  ota profile export office --format mobileconfig > office.mobileconfig
`;

const formats = ["yaml", "mobileconfig"] as const;
type Format = (typeof formats)[number];

interface ExportRequest {
	name: string;
	version: number | undefined;
	format: Format;
	output: string | undefined;
}

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(
		args,
		usage,
		{ version: text, format: text, output: { ...text, short: "o" } },
		({ flags, words: [name, ...more] }) => {
			if (!name || more.length > 0) return "Name one profile.";
			const version = flags.version === undefined ? undefined : readVersion(flags.version);
			if (version === null) return "--version is a number, as in: ota profile history NAME";
			const format = readFormat(flags);
			if ("fault" in format) return format.fault;
			return asOperator((operator) => exportProfile(operator, { name, version, ...format, output: flags.output }));
		},
	);

interface FormatFlags {
	format?: string | undefined;
	output?: string | undefined;
}

function readFormat({ format: typed, output = "" }: FormatFlags): { format: Format } | { fault: string } {
	const told = formats.find((each) => each === typed);
	if (typed !== undefined && !told) return { fault: `--format is ${formats.join(" or ")}.` };
	const named = isYamlName(output) ? "yaml" : /\.mobileconfig$/i.test(output) ? "mobileconfig" : undefined;
	if (told && named && told !== named) {
		return { fault: `--format ${told} goes into a file of that kind, and ${output} is named otherwise.` };
	}
	return { format: told ?? named ?? "yaml" };
}

async function exportProfile(
	{ store, tell }: Operator,
	{ name, format, output, ...wanted }: ExportRequest,
): Promise<0> {
	const version = wanted.version ?? (await stateOf(store, name)).latest;
	const found = await versionOf(store, name, version);
	const document = documentOf(found);
	const content = format === "yaml" ? found.document : propertyList(profileFromDocument(document));
	if (output === undefined) process.stdout.write(onTerminal(content));
	else await writeNewFile(output, () => content);
	const secrets = secretNames(document);
	tell(`${name}, version ${version}${output === undefined ? "" : `, is in ${output}`}.`);
	if (secrets.length > 0) tell(`${counted(secrets.length, "secret")} by name alone: ${secrets.join(", ")}.`);
	return 0;
}

/** A file keeps each character; a terminal must not obey any. */
function onTerminal(content: string | Uint8Array): string {
	const text = typeof content === "string" ? content : Buffer.from(content).toString("utf8");
	return process.stdout.isTTY ? text.split("\n").map(printable).join("\n") : text;
}
