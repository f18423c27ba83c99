/** `ota profile lint`: what is wrong with a configuration profile, before a device finds it. */
import { OtaError } from "../lib/errors.ts";
import { isVersion } from "../lib/profile/catalogue/form.ts";
import type { LintTarget } from "../lib/profile/lint-finding.ts";
import { printable } from "./printable.ts";
import { lintFile } from "./profile-lint-file.ts";
import { asTyped, flag, text } from "./profile-typed.ts";

const usage = `usage: ota profile lint FILE [--os iOS|macOS [--version X]] [--supervised] [--schema SCHEMA] [--json]

FILE is a .mobileconfig, signed or not (a signature is not judged), a document (.yaml, .yml), or a template file (.plist: one payload
dictionary, as in profiles/ of the data directory). Without --os the profile is for iPhones and Macs alike, or for what its
TargetDeviceType says. SCHEMA is a file of "ota schema import". Exit code 1 when something stands against delivery; warnings
alone do not.

  ota profile lint office.mobileconfig --os iOS --version 18.1
  ota profile lint office.yaml --json
  ota profile lint .ota/profiles/wifi.plist
`;

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(
		args,
		usage,
		{ os: text, version: text, schema: text, supervised: flag, json: flag },
		({ flags, words: [file, ...more] }) => {
			if (!file || more.length > 0) return "Name one file.";
			const { schema, json = false } = flags;
			const target = readTarget(flags);
			return typeof target === "string" ? target : lint({ file, target, schema, json });
		},
	);

async function lint(request: Parameters<typeof lintFile>[0]): Promise<number> {
	try {
		const { status, output, notes } = lintFile(request);
		process.stdout.write(output);
		process.stderr.write(notes);
		return status;
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		process.stderr.write(`${printable(error.message)}\n`);
		return 1;
	}
}

interface TargetFlags {
	os?: string | undefined;
	version?: string | undefined;
	supervised?: boolean | undefined;
}

/** A version without its system says nothing. */
function readTarget({ os, version, supervised = false }: TargetFlags): LintTarget | string {
	if (os !== undefined && os !== "iOS" && os !== "macOS") return "--os is iOS or macOS.";
	if (version !== undefined && os === undefined) return "--version goes with --os.";
	if (version !== undefined && !isVersion(version)) return "--version is a number like 18.1.";
	return { ...(os && { os }), ...(version !== undefined && { version }), isSupervised: supervised };
}
