/** `ota profile deliver`: the final profile of one device as a file that no other device can read. */

import type { EnrollContext } from "../lib/enroll/context.ts";
import { download } from "../lib/enroll/download.ts";
import { OtaError } from "../lib/errors.ts";
import { asOperator, type Operator } from "./operator.ts";
import { operatorContext } from "./operator-context.ts";
import { judgingProfiles } from "./profile-fault.ts";
import { writeNewFile } from "./profile-new-file.ts";
import { asTyped, text } from "./profile-typed.ts";

const usage = `usage: ota profile deliver --device UDID-OR-SERIAL -o FILE [--valid HOURS]

Writes what the device would get now to FILE (.mobileconfig), signed, and encrypted to the identity that the device got when it
enrolled: whoever else has the file can read nothing of it. Send it by mail or put it on a page; the device installs it over what it
has. The client identity in it can be fetched for HOURS (24 unless told, 720 at most). FILE must not be there yet. The HSM agent must run.

  ota profile deliver --device C39VK7XQ0D91 -o ana.mobileconfig --valid 48
`;

const mostHours = 720;

interface DeliverRequest {
	device: string;
	output: string;
	validHours: number;
}

export const run = (args: readonly string[]): Promise<number> =>
	asTyped(
		args,
		usage,
		{ device: text, output: { ...text, short: "o" }, valid: text },
		({ flags: { device = "", output = "", valid = "24" }, words }) => {
			if (words.length > 0 || device.trim() === "" || output === "") return "Name the device and the file.";
			const validHours = /^[1-9]\d{0,3}$/.test(valid) ? Number(valid) : mostHours + 1;
			if (validHours > mostHours) return `--valid is a number of hours from 1 to ${mostHours}.`;
			return asOperator((operator) =>
				deliver(operator, { device: device.trim(), output, validHours }, operatorContext),
			);
		},
	);

/** Answers the exit code. */
export async function deliver(
	operator: Operator,
	{ device, output, validHours }: DeliverRequest,
	contextOf: (operator: Operator) => Promise<EnrollContext>,
): Promise<0> {
	const { store, now, by, say, tell } = operator;
	const found = await store.findDevice(device, now);
	if (!found) throw new OtaError("not_found", `No device ${device} has enrolled here.`);
	const context = await contextOf(operator);
	// A delivery without its file would leave a challenge that nobody knows of.
	await writeNewFile(output, () => judgingProfiles(() => download(context, device, { validHours, by })));
	const { user, udid, device: attributes } = found.enrollment;
	const until = new Date(now.getTime() + validHours * 3_600_000).toISOString();
	say(
		`${output}  final profile  for ${user.email}  device ${attributes.SERIAL ?? udid}  client identity until ${until}`,
	);
	tell("Signed by this server; only that device can read it.");
	return 0;
}
