/** `ota approvals`: the requests that wait for an operator (OTA_APPROVAL), and what becomes of them. */
import { parseArgs } from "node:util";
import { decideApproval, listApprovals } from "../approvals.ts";
import { asOperator } from "../operator.ts";

const usage = `usage: ota approvals list [--json]
       ota approvals approve ID
       ota approvals refuse ID

Requests that wait (OTA_APPROVAL=manual or unknown): their ID, purpose, person, device, since when and until when. An approved
device fetches its certificate with its next poll.
`;

const decisions: ReadonlyMap<string, "approved" | "refused"> = new Map([
	["approve", "approved"],
	["refuse", "refused"],
]);

/** The command; answers the exit code: 0 done, 1 there is no such request to decide, 2 usage. */
export async function run([action = "", ...args]: readonly string[]): Promise<number> {
	const read = readArguments(args);
	if (action === "--help" || action === "-h") {
		process.stdout.write(usage);
		return 0;
	}
	const [id, ...more] = read?.ids ?? [];
	if (read && action === "list" && id === undefined)
		return asOperator((operator) => listApprovals(operator, read.json));
	const state = decisions.get(action);
	if (read && !read.json && state && id !== undefined && more.length === 0) {
		return asOperator((operator) => decideApproval(operator, id, state));
	}
	process.stderr.write(usage);
	return 2;
}

function readArguments(args: readonly string[]): { json: boolean; ids: string[] } | null {
	try {
		const options = { json: { type: "boolean", default: false } } as const;
		const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
		return { json: values.json, ids: positionals };
	} catch {
		return null;
	}
}
