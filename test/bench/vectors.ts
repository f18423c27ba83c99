/** Files of the public test data, where it lies beside the project. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../harness/server.ts";

export function corpora(folder: string): { name: string; bytes: Uint8Array }[] {
	const path = join(process.env.OTA_TEST_VECTORS ?? join(root, "..", "shared", "corpora"), folder);
	if (!existsSync(path)) return [];
	return readdirSync(path, { withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ name }) => ({ name, bytes: readFileSync(join(path, name)) }));
}
