/** `ota ca devices`: who still has a live certificate of which issuing CA, so that one can be retired. */
import { parseArgs } from "node:util";
import { type Issuer, issuerInFile, listDevices, listGenerations } from "../ca-devices.ts";
import { asOperator } from "../operator.ts";
import { usageRefusal } from "../usage.ts";

const usage = `usage: ota ca devices [--json]
       ota ca devices --on CERTIFICATE.pem|HEX [--json]

Counts the live certificates of every issuing CA; with --on it lists those of one: of the CA in the file, or of the one whose
key's SHA-256 begins with HEX (8 digits or more, as in the addresses of its lists). An empty list: nobody is left.
`;
const refuse = usageRefusal(usage);

/** The command; answers the exit code: 0 done, an empty list as well; 2 usage. */
export async function run([what, ...args]: readonly string[]): Promise<number> {
	if (what === "--help" || what === "-h") {
		process.stdout.write(usage);
		return 0;
	}
	const flags = what === "devices" ? readFlags(args) : null;
	if (flags === null) return refuse("");
	const { on, json } = flags;
	if (on === undefined) return asOperator((operator) => listGenerations(operator, json));
	const issuer = readIssuer(on);
	if (issuer === null) return refuse(`--on ${JSON.stringify(on)} is neither a PEM certificate nor 8 to 64 hex digits.`);
	return asOperator((operator) => listDevices(operator, issuer, json));
}

function readIssuer(on: string): Issuer | null {
	if (/^[0-9a-f]{8,64}$/i.test(on)) return { keyHashBegins: on.toLowerCase() };
	return issuerInFile(on);
}

function readFlags(args: readonly string[]) {
	try {
		const options = { on: { type: "string" }, json: { type: "boolean", default: false } } as const;
		return parseArgs({ args: [...args], options }).values;
	} catch {
		return null;
	}
}
