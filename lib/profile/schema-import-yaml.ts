/**
 * YAML of Apple's schema as values: every scalar stays the text that it is (version 10.10 is not the number 10.1), and
 * anchors may lead back to themselves. Bounded, so that a document of a few lines cannot become a huge one.
 */
import { parseDocument } from "yaml";
import { OtaError } from "../errors.ts";

/** Octets of a file, and how often its anchors may be expanded, one within the other counted together. */
const limits = { length: 2 * 1024 * 1024, aliases: 2_000 } as const;

export type YamlValue = string | YamlValue[] | YamlDict;
export interface YamlDict {
	[key: string]: YamlValue;
}

/** The mapping at the document's root. Throws `malformed`, or `too_large`, naming the file. */
export function readYaml(name: string, text: string): YamlDict {
	if (text.length > limits.length) throw new OtaError("too_large", `${name}: longer than a file of the schema is`);
	let root: unknown;
	try {
		const document = parseDocument(text, { schema: "failsafe", strict: true, uniqueKeys: true, logLevel: "silent" });
		const [error] = document.errors;
		if (error) throw error;
		root = document.toJS({ maxAliasCount: limits.aliases });
	} catch (cause) {
		// The first line tells what and where; what follows quotes the file.
		const [words = ""] = cause instanceof Error ? cause.message.split("\n", 1) : [];
		throw new OtaError("malformed", `${name}: ${words}`, { cause });
	}
	if (!isYamlDict(root)) throw new OtaError("malformed", `${name}: its root is not a mapping`);
	return root;
}

export function isYamlDict(value: unknown): value is YamlDict {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
