/** The file that a device rests in between two commands: its private keys are in it, so it is for its owner alone. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type DeviceSession, type RestoreOptions, restoreDevice, saveDevice } from "../test/device/index.ts";

/** Written beside and renamed: whoever may read an older file of that name does not get this one, and no half is left. */
export function writeDevice(path: string, session: DeviceSession): void {
	const beside = `${path}.${process.pid}.new`;
	try {
		writeFileSync(beside, saveDevice(session), { mode: 0o600, flag: "wx" });
		renameSync(beside, path);
	} catch (error) {
		rmSync(beside, { force: true });
		throw error;
	}
}

export const readDevice = (path: string, options: RestoreOptions = {}): DeviceSession =>
	restoreDevice(readFileSync(path, "utf8"), options);
