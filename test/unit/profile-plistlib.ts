/** python3's plistlib as the second opinion on a property list: what it read, each value with its type. */
import { spawnSync } from "node:child_process";

const script = `
import datetime, json, plistlib, sys
def tag(v):
    if isinstance(v, bool): return ["boolean", v]
    if isinstance(v, str): return ["string", v]
    if isinstance(v, int): return ["integer", v]
    if isinstance(v, float): return ["real", v]
    if isinstance(v, bytes): return ["data", v.hex()]
    if isinstance(v, datetime.datetime): return ["date", v.isoformat() + ".000Z"]
    if isinstance(v, list): return ["array", [tag(i) for i in v]]
    return ["dict", {k: tag(i) for k, i in v.items()}]
json.dump(tag(plistlib.loads(sys.stdin.buffer.read(), fmt=plistlib.FMT_XML)), sys.stdout)
`;

export type Tagged = [type: string, value: unknown];

export const hasPlistlib = spawnSync("python3", ["-c", "import plistlib"]).status === 0;
if (!hasPlistlib) console.info("skipped: no python3 with plistlib, the second reader of property lists");

export function readWithPlistlib(xml: Uint8Array): Tagged {
	const run = spawnSync("python3", ["-c", script], { input: xml });
	if (run.status !== 0) throw new Error(String(run.stderr));
	return JSON.parse(String(run.stdout));
}

/** The same form from our own values. */
export function tagged(value: unknown): Tagged {
	if (typeof value === "number") return [Number.isInteger(value) ? "integer" : "real", value];
	if (typeof value === "string" || typeof value === "boolean") return [typeof value, value];
	if (value instanceof Date) return ["date", value.toISOString()];
	if (value instanceof Uint8Array) return ["data", Buffer.from(value).toString("hex")];
	if (Array.isArray(value)) return ["array", value.map(tagged)];
	return ["dict", Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, tagged(item)]))];
}
