/** The embedded defaults' state under OTA_DATA_DIR: made where it is missing, left alone where it is there. */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultTemplates } from "../lib/profile/default-templates.ts";
import { createDeviceAuthority } from "../test/device/index.ts";
import { ceremony } from "./commands/ceremony.ts";

/** The folder itself (0700), and the two secrets of sign-in (0600). */
export async function prepareSecrets(dataDir: string): Promise<void> {
	await mkdir(dataDir, { recursive: true, mode: 0o700 });
	await chmod(dataDir, 0o700);
	await mkdir(join(dataDir, "log"), { recursive: true, mode: 0o700 });
	for (const name of ["nextauth-secret", "oidc-secret"]) {
		await writeIfAbsent(join(dataDir, name), `${randomBytes(32).toString("hex")}\n`);
	}
}

/** The emulated device's Apple CA; its roots.pem is what OTA_DEVICE_ROOTS names. */
export function prepareDeviceAuthority(dataDir: string): void {
	createDeviceAuthority(join(dataDir, "device"));
}

/** Templates, unless the operator has a folder of them already: a template that was deleted stays deleted. */
export async function prepareTemplates(dataDir: string): Promise<void> {
	const folder = join(dataDir, "profiles");
	const made = await mkdir(folder, { recursive: true, mode: 0o700 });
	if (made === undefined) return;
	for (const { file, text } of defaultTemplates) await writeIfAbsent(join(folder, file), text);
}

/** The key ceremony, unless it was held. `tell` hears its progress. */
export async function prepareKeys(dataDir: string, organization: string, tell: (line: string) => void): Promise<void> {
	const held = await readFile(join(dataDir, "certs", "root.pem")).then(
		() => true,
		() => false,
	);
	if (!held) await ceremony({ dataDir, organization, log: tell });
}

async function writeIfAbsent(path: string, text: string): Promise<void> {
	await writeFile(path, text, { mode: 0o600, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
		if (error.code !== "EEXIST") throw error;
	});
}
