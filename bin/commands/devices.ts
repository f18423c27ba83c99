/** `ota devices`: which devices may enroll (the allow list), and which may not, before they ever come. */
import { devicesFromCsv, type NamedDevice, typedDevices } from "../devices-list.ts";
import { allowDevices, blockDevices, listDevices, removeDevices } from "../devices-write.ts";
import { asOperator, type Operator } from "../operator.ts";
import { asTyped, flag, text } from "../profile-typed.ts";
import { readReason, reasonNames } from "../revocation-reasons.ts";

const usage = `usage: ota devices list [--json]
       ota devices allow VALUE... [--note TEXT]        ota devices allow --csv FILE [--note TEXT]
       ota devices remove VALUE...                     ota devices remove --csv FILE
       ota devices block VALUE... [--reason NAME]      ota devices block --csv FILE [--reason NAME]

VALUE is a UDID or a serial number, in any case. The allow list counts where the policy asks for it (OTA_DEVICES=listed):
devices that are not on it do not enroll. A block counts always, also of devices that nobody has seen yet; it revokes nothing
("ota revoke --device" does), and is lifted by "ota revoke --device VALUE --lift". NAME is one of RFC 5280's:
${reasonNames.join(", ")}; cessationOfOperation unless told.

FILE is a list from a spreadsheet, separated by commas or semicolons: the UDID or serial number first, then a note; 100,000 lines
at most, a header line is known as one. When any line is wrong, all wrong ones are told and nothing is written.

  ota devices allow C39VK7XQ0D91 --note "Ana's iPhone"
  ota devices allow --csv stock.csv --note "delivery of May"
  ota devices block --csv stolen.csv --reason keyCompromise
`;

const typedFlags = { csv: text, note: text, reason: text, json: flag };
const stopped = 5;
const withList = { allow: allowDevices, remove: removeDevices } as const;
type Work = (operator: Operator, devices: readonly NamedDevice[]) => Promise<0 | 1>;

/** The command; answers the exit code: 0 done, 1 refused or nothing to remove, 2 usage. */
export const run = (args: readonly string[]): Promise<number> =>
	asTyped(args, usage, typedFlags, ({ flags, words: [verb = "", ...values] }) => {
		const { csv, note, reason, json = false } = flags;
		if (verb === "list") {
			if (values.length > 0 || csv) return "list takes no devices.";
			return asOperator((operator) => listDevices(operator, json));
		}
		if (json) return "--json goes with list.";
		const work = workOf(verb, reason);
		if (typeof work === "string") return work;
		if (note !== undefined && verb !== "allow") return "--note goes with allow.";
		if (note !== undefined && note.length > 500) return "--note has 500 characters at most.";
		if ((csv === undefined) === (values.length === 0)) return "Name devices, or one list with --csv.";
		return asOperator((operator) => {
			const devices = csv === undefined ? typedDevices(values, note ?? "") : devicesFromCsv(csv, note ?? "");
			return work(operator, devices);
		});
	});

function workOf(verb: string, reason: string | undefined): Work | string {
	if (verb === "block") {
		const number = reason === undefined ? stopped : readReason(reason);
		if (number === null || number === "hold") return `--reason must be one of ${reasonNames.join(", ")}.`;
		return (operator, devices) => blockDevices(operator, devices, number);
	}
	if (verb !== "allow" && verb !== "remove") return verb === "" ? "" : `There is no verb ${JSON.stringify(verb)}.`;
	return reason === undefined ? withList[verb] : "--reason goes with block.";
}
