/** A secret's text, from standard input: piped, or typed at a terminal that does not show it. */
import { OtaError } from "../lib/errors.ts";
import { longestSecret } from "../lib/profile/document-secret-faults.ts";
import { printable } from "./printable.ts";

/** Octets: what can be sealed, and a line break. */
const longest = longestSecret + 2;
const tooLong = "The value is longer than the 64 KiB that can be sealed";

/** Without its last line break. Throws `malformed`, `too_large`. */
export async function readSecretText(name: string): Promise<string> {
	const { stdin } = process;
	const bytes = stdin.isTTY ? await typed(name) : await piped();
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replace(/\r?\n$/, "");
	} catch {
		throw new OtaError("malformed", "The value is no UTF-8 text; data is taken with --file");
	}
}

async function piped(): Promise<Uint8Array> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of process.stdin) {
		chunks.push(Buffer.from(chunk));
		length += chunk.length;
		if (length > longest) throw new OtaError("too_large", tooLong);
	}
	return Buffer.concat(chunks);
}

const control = {
	interrupt: 3,
	end: 4,
	backspace: 8,
	lineFeed: 10,
	carriageReturn: 13,
	erase: 21,
	delete: 127,
} as const;

/** One line, without an echo. */
async function typed(name: string): Promise<Uint8Array> {
	const { stdin, stderr } = process;
	stderr.write(`Value of ${printable(name)} (not shown): `);
	stdin.setRawMode(true);
	try {
		const line: number[] = [];
		for await (const chunk of stdin) if (take(line, Buffer.from(chunk))) break;
		return Uint8Array.from(line);
	} finally {
		stdin.setRawMode(false);
		stderr.write("\n");
	}
}

/** Whether the line has ended. */
function take(line: number[], octets: Uint8Array): boolean {
	for (const octet of octets) {
		if (octet === control.lineFeed || octet === control.carriageReturn || octet === control.end) return true;
		if (octet === control.interrupt) throw new OtaError("malformed", "Interrupted; nothing was saved.");
		if (octet === control.backspace || octet === control.delete) eraseCharacter(line);
		else if (octet === control.erase) line.length = 0;
		else line.push(octet);
		if (line.length > longest) throw new OtaError("too_large", tooLong);
	}
	return false;
}

/** Of a character in UTF-8 all octets. */
function eraseCharacter(line: number[]): void {
	for (let octet = line.pop(); octet !== undefined && (octet & 0xc0) === 0x80; octet = line.pop());
}
