/** How the commands of several words read what was typed: flags and words, or the usage and why. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { printable } from "./printable.ts";
import { usageRefusal } from "./usage.ts";

type Flags = NonNullable<ParseArgsConfig["options"]>;
type Parsed<F extends Flags> = ReturnType<typeof parseArgs<{ options: F; allowPositionals: true }>>;

export interface Typed<F extends Flags> {
	flags: Parsed<F>["values"];
	words: readonly string[];
}

export const text = { type: "string" } as const;
export const flag = { type: "boolean" } as const;
export const texts = { type: "string", multiple: true } as const;

/**
 * Answers the exit code: `work`'s own, 0 after --help, 2 for what cannot be read. `work` answers words when something else
 * is wrong with what was typed.
 */
export async function asTyped<F extends Flags>(
	args: readonly string[],
	usage: string,
	flags: F,
	work: (typed: Typed<F>) => Promise<number> | string,
): Promise<number> {
	const refuse = usageRefusal(usage);
	if (args.includes("--help") || args.includes("-h")) {
		process.stdout.write(usage);
		return 0;
	}
	let parsed: Parsed<F>;
	try {
		parsed = parseArgs({ args: [...args], options: flags, allowPositionals: true });
	} catch (error) {
		const [first = ""] = error instanceof Error ? error.message.split(/\.(?: |$)/) : [];
		return refuse(printable(`${first}.`));
	}
	const outcome = work({ flags: parsed.values, words: parsed.positionals });
	return typeof outcome === "string" ? refuse(printable(outcome)) : outcome;
}
