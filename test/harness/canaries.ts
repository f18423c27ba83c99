/** Secrets that are known again in whatever form they come to light, and the search for them in octets and folders. */
import { createHash, randomBytes } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Canary {
	name: string;
	value: string | Uint8Array;
	/** Letters and digits in a text that no way of writing changes; of data some octets from its middle. */
	core: Uint8Array;
}

/** `around` puts the core into a text; the core alone unless told. */
export function textCanary(name: string, around: (core: string) => string = (core) => core): Canary {
	const core = randomCore();
	return { name, value: around(core), core: Buffer.from(core) };
}

export function dataCanary(name: string, value: Uint8Array = randomBytes(40)): Canary {
	const from = Math.floor(value.length / 2) - 12;
	return { name, value, core: value.subarray(Math.max(0, from), from + 24) };
}

/** Seen nowhere by chance: 24 letters and digits. */
const randomCore = (): string => createHash("sha256").update(randomBytes(32)).digest("hex").slice(0, 24);

/** A way of writing, with what to look for. */
type Form = readonly [name: string, needle: Buffer];

/** Every form that is looked for, of the whole value and of its core. */
export function formsOf({ value, core }: Canary): Form[] {
	const whole = Buffer.from(value as Uint8Array);
	const texts = typeof value === "string" ? [value, Buffer.from(core).toString()] : [];
	const forms = [whole, Buffer.from(core)].flatMap(octetForms).concat(texts.flatMap(textForms));
	const seen = new Map(forms.toReversed().map((form) => [form[1].toString("latin1"), form]));
	return [...seen.values()];
}

function octetForms(octets: Buffer): Form[] {
	const hex = octets.toString("hex");
	const base64 = [0, 1, 2].map((lead) => innerBase64(octets, lead));
	return [
		["plain", octets],
		["hex", Buffer.from(hex)],
		["HEX", Buffer.from(hex.toUpperCase())],
		["decimal", Buffer.from(octets.join(","))],
		...base64.map((text, lead): Form => [`base64 after ${lead}`, Buffer.from(text)]),
		...base64.map((text, lead): Form => [`base64url after ${lead}`, Buffer.from(asBase64Url(text))]),
	];
}

/** What base64 has of the octets after `lead` others: the characters that no neighbour changes. */
function innerBase64(octets: Uint8Array, lead: number): string {
	const all = Buffer.concat([Buffer.alloc(lead), octets])
		.toString("base64")
		.replaceAll("=", "");
	return all.slice(Math.ceil((lead * 4) / 3), Math.floor(((lead + octets.length) * 4) / 3));
}

const asBase64Url = (text: string): string => text.replaceAll("+", "-").replaceAll("/", "_");

function textForms(text: string): Form[] {
	const wide = Buffer.from(text, "utf16le");
	const inJson = JSON.stringify(text).slice(1, -1);
	return [
		["UTF-16LE", wide],
		["UTF-16BE", Buffer.from(wide).swap16()],
		["Latin-1", Buffer.from(text, "latin1")],
		["URL", Buffer.from(encodeURIComponent(text))],
		["form", Buffer.from(new URLSearchParams([["", text]]).toString().slice(1))],
		["XML", Buffer.from(text.replace(/[&<>]/g, (mark) => `&#${mark.charCodeAt(0)};`))],
		["XML by names", Buffer.from(text.replace(/[&<>]/g, named))],
		["HTML", Buffer.from(text.replace(/[&<>"']/g, named))],
		["JSON", Buffer.from(inJson)],
		["JSON in ASCII", Buffer.from(inJson.replace(/[^ -~]/g, unicodeEscape))],
	];
}

const names: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#39" };
const named = (mark: string): string => `&${names[mark]};`;
const unicodeEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Octets and where they were found. */
export type Place = readonly [where: string, octets: Uint8Array];

/** Looks for all forms of all canaries. @returns a line for each find: the place, the canary's name, the form */
export function searcher(canaries: readonly Canary[]): (places: Iterable<Place>) => string[] {
	const wanted = canaries.flatMap((canary) => formsOf(canary).map(([form, needle]) => ({ canary, form, needle })));
	return (places) => {
		const found: string[] = [];
		for (const [where, octets] of places) {
			const plain = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
			// Base64 and hexadecimal digits come in lines.
			const joined = Buffer.from(plain.toString("latin1").replace(/[\r\n\t ]+/g, ""), "latin1");
			for (const { canary, form, needle } of wanted) {
				if (plain.includes(needle) || joined.includes(needle)) found.push(`${where}: ${canary.name} as ${form}`);
			}
		}
		return found;
	};
}

/** Every regular file below a folder. What is gone by the time it is read was a neighbour's. */
export function* filesBelow(folder: string, isWanted: (path: string) => boolean = () => true): Generator<Place> {
	for (const { name, isDirectory, isFile } of entriesOf(folder)) {
		const path = join(folder, name);
		if (!isWanted(path)) continue;
		if (isDirectory) yield* filesBelow(path, isWanted);
		else if (isFile) {
			const octets = orNull(() => readFileSync(path));
			if (octets) yield [path, octets];
		}
	}
}

const entriesOf = (folder: string) =>
	(orNull(() => readdirSync(folder, { withFileTypes: true })) ?? []).map((entry) => ({
		name: entry.name,
		isDirectory: entry.isDirectory(),
		isFile: entry.isFile(),
	}));

/** Whether something was written there since (milliseconds); a folder counts as written. */
export function changedSince(time: number): (path: string) => boolean {
	return (path) => {
		const stat = orNull(() => lstatSync(path));
		return stat !== null && (stat.isDirectory() || stat.ctimeMs >= time);
	};
}

function orNull<Value>(read: () => Value): Value | null {
	try {
		return read();
	} catch {
		return null;
	}
}
