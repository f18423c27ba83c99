/** Chromium for the browser tests: the one that `npm test` found, else the one on this machine's PATH. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

/** Path of the browser, or null. OTA_TEST_BROWSER set but empty means that there is none. */
export function findChromium(): string | null {
	const told = process.env.OTA_TEST_BROWSER;
	if (told !== undefined) return told || null;
	const folders = (process.env.PATH ?? "").split(delimiter);
	const names = ["chromium", "chromium-browser", "google-chrome"];
	return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path)) ?? null;
}

const quiet = [
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
];

export function launchChromium(executablePath: string): Promise<Browser> {
	// Chromium's own sandbox refuses root, which CI and containers are.
	const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
	return chromium.launch({ executablePath, args: [...sandbox, ...quiet] });
}
