/** `ota schema import`: all payload types of a checkout of Apple's device-management repository, for `ota profile`. */
import { parseArgs } from "node:util";
import { OtaError } from "../../lib/errors.ts";
import { isFileError } from "../file-error.ts";
import { compileSchema, writeWhole } from "../schema-import.ts";

const usage = `usage: ota schema import DIR [-o FILE]

DIR is a checkout of Apple's device-management repository (github.com/apple/device-management), or a folder of its YAML.
The schema goes to FILE, or to standard output; "ota profile lint --schema FILE" reads it beside the built-in catalogue.
`;

export async function run(args: readonly string[]): Promise<number> {
	const options = readArguments(args);
	if (!options) {
		process.stderr.write(usage);
		return 2;
	}
	try {
		const { payloads, notes, file } = compileSchema(options.folder);
		for (const note of notes) process.stderr.write(`${note}\n`);
		if (options.output === undefined) process.stdout.write(file);
		else writeWhole(options.output, file);
		process.stderr.write(`${payloads.length} payload types.\n`);
		return 0;
	} catch (error) {
		if (!(error instanceof OtaError) && !isFileError(error)) throw error;
		process.stderr.write(`${error.message}\n`);
		return 1;
	}
}

function readArguments(args: readonly string[]): { folder: string; output: string | undefined } | null {
	try {
		const { values, positionals } = parseArgs({
			args: [...args],
			options: { output: { type: "string", short: "o" } },
			allowPositionals: true,
		});
		const [command, folder, ...more] = positionals;
		return command === "import" && folder && more.length === 0 ? { folder, output: values.output } : null;
	} catch {
		return null;
	}
}
