/**
 * A transcript read again, block by block. Only the form that this version writes is read: what was understood is written once
 * more and must be the same text, so that a person and this reader cannot see two different transcripts.
 */
import { OtaError } from "../errors.ts";
import {
	block,
	signatureTitle,
	type TranscriptKind,
	transcriptFormat,
	transcriptKinds,
	transcriptTitle,
} from "./ceremony-transcript.ts";

export interface RecordedSection {
	title: string;
	/** In their order. */
	fields: ReadonlyMap<string, string>;
	/** `CKA_SENSITIVE` -> `true` */
	attributes: ReadonlyMap<string, string>;
}

export interface RecordedCeremony {
	kind: TranscriptKind;
	head: ReadonlyMap<string, string>;
	/** The sentence below the head. */
	statement: string;
	/** One a key. */
	sections: readonly RecordedSection[];
	/** `signed` is the text that it is over; null where there is none. */
	signature: { label: string; octets: Uint8Array; signed: string } | null;
}

/** Characters. A plan has 64 Ki at most, and a transcript repeats little more than its witnesses. */
const longest = 256 * 1024;

const malformed = (words: string): OtaError =>
	new OtaError("malformed", `This is not a ceremony's transcript: ${words}.`);
const quoted = (line: string): string => JSON.stringify(line.slice(0, 60));

/** `malformed` for anything that this version's ceremonies do not write. */
export function readTranscript(text: string): RecordedCeremony {
	if (text.length > longest) throw malformed("it is too long");
	const blocks = text.replace(/\n$/, "").split("\n\n");
	const [first = "", statement = "", ...rest] = blocks;
	if (first.split("\n")[0] !== transcriptTitle) throw malformed(`it begins with ${quoted(first)}`);
	const head = readBlock(first);
	const kind = readKind(head.fields);
	const read = rest.map(readBlock);
	if (rewritten(head, statement, read) !== text) throw malformed("a ceremony lays it out otherwise");
	const sections = read.filter(({ title }) => !title.startsWith(signatureTitle));
	return { kind, head: head.fields, statement, sections, signature: signatureOf(text, read) };
}

function rewritten(head: RecordedSection, statement: string, rest: readonly RecordedSection[]): string {
	try {
		const [first, ...others] = [head, ...rest].map(({ title, fields }) => block(title, [...fields]).join("\n"));
		return `${[first, statement, ...others].join("\n\n")}\n`;
	} catch (cause) {
		throw new OtaError("malformed", "This is not a ceremony's transcript: it holds what no line of text does.", {
			cause,
		});
	}
}

function readKind(head: RecordedSection["fields"]): TranscriptKind {
	const format = head.get("Format");
	if (format !== transcriptFormat) {
		const told = format === undefined ? "it names no format" : `its format is ${quoted(format)}`;
		throw malformed(`${told}, where this version reads format ${transcriptFormat} alone`);
	}
	const kind = transcriptKinds.find((one) => one === head.get("Kind"));
	if (!kind) throw malformed(`its kind is none of ${transcriptKinds.join(", ")}`);
	return kind;
}

/** The last block alone: nothing may stand behind what is signed. */
function signatureOf(text: string, blocks: readonly RecordedSection[]): RecordedCeremony["signature"] {
	const signatures = blocks.filter(({ title }) => title.startsWith(signatureTitle));
	const [found] = signatures;
	if (!found) return null;
	const base64 = found.fields.get("Signature") ?? "";
	const octets = Buffer.from(base64, "base64");
	const isWhole = found.fields.size === 1 && base64 !== "" && octets.toString("base64") === base64;
	if (signatures.length > 1 || found !== blocks.at(-1) || !isWhole) throw malformed("its signature has another form");
	const signed = text.slice(0, text.lastIndexOf(`\n${signatureTitle}`));
	return { label: found.title.slice(signatureTitle.length), octets, signed };
}

function readBlock(text: string): RecordedSection {
	const [title = "", ...lines] = text.split("\n");
	const fields = new Map<string, string>();
	let name = "";
	for (const line of lines) {
		const [, start = "", value = ""] = /^ {2}(?! )(?:([^:]+): *)(.*)$/.exec(line) ?? [];
		const more = /^ {17}(\S.*)$/.exec(line)?.[1];
		if (start !== "" && !fields.has(start)) {
			name = start;
			fields.set(name, value);
		} else if (more !== undefined && name !== "") {
			fields.set(name, `${fields.get(name)}${name === "Signature" ? "" : " "}${more}`);
		} else throw malformed(`this line does not belong there: ${quoted(line)}`);
	}
	return { title, fields, attributes: readAttributes(fields.get("Attributes")) };
}

function readAttributes(text: string | undefined): Map<string, string> {
	const attributes = new Map<string, string>();
	for (const word of text?.split(" ") ?? []) {
		const equals = word.indexOf("=");
		const name = word.slice(0, Math.max(equals, 0));
		if (name === "" || attributes.has(name))
			throw malformed(`this attribute is none, or is there twice: ${quoted(word)}`);
		attributes.set(name, word.slice(equals + 1));
	}
	return attributes;
}
