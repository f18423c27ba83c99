/** What changed between two versions of a document, as a unified diff of their YAML. */
import { createTwoFilesPatch } from "diff";

/** Lines that may differ; beyond, the one is told whole and the other is, for the search takes the square of it. */
const maxEditLength = 2_000;

/** Empty when nothing changed. `names` stand in the first two lines. */
export function documentDiff(before: string, after: string, names: [string, string]): string {
	if (before === after) return "";
	const [one, other] = names;
	const options = { context: 3, maxEditLength };
	const patch =
		createTwoFilesPatch(one, other, before, after, undefined, undefined, options) ??
		`--- ${one}\n+++ ${other}\n${replaced(before, after)}`;
	return patch.replace(/^=+\n/, "");
}

function replaced(before: string, after: string): string {
	const [gone, come] = [linesOf(before), linesOf(after)];
	const range = (lines: readonly string[]): string => (lines.length === 0 ? "0,0" : `1,${lines.length}`);
	const body = [...gone.map((line) => `-${line}`), ...come.map((line) => `+${line}`)];
	return `${[`@@ -${range(gone)} +${range(come)} @@`, ...body].join("\n")}\n`;
}

function linesOf(text: string): string[] {
	return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
