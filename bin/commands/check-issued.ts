/** `ota check-issued`: verifies again everything that was ever issued, and the revocation lists. */
import { parseArgs } from "node:util";
import { checkIssued } from "../check-issued.ts";
import { asOperator } from "../operator.ts";

const usage = `usage: ota check-issued [--json]

Reads every certificate of the database and verifies it again: signature, serial number, dates, key, that it is what was
reserved, its lint, its state; then the revocation list of each issuing CA (OTA_CA_CERT, OTA_CA_OLD_CERT). Prints one line for
each finding: the serial number (or the list), "fault" or "lint", and what is wrong. Exit code 1 when there is one.
`;

/** The command; answers the exit code: 0 all is well, 1 something was found, 2 usage. */
export async function run(args: readonly string[]): Promise<number> {
	const flags = readFlags(args);
	if (flags?.help) process.stdout.write(usage);
	if (flags) return flags.help ? 0 : asOperator((operator) => checkIssued(operator, flags.json));
	process.stderr.write(usage);
	return 2;
}

function readFlags(args: readonly string[]) {
	const flag = { type: "boolean", default: false } as const;
	try {
		return parseArgs({ args: [...args], options: { json: flag, help: { ...flag, short: "h" } } }).values;
	} catch {
		return null;
	}
}
