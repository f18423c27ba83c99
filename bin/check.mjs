/**
 * `npm run check`: everything that must hold before a change goes in, in CI's order; stops at the first step that fails
 * and names it. `--no-tests` leaves the tests out. Plain JavaScript: it runs before anything is built.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, SetupError } from "./setup.mjs";

const repository = join(import.meta.dirname, "..");
const rooms = ["app", "bin", "hsm", "lib", "prisma", "test"];

const steps = [
	["format and lint", () => run("biome", "check", "--error-on-warnings")],
	["types", () => node("prisma/generate.mjs") && run("tsc", "--noEmit", "-p", "tsconfig.json")],
	["import boundaries", checkBoundaries],
	["dead code", () => run("knip")],
	["tests", () => node("bin/test.mjs")],
	["build", buildAll],
	["package", () => run("publint", "--strict") && run("attw", "--pack", ".", "--profile", "esm-only")],
];

/** A tool of node_modules; true when it is content. Its output is ours. */
function run(tool, ...args) {
	return node(join("node_modules", ".bin", tool), ...args);
}

function node(script, ...args) {
	const { status } = spawnSync(process.execPath, [join(repository, script), ...args], {
		cwd: repository,
		stdio: ["ignore", "inherit", "inherit"],
		env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
	});
	return status === 0;
}

/** As `npm run up` builds, from the sources as they are now. */
async function buildAll() {
	try {
		await build({ always: true });
		return true;
	} catch (error) {
		if (!(error instanceof SetupError)) throw error;
		console.error(error.message);
		return false;
	}
}

/** Everything that dependency-cruiser finds, and that it found every source file: it calls an empty search a success. */
function checkBoundaries() {
	const tool = join(repository, "node_modules", ".bin", "depcruise");
	const args = [tool, "--config", ".dependency-cruiser.cjs", "--output-type", "json", ...rooms];
	const options = { cwd: repository, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 };
	const { stdout, stderr } = spawnSync(process.execPath, args, options);
	if (!stdout.startsWith("{")) {
		console.error(stderr);
		return false;
	}
	const { summary, modules } = JSON.parse(stdout);
	for (const { from, to, rule } of summary.violations) console.error(`${rule.name}: ${from} -> ${to}`);
	const seen = new Set(modules.map(({ source }) => source));
	const unseen = rooms.flatMap(sources).filter((file) => !seen.has(file));
	for (const file of unseen) console.error(`not looked at: ${file}`);
	console.log(`${seen.size} modules, ${summary.violations.length} violations`);
	return seen.size > 0 && unseen.length === 0 && summary.violations.length === 0;
}

/** Our TypeScript files below a room, as dependency-cruiser names them. */
function sources(room) {
	if (!existsSync(join(repository, room))) return [];
	return readdirSync(join(repository, room), { recursive: true })
		.map((file) => `${room}/${file.replaceAll("\\", "/")}`)
		.filter((file) => /\.tsx?$/.test(file) && !/^(prisma\/generated|test\/e2e\/host-app)\//.test(file));
}

const chosen = process.argv.includes("--no-tests") ? steps.filter(([name]) => name !== "tests") : steps;
for (const [index, [name, check]] of chosen.entries()) {
	console.log(`\n[${index + 1}/${chosen.length}] ${name}`);
	const started = Date.now();
	if (!(await check())) {
		console.error(`\nnpm run check: "${name}" failed.`);
		process.exit(1);
	}
	console.log(`${name}: good (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}
console.log(`\nnpm run check: all ${chosen.length} steps are good.`);
