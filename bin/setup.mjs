/**
 * The set-up steps that `npm run up` and `npm test` share: packages, SoftHSMv2, browser, build. Plain JavaScript on
 * `node:` alone, since it runs before node_modules exists. Each step says what it does within a moment, and does nothing
 * the second time.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const at = (...parts) => join(root, ...parts);

/** Something that the person must do; its message says what to type. */
export class SetupError extends Error {}

export function checkNode() {
	const [major, minor] = process.versions.node.split(".").map(Number);
	const fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
	if (!fits)
		throw new SetupError(`Node.js ${process.versions.node} is too old: install 20.19, 22.12 or a later version.`);
}

/**
 * The locked packages, when node_modules is missing or older than the lock. Not `npm ci`, which CI can use on the lock's
 * own platform: it refuses a lock that was written where the registry lacked the optional packages of other platforms.
 */
export async function installPackages() {
	const stamp = at("node_modules", ".next-ota-lock");
	const lock = hash([readFileSync(at("package-lock.json"))]);
	if (read(stamp) === lock && existsSync(at("node_modules", "typescript"))) return;
	if (!isNewer(at("node_modules", ".package-lock.json"), at("package-lock.json"))) {
		await step("Installing npm packages (a minute or two)", "npm", [
			"install",
			"--no-save",
			"--include=dev",
			"--no-audit",
			"--no-fund",
		]);
	}
	writeFileSync(stamp, lock);
}

function isNewer(made, source) {
	const time = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
	return time(made) >= time(source) && existsSync(at("node_modules", "typescript"));
}

/** The same as in hsm/provision/softhsm.ts, which does not exist as JavaScript yet when this runs. */
export const softHsmModules = [
	"/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
	"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
	"/usr/lib64/pkcs11/libsofthsm2.so",
	"/usr/lib64/softhsm/libsofthsm2.so",
	"/usr/lib/pkcs11/libsofthsm2.so",
	"/usr/local/lib/softhsm/libsofthsm2.so",
	"/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/** SoftHSMv2 through apt or brew; otherwise the exact words to type. */
export async function installSoftHsm() {
	if (softHsmModules.some((path) => existsSync(path))) return;
	const installed = await installWith(
		{ apt: "softhsm2", brew: "softhsm" },
		"SoftHSMv2 (the token of the embedded set-up)",
	);
	if (installed && softHsmModules.some((path) => existsSync(path))) return;
	throw new SetupError(`SoftHSMv2 is missing. Type:\n\n    ${typeThis("softhsm2", "softhsm")}\n\nthen start again.`);
}

/** Path of a Chromium, or null when there is none and none can be installed; says why. */
export async function findBrowser() {
	const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
	const find = () => names.map(which).find((path) => path !== null) ?? null;
	const installed = find();
	if (installed) return installed;
	const done = await installWith({ apt: "chromium" }, "Chromium (for the browser tests)").catch(() => false);
	const path = done ? find() : null;
	if (!path)
		console.log(
			`The browser tests are skipped: there is no Chromium. Type: ${typeThis("chromium", "--cask chromium")}`,
		);
	return path;
}

/** p11-kit, whose server plays a remote HSM in the fault tests; they say so themselves where it is missing. */
export async function installP11Kit() {
	if (which("p11-kit") && p11KitClients.some((path) => existsSync(path))) return;
	const installed = await installWith(
		{ apt: "p11-kit p11-kit-modules" },
		"p11-kit (a remote token for the fault tests)",
	).catch(() => false);
	if (!installed) {
		console.log(
			`The tests of a remote token are skipped: there is no p11-kit. Type: ${typeThis("p11-kit p11-kit-modules", "p11-kit")}`,
		);
	}
}

/** The same as in test/harness/p11-kit.ts. */
const p11KitClients = [
	"/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so",
	"/usr/lib/aarch64-linux-gnu/pkcs11/p11-kit-client.so",
	"/usr/lib64/pkcs11/p11-kit-client.so",
	"/usr/lib/pkcs11/p11-kit-client.so",
];

/**
 * SCEP clients, and readers of lists and OCSP answers, that others wrote; their tests say so themselves where one is missing.
 * strongSwan's `pki` fetches with the plug-in curl, which is in a package of its own.
 */
export async function installScepClients() {
	const hasCommands = ["pki", "scepclient", "ocsptool"].every((name) => which(name) !== null);
	const hasFiles = ["/usr/sbin/certmonger", "/etc/strongswan.d/charon/curl.conf"].every((path) => existsSync(path));
	if (hasCommands && hasFiles) return;
	const apt = "strongswan-pki libstrongswan-extra-plugins certmonger scep gnutls-bin";
	const installed = await installWith(
		{ apt },
		"strongSwan's pki, certmonger, scepclient and certtool (clients for the tests)",
	).catch(() => false);
	if (!installed && which("apt-get")) {
		console.log(`The tests of SCEP clients that are missing are skipped. Type: ${typeThis(apt, "")}`);
	}
}

async function installWith({ apt, brew }, what) {
	if (process.getuid?.() === 0 && which("apt-get")) {
		const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
		await step("Updating the list of Debian packages", "apt-get", ["update"], env).catch(() => undefined);
		await step(`Installing ${what}`, "apt-get", ["install", "-y", "--no-install-recommends", ...apt.split(" ")], env);
		return true;
	}
	if (brew && which("brew")) {
		await step(`Installing ${what}`, "brew", ["install", brew]);
		return true;
	}
	return false;
}

function typeThis(debian, homebrew) {
	if (which("apt-get")) return `sudo apt-get install -y ${debian}`;
	if (which("brew") || process.platform === "darwin") return `brew install ${homebrew}`;
	if (which("dnf")) return `sudo dnf install -y ${debian === "softhsm2" ? "softhsm" : debian}`;
	if (which("apk")) return `sudo apk add ${debian === "softhsm2" ? "softhsm" : debian}`;
	return `your system's package manager: install ${debian}`;
}

/** Prisma client, dist/ and .next, when a source changed since the last time. `always`: whatever the stamp says. */
export async function build({ always = false } = {}) {
	const stamp = at("dist", ".stamp");
	const wanted = hashSources();
	if (!always && read(stamp) === wanted && existsSync(at(".next", "BUILD_ID"))) return;
	const node = process.execPath;
	await step("Generating the database client", node, ["prisma/generate.mjs"]);
	rmSync(at("dist"), { recursive: true, force: true });
	await step("Compiling", node, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]);
	chmodSync(at("dist", "bin", "ota.js"), 0o755);
	const env = { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" };
	await step("Building the app", node, ["node_modules/next/dist/bin/next", "build"], env);
	mkdirSync(at("dist"), { recursive: true });
	writeFileSync(stamp, wanted);
}

const sources = ["app", "bin", "hsm", "lib", "prisma", "test/device"];
const settings = ["next.config.js", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];

function hashSources() {
	const files = sources.flatMap((folder) =>
		readdirSync(at(folder), { recursive: true, withFileTypes: true })
			.filter((entry) => entry.isFile())
			.map((entry) => join(entry.parentPath ?? entry.path, entry.name))
			.filter((path) => !path.includes(join("prisma", "generated"))),
	);
	const paths = [...files, ...settings.map((name) => at(name))].sort();
	return hash(paths.flatMap((path) => [path.slice(root.length), readFileSync(path)]));
}

function hash(parts) {
	const sum = createHash("sha256");
	for (const part of parts) sum.update(part).update("\0");
	return sum.digest("hex");
}

function read(path) {
	return existsSync(path) ? readFileSync(path, "utf8") : null;
}

function which(name) {
	const folders = (process.env.PATH ?? "").split(delimiter);
	return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** Runs a command, tells its name at once and its time at the end; its output is shown when it fails. */
async function step(title, command, args, env = process.env) {
	process.stdout.write(`  ${title}... `);
	const started = performance.now();
	const beat = setInterval(() => process.stdout.write("."), 5_000);
	const { code, output } = await capture(command, args, env);
	clearInterval(beat);
	if (code !== 0) {
		process.stdout.write(`failed\n\n${output}\n`);
		throw new SetupError(`${title}: "${[command, ...args].join(" ")}" ended with ${code}.`);
	}
	process.stdout.write(`${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}

function capture(command, args, env) {
	return new Promise((resolve) => {
		const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
		const chunks = [];
		for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => chunks.push(chunk));
		child.on("error", (error) => resolve({ code: error.message, output: "" }));
		child.on("close", (code, signal) =>
			resolve({ code: code ?? signal, output: Buffer.concat(chunks).toString("utf8") }),
		);
	});
}

/** Ends the process with the words of a SetupError; anything else is a fault of ours and keeps its stack. */
export async function runSetup(main) {
	try {
		await main();
	} catch (error) {
		if (!(error instanceof SetupError)) throw error;
		console.error(`\n${error.message}`);
		process.exit(1);
	}
}
