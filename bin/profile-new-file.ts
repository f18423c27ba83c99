/** A file that the operator alone may read: there as a whole or not at all, and never in another's place. */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { OtaError } from "../lib/errors.ts";
import { isFileError } from "./file-error.ts";

/** Before the work is done for it. Throws `conflict`. */
export function checkNewFile(path: string): void {
	if (existsSync(path)) throw new OtaError("conflict", `${path} is there already: delete it, or choose another name`);
}

/** Throws `conflict`, or `not_found` with what the file system says. */
export function writeNewFile(path: string, content: string | Uint8Array): void {
	checkNewFile(path);
	try {
		// A folder of its own has mode 0700, and is on the file system of the file.
		const staging = mkdtempSync(join(dirname(path), ".ota-"));
		try {
			writeFileSync(join(staging, "file"), content, { mode: 0o600, flush: true });
			renameSync(join(staging, "file"), path);
		} finally {
			rmSync(staging, { recursive: true, force: true });
		}
	} catch (error) {
		if (!isFileError(error)) throw error;
		throw new OtaError("not_found", error.message, { cause: error });
	}
}
