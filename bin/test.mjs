/**
 * `npm test`: sets up what the tests need, builds what they start, and runs jest. Arguments are jest's own
 * (`npm test -- test/unit`). Its last line is `N passed, N failed, N skipped`.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
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

const folder = mkdtempSync(join(tmpdir(), "next-ota-test-"));
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
rmSync(folder, { recursive: true, force: true });

console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = status === 0 && failed === 0 && passed > 0 ? 0 : 1;

function testEnvironment() {
	const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --experimental-vm-modules`.trim() };
	env.OTA_TEST_BROWSER = browser ?? "";
	const vectors = join(root, "..", "shared", "corpora");
	if (!env.OTA_TEST_VECTORS && existsSync(vectors)) env.OTA_TEST_VECTORS = vectors;
	return env;
}
