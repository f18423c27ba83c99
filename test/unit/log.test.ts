import { describe, expect, it } from "@jest/globals";
import { importantLine } from "../../bin/log-file.ts";
import { jsonLog } from "../../lib/log.ts";

/** What steers a terminal or turns its direction of writing: C0, DEL, C1, line separators, bidi marks. */
const steering = "\u001b]0;owned\u0007\n\u009b31m\u007f\u2028\u202e\u2066";
const controls = /[^\x20-\x7e\ufffd]/;

describe("a log line", () => {
	const lines: string[] = [];
	const log = jsonLog(
		(line) => void lines.push(line),
		() => new Date(0),
	);

	it("is one line of visible characters, and its JSON says what was said", () => {
		log.warn("request.refused", { why: steering });
		const line = lines.at(-1) ?? "";
		expect(line.endsWith("\n")).toBe(true);
		expect(line.slice(0, -1)).not.toMatch(controls);
		expect(JSON.parse(line)).toMatchObject({ level: "warn", event: "request.refused", why: steering });
	});

	it("steers no operator's terminal in its short form", () => {
		log.error("sign_in.failed", { reason: steering });
		const short = importantLine("web", lines.at(-1) ?? "");
		expect(short).toContain("owned");
		expect(short).not.toMatch(controls);
	});
});
