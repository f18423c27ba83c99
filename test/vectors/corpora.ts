/** Where the test data that others wrote lies: OTA_TEST_VECTORS, else beside the project. It is never copied in. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "@jest/globals";

const configured = process.env.OTA_TEST_VECTORS;
const root = resolve(fileURLToPath(new URL("../..", import.meta.url)), configured || "../shared/corpora");

/** Promises about one corpus. Absent: a printed skip; absent although OTA_TEST_VECTORS is set: a failure. */
export function describeCorpus(name: string, folder: string, promises: (root: string) => void): void {
	if (existsSync(join(root, folder))) describe(name, () => promises(root));
	else if (configured) {
		it(`${name}: finds what OTA_TEST_VECTORS names`, () => {
			throw new Error(`OTA_TEST_VECTORS is set, and there is no ${join(root, folder)}`);
		});
	} else {
		console.info(`skipped: ${name}: no test vectors beside the project; set OTA_TEST_VECTORS to their folder`);
		it.skip(`${name} (no test vectors beside the project)`, () => {});
	}
}
