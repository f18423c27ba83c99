/** SoftHSM's own configuration: where its module lies, and a softhsm2.conf for a token directory of ours. */
import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import { OtaError } from "../../lib/errors.ts";

/** Where the module may lie: Debian, Fedora, Arch, source or Homebrew on Intel, Homebrew on ARM. bin/setup.mjs has the same. */
export const softHsmModules = [
	"/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
	"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
	"/usr/lib64/pkcs11/libsofthsm2.so",
	"/usr/lib64/softhsm/libsofthsm2.so",
	"/usr/lib/pkcs11/libsofthsm2.so",
	"/usr/local/lib/softhsm/libsofthsm2.so",
	"/opt/homebrew/lib/softhsm/libsofthsm2.so",
] as const;

/** The SoftHSM module of this machine, or null when it is not installed. */
export async function findSoftHsmModule(): Promise<string | null> {
	for (const path of softHsmModules) {
		const isThere = await access(path).then(
			() => true,
			() => false,
		);
		if (isThere) return path;
	}
	return null;
}

/**
 * Writes a softhsm2.conf (0600) at `path` for `tokenDirectory`, which is made (0700). SoftHSM reads the file that
 * SOFTHSM2_CONF names when the module is initialised: whoever spawns the process sets it.
 */
export async function writeSoftHsmConfig(path: string, tokenDirectory: string): Promise<void> {
	// The file's format has no quoting.
	if (/[\r\n]/.test(tokenDirectory)) throw new OtaError("config", "the token directory's name has a line break");
	await mkdir(tokenDirectory, { recursive: true, mode: 0o700 });
	const lines = [
		`directories.tokendir = ${tokenDirectory}`,
		"objectstore.backend = file",
		"log.level = ERROR",
		"slots.removable = false",
	];
	await writeFile(path, `${lines.join("\n")}\n`, { mode: 0o600 });
	await chmod(path, 0o600);
}
