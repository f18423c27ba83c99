/**
 * `npm test`: sets up what the tests need, builds what they start, and runs jest. Arguments are jest's own
 * (`npm test -- test/unit`). Its last line is `N passed, N failed, N skipped`.
 */
import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { watchMachine } from "./machine-watch.mjs";
import { runJest } from "./run-jest.mjs";
import {
	build,
	checkNode,
	findBrowser,
	installP11Kit,
	installPackages,
	installScepClients,
	installSoftHsm,
	root,
	runSetup,
} from "./setup.mjs";

console.log("next-ota: setting up the tests");
let browser = null;
await runSetup(async () => {
	checkNode();
	await installPackages();
	await installSoftHsm();
	await installP11Kit();
	await installScepClients();
	browser = await findBrowser();
	await build();
});

const folder = mkdtempSync(join(roomForFiles(), "ota-t-"));
// As /tmp is: PostgreSQL runs as a user of its own where the tests run as root.
chmodSync(folder, 0o1777);
const empty = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
for (const [signal, code] of [
	["SIGINT", 130],
	["SIGTERM", 143],
]) {
	process.once(signal, () => {
		empty();
		process.exit(code);
	});
}
const watch = watchMachine(folder);
const { passed, failed, skipped, status } = await runJest({
	jest: ["node_modules/jest/bin/jest.js", "-c", "jest.config.js"],
	args: process.argv.slice(2),
	cwd: root,
	env: testEnvironment(),
	folder,
	stalls: watch.stalls,
	say: (line) => console.error(line),
});
watch.stop();
empty();

console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = status === 0 && failed === 0 && passed > 0 ? 0 : 1;

/**
 * Where the tests' files go: into memory where there is plenty, as a disk that lets one write wait for a minute fails
 * what a device would wait for.
 */
function roomForFiles() {
	const memory = "/dev/shm";
	const plenty = 6 * 2 ** 30;
	if (process.env.TMPDIR || !existsSync(memory) || process.availableMemory() < plenty) return tmpdir();
	const { bavail, bsize } = statfsSync(memory);
	return bavail * bsize < plenty ? tmpdir() : memory;
}

function testEnvironment() {
	const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --experimental-vm-modules`.trim() };
	env.OTA_TEST_BROWSER = browser ?? "";
	env.TMPDIR = folder;
	const vectors = join(root, "..", "shared", "corpora");
	if (!env.OTA_TEST_VECTORS && existsSync(vectors)) env.OTA_TEST_VECTORS = vectors;
	return env;
}
