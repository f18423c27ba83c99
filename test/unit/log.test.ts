import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { importantLine, openLogFile } from "../../bin/log-file.ts";
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

const isLinux = existsSync("/dev/full");
if (!isLinux) console.log("The test of a full disk is skipped: this system has no /dev/full");

describe("a child's log file", () => {
	(isLinux ? it : it.skip)("on a disk that is full ends nothing, and says so once", async () => {
		const dataDir = mkdtempSync(join(tmpdir(), "ota-log-"));
		try {
			mkdirSync(join(dataDir, "log"));
			symlinkSync("/dev/full", join(dataDir, "log", "web.log"));
			const lost: string[] = [];
			const file = openLogFile(dataDir, "web", (words) => lost.push(words));
			file.write("one\n");
			await new Promise<void>((done) => file.once("close", done));
			file.write("two\n");
			await setImmediate();
			expect(lost).toEqual([expect.stringMatching(/^The log .*web\.log is not written until the next start: ENOSPC/)]);
		} finally {
			rmSync(dataDir, { recursive: true });
		}
	});
});
