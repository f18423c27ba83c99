/** The log port as JSON lines: time, level, event, fields. Control characters cannot leave their JSON string. */
import type { Clock, Log, LogFields } from "./ports.ts";

/** C1 controls, line separators and marks that turn the direction of writing: JSON lets them stand, a terminal obeys. */
const unseen = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const visible = (json: string): string =>
	json.replace(unseen, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** To standard error unless told where. */
export function jsonLog(
	write: (line: string) => void = (line) => process.stderr.write(line),
	clock: Clock = () => new Date(),
): Log {
	const at =
		(level: string) =>
		(event: string, fields: LogFields = {}) =>
			write(`${visible(JSON.stringify({ time: clock().toISOString(), level, event, ...fields }))}\n`);
	return { info: at("info"), warn: at("warn"), error: at("error") };
}
