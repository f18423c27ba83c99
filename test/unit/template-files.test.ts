/** The operator's template files, as the app reads them: from a real folder, at most once a second. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { templatesOf } from "../../app/_wire/files.ts";

let dataDir: string;
let time = 0;
const read = () => templatesOf(dataDir, () => time);
const write = (name: string, type: string) =>
	writeFileSync(
		join(dataDir, "profiles", name),
		`<plist version="1.0"><dict><key>PayloadType</key><string>${type}</string></dict></plist>`,
	);
beforeEach(() => {
	dataDir = mkdtempSync(join(tmpdir(), "ota-templates-"));
	time = 5_000;
});
afterEach(() => rmSync(dataDir, { recursive: true }));

describe("templatesOf", () => {
	it("has none without the folder", async () => {
		expect(await read()()).toEqual([]);
	});

	it("reads plists by name and passes over everything else", async () => {
		mkdirSync(join(dataDir, "profiles"));
		write("b.plist", "b");
		write("a.mobileconfig", "a");
		for (const other of [".hidden.plist", "readme.txt", "c.plist~"]) write(other, "x");
		expect(await read()()).toEqual([
			{ name: "a", payload: { PayloadType: "a" } },
			{ name: "b", payload: { PayloadType: "b" } },
		]);
	});

	it("sees an edited, a new and a removed file a second later, and reads none before", async () => {
		mkdirSync(join(dataDir, "profiles"));
		write("a.plist", "one");
		write("b.plist", "b");
		const templates = read();
		const first = await templates();
		write("a.plist", "two");
		rmSync(join(dataDir, "profiles", "b.plist"));
		time += 999;
		expect(await templates()).toBe(first);
		time += 1;
		expect(await templates()).toEqual([{ name: "a", payload: { PayloadType: "two" } }]);
	});

	it("names the file at fault, and takes it at once when it is mended", async () => {
		mkdirSync(join(dataDir, "profiles"));
		writeFileSync(join(dataDir, "profiles", "wifi.plist"), "no plist");
		const templates = read();
		await expect(templates()).rejects.toMatchObject({ code: "config", message: expect.stringContaining("wifi.plist") });
		write("wifi.plist", "com.apple.wifi.managed");
		expect(await templates()).toEqual([{ name: "wifi", payload: { PayloadType: "com.apple.wifi.managed" } }]);
	});
});
