/** The log port as JSON lines: time, level, event, fields. Control characters cannot leave their JSON string. */
import type { Clock, Log, LogFields } from "./ports.ts";

/** To standard error unless told where. */
export function jsonLog(
	write: (line: string) => void = (line) => process.stderr.write(line),
	clock: Clock = () => new Date(),
): Log {
	const at =
		(level: string) =>
		(event: string, fields: LogFields = {}) =>
			write(`${JSON.stringify({ time: clock().toISOString(), level, event, ...fields })}\n`);
	return { info: at("info"), warn: at("warn"), error: at("error") };
}
