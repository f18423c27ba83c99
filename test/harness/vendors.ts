/** Tokens of several vendors with the keys of a server, for one suite over all of them; a token that is not here says why. */
import { type ChildProcess, spawn } from "node:child_process";
import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatUri, type Pkcs11Uri } from "../../hsm/uri.ts";
import { makeToken } from "./token.ts";

/** Keys labelled ca, ra, profile, ec (P-256), seal (AES) and rsa-seal, as far as the token makes them. */
export interface VendorToken {
	/** For the agent's process. */
	env: Record<string, string>;
	uri(object: string): string;
	/** By label. */
	publicKeys: ReadonlyMap<string, KeyObject>;
	hasEc: boolean;
	/** Whether it seals with an AES key of its own. */
	hasAesGcm: boolean;
	stop(): Promise<void>;
}

export interface Vendor {
	name: string;
	/** Why it cannot be here, or null. */
	missing(): string | null;
	make(dir: string): Promise<VendorToken>;
}

const library = (...names: string[]): string | null => {
	const folders = [
		"/usr/lib/x86_64-linux-gnu",
		"/usr/lib/aarch64-linux-gnu",
		"/usr/lib64",
		"/usr/lib",
		"/opt/homebrew/lib",
	];
	return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path)) ?? null;
};

const needs = (...things: (readonly [path: string | null, what: string])[]): string | null => {
	const missing = things.filter(([path]) => path === null || !existsSync(path)).map(([, what]) => what);
	return missing.length > 0 ? `${missing.join(" and ")} not installed` : null;
};

/** Runs vendor-process.mjs. */
export function inVendorProcess(env: Record<string, string>, asked: object): Promise<unknown> {
	const child = spawn(process.execPath, [fileURLToPath(new URL("./vendor-process.mjs", import.meta.url))], {
		env: { ...process.env, ...env, NODE_OPTIONS: "" },
		stdio: ["pipe", "pipe", "pipe"],
	});
	let [output, errors] = ["", ""];
	child.stdout.on("data", (chunk) => {
		output += chunk;
	});
	child.stderr.on("data", (chunk) => {
		errors += chunk;
	});
	child.stdin.end(JSON.stringify(asked));
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (code, signal) => {
			if (code === 0) resolve(JSON.parse(output));
			else reject(new Error(`vendor process ended with ${code ?? signal}: ${errors}`));
		});
	});
}

const signers = ["ca", "ra", "profile"].map((label) => ({ kind: "rsa", label, usage: label }));
const ec = { kind: "ec", label: "ec", usage: "profile" };
const rsaSeal = { kind: "rsa", label: "rsa-seal", usage: "seal" };
const aesSeal = { kind: "aes", label: "seal" };

async function makeKeys(uri: string, env: Record<string, string>, keys: object[]): Promise<Map<string, KeyObject>> {
	const spkis = (await inVendorProcess(env, { do: "keys", uri, keys })) as Record<string, string>;
	const publicKey = (hex: string): KeyObject =>
		createPublicKey({ key: Buffer.from(hex, "hex"), format: "der", type: "spki" });
	return new Map(Object.entries(spkis).map(([label, hex]) => [label, publicKey(hex)]));
}

async function pinFileIn(dir: string): Promise<{ pin: string; pinFile: string }> {
	await mkdir(dir, { recursive: true });
	// opencryptoki takes no more than eight characters.
	const [pin, pinFile] = [randomBytes(4).toString("hex"), join(dir, "pin")];
	await writeFile(pinFile, `${pin}\n`, { mode: 0o600 });
	return { pin, pinFile };
}

const softHsm: Vendor = {
	name: "SoftHSM",
	missing: () => null,
	async make(dir) {
		const token = await makeToken(dir);
		const publicKeys = await makeKeys(token.uri(""), token.env, [...signers, ec, aesSeal, rsaSeal]);
		return { env: token.env, uri: token.uri, publicKeys, hasEc: true, hasAesGcm: true, stop: async () => undefined };
	},
};

const softokn = library("libsoftokn3.so", "nss/libsoftokn3.so");

const nss: Vendor = {
	name: "NSS softokn",
	missing: () => needs([softokn, "libsoftokn3.so (Debian: libnss3)"]),
	async make(dir) {
		const { pin, pinFile } = await pinFileIn(dir);
		const modulePath = String(softokn);
		const libraryParameters = `configdir='sql:${dir}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=noModDB`;
		await inVendorProcess({}, { do: "initNss", modulePath, libraryParameters, pin });
		const common: Pkcs11Uri = { token: "NSS Certificate DB", modulePath, libraryParameters, pinFile };
		const uri = (object: string): string => formatUri({ ...common, object });
		const publicKeys = await makeKeys(formatUri(common), {}, [...signers, ec, aesSeal, rsaSeal]);
		return { env: {}, uri, publicKeys, hasEc: true, hasAesGcm: true, stop: async () => undefined };
	},
};

const p11Server = "/usr/bin/p11-kit";
const p11Client = library("pkcs11/p11-kit-client.so");

const p11Kit: Vendor = {
	name: "p11-kit remote",
	missing: () => needs([p11Server, "p11-kit"], [p11Client, "p11-kit-client.so (Debian: p11-kit-modules)"]),
	async make(dir) {
		const token = await makeToken(dir);
		const publicKeys = await makeKeys(token.uri(""), token.env, [...signers, ec, rsaSeal]);
		const socket = join(dir, "p11.sock");
		const args = ["server", "-f", "--provider", token.modulePath, "--name", socket, `pkcs11:token=${token.label}`];
		const server = spawn(p11Server, args, { env: { ...process.env, ...token.env }, stdio: "ignore" });
		await appears(socket, server);
		const { pinFile, label } = token;
		const uri = (object: string): string => formatUri({ token: label, object, modulePath: String(p11Client), pinFile });
		const env = { P11_KIT_SERVER_ADDRESS: `unix:path=${socket}` };
		return { env, uri, publicKeys, hasEc: true, hasAesGcm: false, stop: () => end(server) };
	},
};

async function appears(path: string, child: ChildProcess): Promise<void> {
	for (let waited = 0; !existsSync(path); waited += 20) {
		if (child.exitCode !== null || waited > 5000) throw new Error(`${path} does not appear`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = new Promise((resolve) => child.once("exit", resolve));
	child.kill("SIGTERM");
	await ended;
}

const ock = library("opencryptoki/libopencryptoki.so.0", "opencryptoki/libopencryptoki.so");

const ockDaemon = "/usr/sbin/pkcsslotd";
const ockState = "/var/lib/opencryptoki/swtok";

/** One token for the whole machine, which the suite erases: only where it is told that it may. */
const opencryptoki: Vendor = {
	name: "opencryptoki soft token",
	missing: () =>
		needs([ock, "libopencryptoki.so (Debian: opencryptoki)"], [ockDaemon, "pkcsslotd"]) ??
		(process.env.OTA_TEST_OPENCRYPTOKI === "1"
			? null
			: "its token is the machine's; OTA_TEST_OPENCRYPTOKI=1 lets this suite erase it"),
	async make(dir) {
		const { pin, pinFile } = await pinFileIn(dir);
		// Without its state the token has its first PINs again.
		for (const name of ["NVTOK.DAT", "MK_SO", "MK_USER", "TOK_OBJ/OBJ.IDX"])
			await rm(join(ockState, name), { force: true });
		await rm("/dev/shm/var.lib.opencryptoki.swtok", { force: true });
		// In the foreground, so that it can be ended.
		const daemon = spawn(ockDaemon, ["-f"], { stdio: "ignore" });
		await appears("/run/pkcsslotd.socket", daemon);
		const modulePath = String(ock);
		const label = "ota-opencryptoki";
		await inVendorProcess({}, { do: "initOpencryptoki", modulePath, label, pin });
		const uri = (object: string): string => formatUri({ token: label, object, modulePath, pinFile });
		const publicKeys = await makeKeys(uri(""), {}, [...signers, rsaSeal]);
		return { env: {}, uri, publicKeys, hasEc: false, hasAesGcm: false, stop: () => end(daemon) };
	},
};

const tpm2 = library("pkcs11/libtpm2_pkcs11.so", "libtpm2_pkcs11.so.1", "libtpm2_pkcs11.so.0");

const tpm: Vendor = {
	name: "tpm2-pkcs11 on swtpm",
	missing: () =>
		needs([tpm2, "libtpm2_pkcs11.so (Debian: libtpm2-pkcs11-1)"], ["/usr/bin/swtpm", "swtpm"]) ??
		"it makes no key by our templates (C_GenerateKeyPair: attribute mismatch, CKA_VERIFY); keys must be made by its own tool",
	make: () => Promise.reject(new Error("tpm2-pkcs11 is not started by this suite")),
};

export const vendors: readonly Vendor[] = [softHsm, nss, p11Kit, opencryptoki, tpm];
