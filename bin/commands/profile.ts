/** `ota profile lint`: what is wrong with a configuration profile, before a device finds it. */
import { parseArgs } from "node:util";
import { OtaError } from "../../lib/errors.ts";
import { isVersion } from "../../lib/profile/catalogue/form.ts";
import type { LintTarget } from "../../lib/profile/lint-finding.ts";
import { isFileError } from "../file-error.ts";
import { type LintRequest, lintFile } from "../profile-lint.ts";

const usage = `usage: ota profile lint FILE [--os iOS|macOS [--version X]] [--supervised] [--schema SCHEMA] [--json]

FILE is a .mobileconfig, signed or not (a signature is not judged). Without --os the profile is for iPhones and Macs alike, or for
what its TargetDeviceType says. SCHEMA is a file of "ota schema import". Exit code 1 when something stands against delivery;
warnings alone do not.
`;

export async function run(args: readonly string[]): Promise<number> {
	const request = readArguments(args);
	if (!request) {
		process.stderr.write(usage);
		return 2;
	}
	try {
		const { status, output, notes } = lintFile(request);
		process.stdout.write(output);
		process.stderr.write(notes);
		return status;
	} catch (error) {
		if (!(error instanceof OtaError) && !isFileError(error)) throw error;
		process.stderr.write(`${error.message}\n`);
		return 1;
	}
}

function readArguments(args: readonly string[]): LintRequest | null {
	const text = { type: "string" } as const;
	const flag = { type: "boolean", default: false } as const;
	try {
		const options = { os: text, version: text, schema: text, supervised: flag, json: flag };
		const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
		const [command, file, ...more] = positionals;
		if (command !== "lint" || !file || more.length > 0) return null;
		const target = readTarget(values);
		return target && { file, target, schema: values.schema, json: values.json };
	} catch {
		return null;
	}
}

interface TargetFlags {
	os?: string | undefined;
	version?: string | undefined;
	supervised: boolean;
}

/** A version without its system says nothing. */
function readTarget({ os, version, supervised }: TargetFlags): LintTarget | null {
	if (os !== undefined && os !== "iOS" && os !== "macOS") return null;
	if (version !== undefined && (os === undefined || !isVersion(version))) return null;
	return { ...(os && { os }), ...(version !== undefined && { version }), isSupervised: supervised };
}
