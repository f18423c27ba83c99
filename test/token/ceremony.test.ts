/**
 * `ota ceremony` against a real SoftHSMv2. The command runs in processes of its own, from a build of this very source:
 * SoftHSM reads SOFTHSM2_CONF from the process's real environment, once.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

const repository = resolve(import.meta.dirname, "../..");
const roles = ["root", "ca", "ra", "profile", "ocsp"] as const;
const labels = ["root-ca", "issuing-ca", "scep-ra", "profile-signing", "ocsp", "seal"] as const;
const directory = mkdtempSync(join(tmpdir(), "ota-ceremony-"));
// Inside the repository, where the build finds node_modules.
mkdirSync(join(repository, "tmp"), { recursive: true });
const build = mkdtempSync(join(repository, "tmp/ceremony-"));

beforeAll(() => {
	const compiler = join(repository, "node_modules/typescript/bin/tsc");
	const args = [compiler, "-p", "tsconfig.build.json", "--outDir", build];
	// Whether the types hold is asked elsewhere; the emitted code is what counts here.
	spawnSync(process.execPath, args, { cwd: repository, stdio: "ignore" });
	writeFileSync(
		join(build, "ceremony.mjs"),
		'import { run } from "./bin/commands/ceremony.js";\nprocess.exitCode = await run(process.argv.slice(2));\n',
	);
});
afterAll(() => {
	rmSync(directory, { recursive: true });
	rmSync(build, { recursive: true });
});

/** One `ota ceremony` in a process of its own, with nothing of ours in its environment. */
function ota(...args: string[]) {
	const { PATH, HOME, TMPDIR } = process.env;
	return spawnSync(process.execPath, [join(build, "ceremony.mjs"), ...args], {
		cwd: directory,
		encoding: "utf8",
		env: { PATH, HOME, TMPDIR, NODE_ENV: "test" },
	});
}

function openssl(...args: string[]): string {
	return execFileSync("openssl", args, { encoding: "utf8" });
}

interface TokenObject {
	kind: string;
	label: string;
	usage: string;
	access: string;
}

/** The output of pkcs11-tool, a program of others, logged in to the token. */
function pkcs11Tool(dataDir: string, ...options: string[]): Buffer {
	const places = ["/usr/lib/softhsm", "/usr/lib64/pkcs11", "/opt/homebrew/lib/softhsm", "/usr/local/lib/softhsm"];
	const module = places.map((place) => join(place, "libsofthsm2.so")).find((path) => existsSync(path));
	const pin = readFileSync(join(dataDir, "pin"), "utf8").trim();
	const args = ["--module", module ?? "libsofthsm2.so", "--token-label", "ota", "--login", "--pin", pin, ...options];
	const env = { ...process.env, SOFTHSM2_CONF: join(dataDir, "softhsm2.conf") };
	return execFileSync("pkcs11-tool", args, { env, stdio: ["ignore", "pipe", "ignore"] });
}

function listObjects(dataDir: string): TokenObject[] {
	const output = pkcs11Tool(dataDir, "--list-objects").toString();
	const field = (text: string, name: string) => new RegExp(`^\\s+${name}:\\s*(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
	return output.split(/\n(?=\S)/).map((text) => ({
		kind: text.split(" Object")[0] ?? "",
		label: field(text, "label"),
		usage: field(text, "Usage"),
		access: field(text, "Access"),
	}));
}

/** Every file below, as paths relative to it. */
function files(path: string): string[] {
	return readdirSync(path, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));
}

describe("ota ceremony on an empty data directory", () => {
	const dataDir = join(directory, "rsa");
	let outcome: ReturnType<typeof ota>;
	const certificate = (role: (typeof roles)[number]) => join(dataDir, "certs", `${role}.pem`);
	beforeAll(() => {
		outcome = ota("--data-dir", dataDir, "--organization", "Example Corp");
	});

	it("succeeds, tells its progress on stderr and the transcript on stdout", () => {
		expect(outcome.stderr).toContain("Generating issuing-ca (RSA-2048) inside the token...");
		expect(outcome.stdout).toBe(readFileSync(join(dataDir, "certs/transcript.txt"), "utf8"));
		expect(outcome.status).toBe(0);
	});

	it("leaves exactly the state of the embedded defaults, for the owner's eyes", () => {
		expect(readdirSync(dataDir).sort()).toEqual(["certs", "pin", "softhsm2.conf", "tokens"]);
		expect(readdirSync(join(dataDir, "certs")).sort()).toEqual([
			"ca.pem",
			"ocsp.pem",
			"profile.pem",
			"ra.pem",
			"root.pem",
			"transcript.txt",
		]);
		expect(statSync(dataDir).mode & 0o777).toBe(0o700);
		expect(statSync(join(dataDir, "tokens")).mode & 0o777).toBe(0o700);
		expect(statSync(join(dataDir, "pin")).mode & 0o777).toBe(0o600);
	});

	it.each(["ra", "profile", "ocsp"] as const)("makes a chain from %s that openssl takes under x509_strict", (role) => {
		const path = ["-CAfile", certificate("root"), "-untrusted", certificate("ca"), certificate(role)];
		expect(openssl("verify", "-x509_strict", ...path)).toMatch(/: OK\n$/);
	});

	it("allows one CA below the root and none below the issuing CA", () => {
		const constraints = (role: (typeof roles)[number]) =>
			openssl("x509", "-in", certificate(role), "-noout", "-ext", "basicConstraints");
		expect(constraints("root")).toContain("CA:TRUE, pathlen:1");
		expect(constraints("ca")).toContain("CA:TRUE, pathlen:0");
	});

	it("gives the RA the pair of bits that Apple's client looks for, and nobody else", () => {
		const usage = (role: (typeof roles)[number]) =>
			openssl("x509", "-in", certificate(role), "-noout", "-ext", "keyUsage");
		expect(usage("ra")).toMatch(/critical\s+Digital Signature, Key Encipherment\n/);
		expect(usage("profile")).toMatch(/critical\s+Digital Signature\n/);
		for (const role of ["root", "ca"] as const) expect(usage(role)).toMatch(/critical\s+Certificate Sign, CRL Sign\n/);
	});

	it("makes the OCSP responder one: for that alone, never asked about itself, as openssl's ocsphelper is", () => {
		const file = certificate("ocsp");
		const chain = ["-CAfile", certificate("root"), "-untrusted", certificate("ca"), file];
		expect(openssl("verify", "-x509_strict", "-purpose", "ocsphelper", ...chain)).toMatch(/: OK\n$/);
		const text = openssl("x509", "-in", file, "-noout", "-text");
		expect(text).toMatch(/Extended Key Usage: ?\n\s+OCSP Signing\n/);
		expect(text).toMatch(/OCSP No Check: ?\n/);
		expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
	});

	it("holds the six private keys in the token: generated there, sensitive, never extractable", () => {
		const secrets = listObjects(dataDir).filter(({ kind }) => kind !== "Public Key");
		expect(secrets.map(({ label }) => label).sort()).toEqual([...labels].sort());
		for (const { access } of secrets) {
			expect(access.split(", ").sort()).toEqual(["always sensitive", "local", "never extractable", "sensitive"]);
		}
	});

	it("lets each key do its role's work and nothing else", () => {
		const usage = (label: string) =>
			listObjects(dataDir).find((object) => object.label === label && object.kind !== "Public Key")?.usage;
		for (const label of ["root-ca", "issuing-ca", "profile-signing", "ocsp"]) expect(usage(label)).toBe("sign");
		expect(usage("scep-ra")).toBe("decrypt, sign");
		expect(usage("seal")).toBe("encrypt, decrypt");
	});

	it("certifies the very public keys that lie in the token", () => {
		for (const [index, role] of roles.entries()) {
			const options = ["--read-object", "--type", "pubkey", "--label", labels[index] ?? ""];
			const { publicKey } = new X509Certificate(readFileSync(certificate(role)));
			expect(publicKey.export({ type: "spki", format: "der" })).toEqual(pkcs11Tool(dataDir, ...options));
		}
	});

	it("writes no private key and no PIN outside the token", () => {
		const pin = readFileSync(join(dataDir, "pin"), "utf8").trim();
		expect(pin).toMatch(/^[0-9a-f]{32}$/);
		for (const file of files(dataDir).filter((path) => !path.endsWith("/pin"))) {
			const text = readFileSync(file, "latin1");
			expect(text).not.toContain("PRIVATE KEY");
			expect(text).not.toContain(pin);
		}
		expect(outcome.stdout + outcome.stderr).not.toContain(pin);
	});

	it("refuses a second ceremony in one sentence, and changes nothing", () => {
		const contents = () => files(dataDir).map((file) => [file, readFileSync(file, "base64")]);
		const before = contents();
		const second = ota("--data-dir", dataDir, "--organization", "Example Corp");
		expect(second.status).toBe(1);
		expect(second.stdout).toBe("");
		expect(second.stderr).toMatch(/^There are keys or certificates in .+ already .+A ceremony never overwrites.+\n$/);
		expect(contents()).toEqual(before);
	});
});

describe("ota ceremony after one that was cut short", () => {
	it("begins again when no certificate had been made", () => {
		const dataDir = join(directory, "cut");
		mkdirSync(join(dataDir, "ceremony/tokens"), { recursive: true });
		writeFileSync(join(dataDir, "ceremony/pin"), "left over");
		expect(ota("--data-dir", dataDir).status).toBe(0);
		expect(readdirSync(dataDir).sort()).toEqual(["certs", "pin", "softhsm2.conf", "tokens"]);
		expect(readFileSync(join(dataDir, "pin"), "utf8")).not.toContain("left over");
	});

	it("finishes it when only the move into place was missing", () => {
		const dataDir = join(directory, "rsa");
		const staging = join(directory, "moved/ceremony");
		mkdirSync(staging, { recursive: true });
		// The token's directory had been moved already; pin and certificates had not.
		execFileSync("cp", ["-a", join(dataDir, "tokens"), join(directory, "moved/tokens")]);
		for (const name of ["pin", "certs"]) execFileSync("cp", ["-a", join(dataDir, name), join(staging, name)]);
		const outcome = ota("--data-dir", join(directory, "moved"));
		expect(outcome.stderr).toContain("Finishing a ceremony that was interrupted.");
		expect(outcome.status).toBe(0);
		expect(readdirSync(join(directory, "moved")).sort()).toEqual(["certs", "pin", "softhsm2.conf", "tokens"]);
		expect(listObjects(join(directory, "moved")).map(({ label }) => label)).toContain("issuing-ca");
	});
});

describe("ota ceremony --ca-key p-256", () => {
	it("gives the issuing CA and its responder alone elliptic keys, and the chain still holds", () => {
		const dataDir = join(directory, "p256");
		expect(ota("--data-dir", dataDir, "--ca-key", "p-256").status).toBe(0);
		const types = roles.map(
			(role) => new X509Certificate(readFileSync(join(dataDir, "certs", `${role}.pem`))).publicKey,
		);
		expect(types.map((key) => key.asymmetricKeyType)).toEqual(["rsa", "ec", "rsa", "rsa", "ec"]);
		const [root, ca, ra] = roles.map((role) => join(dataDir, "certs", `${role}.pem`));
		expect(openssl("verify", "-x509_strict", "-CAfile", root ?? "", "-untrusted", ca ?? "", ra ?? "")).toMatch(
			/: OK\n$/,
		);
	});
});

describe("ota ceremony refuses", () => {
	it.each([
		["an unknown kind of key", ["--ca-key", "rsa-1024"], 2],
		["an unknown flag", ["--overwrite"], 2],
		["an argument too many", ["here"], 2],
		["an organization that does not fit in a name", ["--organization", "x".repeat(49)], 1],
	])("%s", (_name, args, status) => {
		const dataDir = join(directory, "refused");
		const outcome = ota("--data-dir", dataDir, ...args);
		expect(outcome.status).toBe(status);
		expect(outcome.stdout).toBe("");
		expect(existsSync(dataDir)).toBe(false);
	});
});
