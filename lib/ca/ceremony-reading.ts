/** A transcript read again: what it says, section by section, in this format or the first one. */
import { OtaError } from "../errors.ts";
import { signatureTitle } from "./ceremony-transcript.ts";

export interface RecordedSection {
	title: string;
	fields: ReadonlyMap<string, string>;
	/** `CKA_SENSITIVE` -> `true` */
	attributes: ReadonlyMap<string, string>;
}

export interface RecordedCeremony {
	/** 1 had neither signature nor attributes. */
	format: number;
	head: ReadonlyMap<string, string>;
	/** One a key. */
	sections: readonly RecordedSection[];
	/** `signed` is the text that it is over; null where there is none. */
	signature: { label: string; octets: Uint8Array; signed: string } | null;
}

const malformed = (line: string): OtaError =>
	new OtaError("malformed", `This is not a ceremony's transcript: ${JSON.stringify(line.slice(0, 60))}`);

/** `malformed` for anything that no ceremony wrote. */
export function readTranscript(text: string): RecordedCeremony {
	const blocks = text.split("\n\n").map((block) => block.replace(/\n$/, ""));
	const [first = "", , ...rest] = blocks;
	const head = readBlock(first);
	if (head.title !== "Key ceremony") throw malformed(head.title);
	const read = rest.map(readBlock);
	const sections = read.filter(({ title }) => !title.startsWith(signatureTitle));
	const titles = new Set(sections.map(({ title }) => title));
	if (titles.size !== sections.length) throw malformed("a key that is told of twice");
	return {
		format: Number(head.fields.get("Format") ?? 1),
		head: head.fields,
		sections,
		signature: signatureOf(text, read),
	};
}

/** The last block alone: nothing may stand behind what is signed. */
function signatureOf(text: string, blocks: readonly RecordedSection[]): RecordedCeremony["signature"] {
	const signatures = blocks.filter(({ title }) => title.startsWith(signatureTitle));
	const [block] = signatures;
	if (!block) return null;
	if (signatures.length > 1 || block !== blocks.at(-1)) throw malformed(block.title);
	const signed = text.slice(0, text.lastIndexOf(`\n${signatureTitle}`));
	const base64 = (block.fields.get("Signature") ?? "").replaceAll(" ", "");
	return { label: block.title.slice(signatureTitle.length), octets: Buffer.from(base64, "base64"), signed };
}

function readBlock(block: string): RecordedSection {
	const [title = "", ...lines] = block.split("\n");
	const fields = new Map<string, string>();
	let name = "";
	for (const line of lines) {
		const [, start = "", value = ""] = /^ {2}(?! )(?:([^:]+): *)(.*)$/.exec(line) ?? [];
		const more = /^ {17}(\S.*)$/.exec(line)?.[1];
		if (start !== "" && !fields.has(start)) {
			name = start;
			fields.set(name, value);
		} else if (more !== undefined && name !== "") fields.set(name, `${fields.get(name)} ${more}`);
		else throw malformed(line);
	}
	const words = fields.get("Attributes")?.split(" ") ?? [];
	return { title, fields, attributes: new Map(words.map(attribute)) };
}

function attribute(word: string): [string, string] {
	const equals = word.indexOf("=");
	if (equals < 1) throw malformed(word);
	return [word.slice(0, equals), word.slice(equals + 1)];
}
