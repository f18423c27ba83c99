/** A file that the operator alone may read: there as a whole or not at all, and never in another's place. */
import { constants, copyFileSync, existsSync, linkSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { OtaError } from "../lib/errors.ts";
import { isFileError } from "./file-error.ts";

type Content = string | Uint8Array;

/**
 * The content is asked for once the folder has taken a file. Throws what `content` does, `conflict` for a file that is there,
 * also one that came meanwhile, or `not_found` with what the file system says.
 */
export async function writeNewFile(path: string, content: () => Content | Promise<Content>): Promise<void> {
	if (existsSync(path)) throw isThere(path);
	// A folder of its own has mode 0700, and is on the file system of the file.
	const staging = told(path, () => mkdtempSync(join(dirname(path), ".ota-")));
	const file = join(staging, "file");
	try {
		told(path, () => writeFileSync(file, "", { mode: 0o600 }));
		const whole = await content();
		told(path, () => {
			writeFileSync(file, whole, { flush: true });
			place(file, path);
		});
	} finally {
		rmSync(staging, { recursive: true, force: true });
	}
}

/** To rename would replace what somebody else put there; not every file system has a second name for a file. */
function place(file: string, path: string): void {
	try {
		linkSync(file, path);
	} catch (error) {
		if (!/^(?:EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS)$/.test(codeOf(error))) throw error;
		copyFileSync(file, path, constants.COPYFILE_EXCL);
	}
}

function told<T>(path: string, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (!isFileError(error)) throw error;
		if (codeOf(error) === "EEXIST") throw isThere(path);
		throw new OtaError("not_found", error.message, { cause: error });
	}
}

const codeOf = (error: unknown): string =>
	typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";

const isThere = (path: string): OtaError =>
	new OtaError("conflict", `${path} is there already: delete it, or choose another name`);
