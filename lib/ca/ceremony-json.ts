/**
 * Members that stand twice in one object of a JSON text (RFC 8259 section 4): JSON.parse keeps the last, a person who reviews
 * the text may read the first. A scanner, since neither the parsed value nor a reviver can tell.
 */
import { ConfigError } from "../errors.ts";

interface Frame {
	place: string;
	/** Null of an array. */
	names: Set<string> | null;
	/** The member whose value comes next, or the number of the element. */
	at: string | number;
	isNameNext: boolean;
}

/** A string with its escapes, a bracket or separator, or a number or word. */
const tokens = /"(?:[^"\\]+|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/** More levels than any text of ours has. */
const deepest = 8;

/** The place of each, as `plan.ca.years`. `text` is valid JSON: it has been parsed before. ConfigError when it is nested deeper than any of ours. */
export function duplicateMembers(text: string, root: string): string[] {
	const found: string[] = [];
	const open: Frame[] = [];
	for (const [token] of text.matchAll(tokens)) {
		const frame = open.at(-1);
		if (token === "{" || token === "[") {
			const isObject = token === "{";
			if (open.length === deepest) throw new ConfigError([`${root}: is nested deeper than ${deepest} levels`]);
			const place = frame ? placeIn(frame) : root;
			open.push({ place, names: isObject ? new Set() : null, at: isObject ? "" : 0, isNameNext: isObject });
		} else if (token === "}" || token === "]") open.pop();
		else if (frame && token === ",") {
			if (frame.names) frame.isNameNext = true;
			else frame.at = Number(frame.at) + 1;
		} else if (frame?.names && frame.isNameNext) {
			// Compared as it is meant: "\u0063a" is "ca".
			const name = String(JSON.parse(token));
			frame.at = name;
			frame.isNameNext = false;
			if (frame.names.has(name)) found.push(placeIn(frame));
			frame.names.add(name);
		}
	}
	return found;
}

const placeIn = ({ place, names, at }: Frame): string => (names ? `${place}.${at}` : `${place}[${at}]`);
