/**
 * The YAML of a document as values, before anybody asks what they mean: bounded in length, depth and number, aliases
 * counted as what they stand for, no key twice. Messages tell the place and never what stands there.
 */
import type { Node, ParsedNode, YAMLError, YAMLMap } from "yaml";
import { isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument } from "yaml";
import { OtaError } from "../errors.ts";
import { documentSchema } from "./document-scalars.ts";

/** Characters, nested containers (the document's own among them), values and keys, aliases, and characters of one key. */
const limits = { length: 4 * 1024 * 1024, depth: 40, nodes: 100_000, aliases: 100, key: 1_000 } as const;

const errorsTold = 10;
/** Words of YAML for each value or key: marks, blanks and line ends. */
const lexemesEach = 7;
/** Quotes, anchors and tags in a row; an anchor, a tag and a text are three. */
const mostMarks = 8;

/** Null where nothing stands. */
export type Tree = string | number | boolean | null | Date | Uint8Array | Tree[] | TreeDict;
export interface TreeDict {
	[key: string]: Tree;
}

/** The document's root. Throws `too_large`, or `malformed` with line and column, or the key's path. */
export function readTree(text: string): Tree {
	if (text.length > limits.length) throw new OtaError("too_large", "The document is longer than 4 MiB");
	refuseBombs(text);
	const lines = new LineCounter();
	const document = parseYaml(text, lines);
	const errors = [...document.errors, ...document.warnings].slice(0, errorsTold);
	if (errors.length > 0) {
		throw new OtaError("malformed", [...new Set(errors.map((error) => complaint(error, text, lines)))].join("\n"));
	}
	return new Converter().value(document.contents, "", 0);
}

function parseYaml(text: string, lineCounter: LineCounter): ReturnType<typeof parseDocument> {
	try {
		// Each key of a mapping would be compared with all others: the conversion does it faster.
		const options = { uniqueKeys: false, prettyErrors: false, strict: true } as const;
		return parseDocument(text, { ...documentSchema, ...options, lineCounter });
	} catch (cause) {
		throw new OtaError("malformed", "The document is no YAML that can be read", { cause });
	}
}

/**
 * The parser calls itself for each level, and makes an error of every mark too much: what is nested without end, or is
 * marks alone, is refused from its words.
 */
function refuseBombs(text: string): void {
	let [flow, dashes, marks, lexemes] = [0, 0, 0, 0];
	for (const lexeme of new Lexer().lex(text)) {
		lexemes += 1;
		const [first = ""] = lexeme;
		if (!/[ \t]/.test(first)) marks = /["'&!]/.test(first) ? marks + 1 : 0;
		if (/[\r\n]/.test(first)) dashes = 0;
		else if (/[-?]/.test(first)) dashes += 1;
		else if (/[[{]/.test(first)) flow += 1;
		else if (/[\]}]/.test(first)) flow -= 1;
		if (Math.max(flow, dashes) > limits.depth) throw new OtaError("malformed", "The document is nested too deep");
		if (marks > mostMarks) throw new OtaError("malformed", "The document has texts in quotes with nothing between");
		if (lexemes > limits.nodes * lexemesEach) throw tooMany();
	}
}

const remedies: Readonly<Record<string, string>> = {
	BAD_ALIAS: "an alias without its anchor; put a text that begins with * or & in quotes",
	BAD_DQ_ESCAPE: "an escape that double quotes do not have; write \\\\ for one \\, or use single quotes",
	BAD_INDENT: "indented otherwise than its neighbours; keys that belong together begin in one column",
	BAD_SCALAR_START: "a text that begins with a mark of YAML's; put it in quotes",
	BLOCK_AS_IMPLICIT_KEY: 'a second ": " in the line; put the text in quotes',
	MISSING_CHAR: "a mark is missing, a closing quote, a bracket, a comma or a colon",
	MULTIPLE_DOCS: 'a second document begins; take the "---" out',
	TAB_AS_INDENT: "indented with a tab; use blanks",
	TAG_RESOLVE_FAILED:
		"no value of its kind: dates are 2027-01-01T00:00:00Z, data is !!binary with base64, other tags there are none; put a text that begins with ! in quotes",
};

/** What YAML 1.1 reads otherwise than 1.2; the package has one code for it and for tags. */
const otherwiseRead: readonly (readonly [form: RegExp, remedy: string])[] = [
	[
		/^(?:y|yes|n|no|on|off)$/i,
		"a word that is true or false for some readers of YAML; write true or false, or put the text in quotes",
	],
	[
		/^[-+]?(?:0[ob][0-7_]+|[\d_]+(?:[:.][\d_]+)*)$/i,
		"a number for some readers of YAML and not for all; write it in plain digits, or put the text in quotes",
	],
];

function complaint({ code, pos: [start, end] }: YAMLError, text: string, lines: LineCounter): string {
	const { line, col } = lines.linePos(start);
	const value = code === "TAG_RESOLVE_FAILED" ? text.slice(start, Math.min(end, start + limits.key)) : "";
	const [, otherwise] = otherwiseRead.find(([form]) => form.test(value)) ?? [];
	const what = otherwise ?? remedies[code] ?? "YAML cannot be read here; put texts with marks in quotes";
	return `line ${line}, column ${col}: ${what}`;
}

function tooMany(): OtaError {
	return new OtaError(
		"malformed",
		`The document has more than ${limits.nodes} values and keys, aliases counted as what they name`,
	);
}

class Converter {
	private nodes = 0;
	private aliases = 0;
	private readonly anchors = new Map<string, { value: Tree; nodes: number }>();

	value(node: Node | ParsedNode | null, path: string, depth: number): Tree {
		if (depth > limits.depth) throw new OtaError("malformed", `${path}: nested too deep`);
		this.count(1);
		if (node === null) return null;
		if (isAlias(node)) return this.alias(node.source, path);
		const before = this.nodes;
		const value = this.content(node, path, depth);
		const anchor = isMap(node) || isSeq(node) || isScalar(node) ? node.anchor : undefined;
		if (anchor) this.anchors.set(anchor, { value, nodes: this.nodes - before });
		return value;
	}

	private content(node: Node, path: string, depth: number): Tree {
		if (isMap(node)) return this.dict(node, path, depth);
		if (isSeq(node)) {
			return node.items.map((item, index) => this.value(item as Node | null, `${path}[${index}]`, depth + 1));
		}
		const value = isScalar(node) ? (node.value as Tree) : null;
		return value === 0 ? 0 : value;
	}

	private dict(map: YAMLMap, path: string, depth: number): TreeDict {
		const dict: TreeDict = Object.create(null);
		for (const pair of map.items) {
			this.count(1);
			// {text}: not a key that was forgotten half, but perhaps a password, which no message may show.
			if (pair.value === null) throw keyAlone(path);
			const key = keyText(pair.key, path);
			const below = path === "" ? key : `${path}.${key}`;
			if (key in dict) throw new OtaError("malformed", `${below}: is there twice; keep one of the two`);
			dict[key] = this.value(pair.value as Node | null, below, depth + 1);
		}
		return dict;
	}

	private alias(name: string, path: string): Tree {
		this.aliases += 1;
		const anchored = this.anchors.get(name);
		if (!anchored)
			throw new OtaError(
				"malformed",
				`${path}: an alias of nothing before it; put a text that begins with * in quotes`,
			);
		if (this.aliases > limits.aliases) {
			throw new OtaError("malformed", `${path}: more than ${limits.aliases} aliases; write the values out`);
		}
		this.count(anchored.nodes);
		return anchored.value;
	}

	private count(nodes: number): void {
		this.nodes += nodes;
		if (this.nodes > limits.nodes) throw tooMany();
	}
}

function keyAlone(path: string): OtaError {
	const remedy = "write a key's colon and value, or put a text that begins with { in quotes";
	return new OtaError("malformed", `${path || "The document"}: a key without a colon; ${remedy}`);
}

/** Keys are texts as they stand there: `1`, `true` and `2027-01-01` as well. */
function keyText(key: unknown, path: string): string {
	const value: unknown = isScalar(key) ? key.value : undefined;
	const text = typeof value === "string" ? value : isScalar(key) ? key.source : undefined;
	if (text === undefined || text.length > limits.key) {
		throw new OtaError(
			"malformed",
			`${path || "The document"}: a key that is no text of up to ${limits.key} characters`,
		);
	}
	return text;
}
