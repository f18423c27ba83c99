/** What the parts of `ota keys` have in common: flags in, an outcome out. */
import type { Config } from "../lib/config.ts";

export interface KeysFlags {
	token?: string[];
	role?: string;
	label?: string;
	type?: string;
	out?: string;
	certificate?: string;
	json?: boolean;
}

/** What a subcommand prints, and its exit code. `words` explains a usage error. */
export type KeysOutcome = { status: 0 | 1; output: string } | { status: 2; words: string };
export type KeysCommand = (flags: KeysFlags, config: Config, log: (line: string) => void) => Promise<KeysOutcome>;

/** Variables to set: `NAME=value`, one a line. */
export const assignments = (values: Readonly<Record<string, string>>): string =>
	Object.entries(values)
		.map(([name, value]) => `${name}=${value}\n`)
		.join("");
