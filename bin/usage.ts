/** How a command refuses what was typed: what is wrong, where that can be named, then how it is used. Answers the exit code. */
export const usageRefusal =
	(usage: string) =>
	(words: string): 2 => {
		process.stderr.write(words === "" ? usage : `${words}\n\n${usage}`);
		return 2;
	};
