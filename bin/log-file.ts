/** What a child writes goes to a file of its own; warnings and errors also to the terminal, as a short line. */
import { createWriteStream, renameSync, statSync, type WriteStream } from "node:fs";
import { join } from "node:path";

/** A file that grew past this is set aside (one old file is kept) at the next start. */
const longest = 10 * 1024 * 1024;

/** `lost` hears once when it cannot be written any more (a full disk): that ends nothing. */
export function openLogFile(dataDir: string, name: string, lost: (words: string) => void): WriteStream {
	const path = join(dataDir, "log", `${name}.log`);
	if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > longest) renameSync(path, `${path}.1`);
	const file = createWriteStream(path, { flags: "a", mode: 0o600 });
	return file.on("error", ({ message }) => lost(`The log ${path} is not written until the next start: ${message}`));
}

/** `npm run up` tells these itself, in words. */
const toldAlready = ["config.device_roots"];

/** What a caller chose must not steer the operator's terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about.
const controls = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const plain = (text: string): string => text.replace(controls, "\ufffd");

/** The short form of a line that people should see; null for the rest. */
export function importantLine(child: string, line: string): string | null {
	if (!line.startsWith("{")) return null;
	try {
		const { time: _time, level, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
		if ((level !== "warn" && level !== "error") || toldAlready.includes(String(event))) return null;
		const facts = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
		return plain(`  ${child} ${level}: ${event} ${facts.join(" ")}`)
			.trimEnd()
			.slice(0, 400);
	} catch {
		return null;
	}
}
