/**
 * `npm test`: sets up what the tests need, builds what they start, and runs jest. Arguments are jest's own
 * (`npm test -- test/unit`). Its last line is `N passed, N failed, N skipped`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
const results = join(folder, "results.json");
const jest = ["node_modules/jest/bin/jest.js", "-c", "jest.config.js", "--json", `--outputFile=${results}`];
const { status } = spawnSync(process.execPath, [...jest, ...process.argv.slice(2)], {
	cwd: root,
	env: testEnvironment(),
	stdio: ["ignore", process.stderr, process.stderr],
});
const summary = existsSync(results) ? JSON.parse(readFileSync(results, "utf8")) : null;
rmSync(folder, { recursive: true, force: true });

const passed = summary?.numPassedTests ?? 0;
// A test file that could not even be loaded has failed.
const failed = (summary?.numFailedTests ?? 0) + (summary?.numRuntimeErrorTestSuites ?? 0);
const skipped = (summary?.numPendingTests ?? 0) + (summary?.numTodoTests ?? 0);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = status === 0 && failed === 0 && passed > 0 ? 0 : 1;

function testEnvironment() {
	const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --experimental-vm-modules`.trim() };
	env.OTA_TEST_BROWSER = browser ?? "";
	const vectors = join(root, "..", "shared", "corpora");
	if (!env.OTA_TEST_VECTORS && existsSync(vectors)) env.OTA_TEST_VECTORS = vectors;
	return env;
}
