/** The import whitelist bites: planted imports in a copy of the layout fail, the repository's own do not. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

interface Cruise {
	summary: { totalCruised: number; violations: { from: string; to: string; rule: { name: string } }[] };
}

const repository = resolve(import.meta.dirname, "../..");
const depcruise = join(repository, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
const rooms = ["app", "bin", "hsm", "lib", "prisma", "test"];

function cruise(directory: string): Cruise {
	const config = join(repository, ".dependency-cruiser.cjs");
	const args = [depcruise, "--config", config, "--output-type", "json", ...rooms];
	const { stdout, stderr } = spawnSync(process.execPath, args, {
		cwd: directory,
		encoding: "utf8",
		maxBuffer: 64 * 1024 * 1024,
	});
	if (!stdout.startsWith("{")) throw new Error(`dependency-cruiser did not answer: ${stderr}`);
	return JSON.parse(stdout);
}

const refused = [
	["lib/cms/planted.ts", "next"],
	["lib/http/planted.ts", "next-auth"],
	["lib/store/planted.ts", "@prisma/client"],
	["lib/enroll/planted.ts", "pkcs11js"],
	["lib/cms/pkijs.ts", "pkijs"],
	["lib/ca/files.ts", "node:fs"],
	["lib/der/planted.ts", "lib/cms/index.ts"],
	["lib/plist/planted.ts", "lib/profile/index.ts"],
	["lib/scep/planted.ts", "lib/ca/index.ts"],
	["lib/scep/planted-http.ts", "lib/http/index.ts"],
	["lib/ca/planted.ts", "lib/store/index.ts"],
	["lib/http/craft.ts", "lib/cms/index.ts"],
	["lib/index.ts", "hsm/index.ts"],
	["lib/enroll/hsm.ts", "hsm/index.ts"],
	["hsm/agent/planted.ts", "lib/cms/index.ts"],
	["hsm/agent/next.ts", "next"],
	["app/enroll/planted.ts", "lib/enroll/index.ts"],
	["app/enroll/agent.ts", "hsm/agent/planted.ts"],
	["app/enroll/prisma.ts", "prisma/generated/client.ts"],
	["app/enroll/agent-client.ts", "hsm/client.ts"],
	["app/_wire/device.ts", "test/device/index.ts"],
	["bin/page.ts", "app/enroll/inside.ts"],
	["bin/inside-hsm.ts", "hsm/agent/planted.ts"],
	["bin/inside-device.ts", "test/device/private.ts"],
	["test/device/planted.ts", "lib/der/index.ts"],
	["test/device/hsm.ts", "hsm/index.ts"],
	["test/device/next.ts", "next"],
] as const;

const taken = [
	["lib/cms/honest.ts", "lib/der/index.ts"],
	["lib/ca/honest.ts", "pkijs"],
	["lib/profile/honest.ts", "yaml"],
	["lib/profile/honest-scalars.ts", "lib/plist/scalars.ts"],
	["lib/apple/honest.ts", "lib/plist/scalars.ts"],
	["lib/http/honest.ts", "lib/enroll/index.ts"],
	["lib/enroll/honest.ts", "lib/scep/index.ts"],
	["hsm/agent/honest.ts", "pkcs11js"],
	["app/_wire/honest.ts", "prisma/generated/client.ts"],
	["app/_wire/client.ts", "hsm/client.ts"],
	["app/enroll/honest.ts", "next"],
	["bin/honest.ts", "test/device/index.ts"],
	["bin/honest-web.ts", "app/_wire/index.ts"],
	["test/device/honest.ts", "pkijs"],
	["test/unit/honest.ts", "lib/der/index.ts"],
] as const;

/** Writes a file that imports `target` and, when that is a file of ours, the target too. */
function plant(directory: string, file: string, target: string): void {
	const isOurs = target.endsWith(".ts");
	const specifier = isOurs ? relative(dirname(file), target).replace(/^(?!\.)/, "./") : target;
	write(directory, file, `import { thing } from "${specifier}";\nexport const used = thing;\n`);
	if (isOurs) write(directory, target, "export const thing = 1;\n");
	else if (!target.startsWith("node:")) writePackage(directory, target);
}

function writePackage(directory: string, name: string): void {
	write(directory, `node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", main: "index.js" }));
	write(directory, `node_modules/${name}/index.js`, "export const thing = 1;\n");
}

function write(directory: string, file: string, text: string): void {
	mkdirSync(dirname(join(directory, file)), { recursive: true });
	writeFileSync(join(directory, file), text);
}

describe("the import whitelist", () => {
	const directory = mkdtempSync(join(tmpdir(), "boundaries-"));
	let planted: Cruise;
	beforeAll(() => {
		const targets = [...refused, ...taken];
		for (const [file, target] of targets) plant(directory, file, target);
		// A file that is both planted and a target keeps its import: plants are written last.
		for (const [file, target] of refused)
			if (targets.some(([, other]) => other === file)) plant(directory, file, target);
		planted = cruise(directory);
	});
	afterAll(() => rmSync(directory, { recursive: true }));

	it.each(refused)("refuses %s -> %s", (file, target) => {
		expect(violations(planted, file)).toEqual([expect.stringContaining(target.replace(/^node:/, ""))]);
	});

	it.each(taken)("takes %s -> %s", (file, _target) => {
		expect(violations(planted, file)).toEqual([]);
	});

	it("refuses an import of types alone as well", () => {
		write(
			directory,
			"lib/der/types.ts",
			'import type { thing } from "../cms/index.ts";\nexport type Used = typeof thing;\n',
		);
		expect(violations(cruise(directory), "lib/der/types.ts")).toEqual(["lib/cms/index.ts"]);
	});

	it("sees this repository's modules, and finds nothing in them", () => {
		const { summary } = cruise(repository);
		expect(summary.totalCruised).toBeGreaterThan(50);
		expect(summary.violations.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
	});
});

function violations(result: Cruise, file: string): string[] {
	return result.summary.violations
		.filter(({ from, rule }) => from === file && rule.name === "not-in-allowed")
		.map(({ to }) => to);
}
