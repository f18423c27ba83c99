/** `ota revoke`: ends certificates for good, bars devices and people, and lifts such a bar. */
import { parseArgs } from "node:util";
import { asOperator } from "../operator.ts";
import { readReason, reasonNames } from "../revocation-reasons.ts";
import { liftBlock, revokeTarget } from "../revoke-target.ts";
import { readSerialNumber } from "../serial-number.ts";
import { usageRefusal } from "../usage.ts";

const usage = `usage: ota revoke --serial HEX [--reason NAME]
       ota revoke --device UDID-OR-SERIAL-NUMBER [--reason NAME]
       ota revoke --person SUBJECT-OR-EMAIL [--reason NAME]
       ota revoke --device ... | --person ...  --lift

Revokes one certificate, or all of a device or a person, who is barred from enrolling, renewing and fetching profiles until
the block is lifted (--lift). Certificates stay revoked. NAME, or its number, is one of RFC 5280's:
${reasonNames.join(", ")}.
Unless told: unspecified of a certificate, cessationOfOperation of a device, privilegeWithdrawn of a person.
`;
const refuse = usageRefusal(usage);

const defaultReasons = { serialNumber: 0, device: 5, person: 9 } as const;

/** The command; answers the exit code: 0 it is so now, 1 unknown or refused, 2 usage. */
export async function run(args: readonly string[]): Promise<number> {
	const flags = readFlags(args);
	if (flags?.help) {
		process.stdout.write(usage);
		return 0;
	}
	if (flags === null) return refuse("");
	const { serial, device, person, lift } = flags;
	const named = [serial, device, person].filter((value) => value !== undefined);
	if (named.length !== 1 || named[0]?.trim() === "") return refuse("Name one of --serial, --device and --person.");
	if (lift) {
		if (serial !== undefined) return refuse("A certificate stays revoked; --lift goes with --device or --person.");
		if (flags.reason !== undefined) return refuse("--lift takes no --reason.");
		const target = device === undefined ? { person: person ?? "" } : { device };
		return asOperator((operator) => liftBlock(operator, target));
	}
	const serialNumber = serial === undefined ? "" : readSerialNumber(serial);
	if (serialNumber === null) return refuse("--serial must be a serial number in hexadecimal digits.");
	const target = serial !== undefined ? { serialNumber } : device !== undefined ? { device } : { person: person ?? "" };
	const [kind] = Object.keys(target) as [keyof typeof defaultReasons];
	const reason = flags.reason === undefined ? defaultReasons[kind] : readReason(flags.reason);
	if (reason === null) return refuse(`--reason must be one of ${reasonNames.join(", ")}.`);
	if (reason === "hold") {
		process.stderr.write("Nothing is put on hold and nothing is ever unrevoked here: enroll again instead.\n");
		return 1;
	}
	return asOperator((operator) => revokeTarget(operator, target, reason));
}

function readFlags(args: readonly string[]) {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	const names = { serial: text, device: text, person: text, reason: text };
	try {
		const options = { ...names, lift: flag, help: { ...flag, short: "h" } } as const;
		return parseArgs({ args: [...args], options }).values;
	} catch {
		return null;
	}
}
