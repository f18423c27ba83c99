/** The openssl command as a second opinion: files of its own folder in, text or octets out. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class OpenSsl {
	private readonly directory = mkdtempSync(join(tmpdir(), "ota-openssl-"));

	/** Writes a file for openssl; its path. */
	file(name: string, content: Uint8Array | string): string {
		const path = join(this.directory, name);
		writeFileSync(path, content, { mode: 0o600 });
		return path;
	}

	/** A path for something that openssl writes. */
	output(name: string): string {
		return join(this.directory, name);
	}

	read(path: string): Buffer {
		return readFileSync(path);
	}

	/** Runs openssl; its standard output. Throws with its standard error when it exits with anything but 0. */
	run(...args: string[]): string {
		return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 26 });
	}

	remove(): void {
		rmSync(this.directory, { recursive: true });
	}
}
