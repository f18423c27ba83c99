#!/usr/bin/env node
/** The command line: `ota <command> ...`. Results on stdout, the rest on stderr; exit 0 done, 1 refused, 2 usage. */
import { readdirSync } from "node:fs";

interface Command {
	run(args: readonly string[]): Promise<number>;
}

const folder = new URL("./commands/", import.meta.url);

/** A file of the commands' folder is a command; one that does not exist yet is a usage error. */
const commands = readdirSync(folder)
	.filter((name) => name.endsWith(".js"))
	.map((name) => name.slice(0, -".js".length));

async function main([name, ...args]: readonly string[]): Promise<number> {
	if (name === undefined || !commands.includes(name)) {
		const complaint = name === undefined || name === "--help" ? "" : `There is no command ${JSON.stringify(name)}.\n`;
		process.stderr.write(`${complaint}usage: ota <command> ...\ncommands: ${commands.join(", ")}\n`);
		return name === "--help" ? 0 : 2;
	}
	const command = (await import(new URL(`${name}.js`, folder).href)) as Command;
	return command.run(args);
}

// A reader that has seen enough (head, a pager) is no fault of anybody's.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
	if (error.code !== "EPIPE") throw error;
	process.exit();
});

try {
	process.exitCode = await main(process.argv.slice(2));
} catch (error) {
	process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
	process.exitCode = 1;
}
