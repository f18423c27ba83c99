/** `npm run mutate` and `npm run fuzz [-- --seconds N --seed S]`: the hostile tests without the bounds that CI sets them. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const options = { seconds: { type: "string", default: "60" }, seed: { type: "string" } };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const [what] = positionals;
const settings = {
	mutation: { OTA_MUTATIONS: "all" },
	fuzz: { OTA_FUZZ_SECONDS: values.seconds, OTA_FUZZ_SEED: values.seed ?? String(Date.now() % 2 ** 31) },
}[what];
if (!settings || !/^\d+$/.test(values.seconds) || (values.seed !== undefined && !/^\d+$/.test(values.seed))) {
	console.error("usage: long-run.mjs mutation | fuzz [--seconds N] [--seed S]");
	process.exit(2);
}

const env = { ...process.env, ...settings };
env.NODE_OPTIONS = `${env.NODE_OPTIONS ?? ""} --experimental-vm-modules`.trim();
const jest = ["node_modules/jest/bin/jest.js", "-c", "jest.config.js", `test/hostile/${what}.test.ts`];
const { status } = spawnSync(process.execPath, jest, { cwd: root, env, stdio: "inherit" });
process.exitCode = status === 0 ? 0 : 1;
