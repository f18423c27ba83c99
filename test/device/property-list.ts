/** Reads an XML property list (Apple's PropertyList-1.0.dtd), strictly: no CDATA, no entities of its own, no unknown elements. */
import type { PlistValue } from "plist";

/** Throws an Error that says what is wrong, and where. */
export function readPropertyList(text: string): PlistValue {
	const reader = new Reader(text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);
	return reader.document();
}

const prolog = /\s*(?:<\?xml\s[^<>]*\?>\s*)?(?:<!DOCTYPE\s+plist\b[^<>[\]]*>\s*)?/y;
/** An end or start tag with what white space and comments come before it; attributes occur on plist alone. */
const tag = /(?:\s+|<!--[\s\S]*?-->)*<(\/?)([a-z]+)(\s+version="1\.0")?\s*(\/?)>/y;
const deepest = 32;
const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

class Reader {
	#at = 0;

	constructor(private readonly text: string) {}

	document(): PlistValue {
		prolog.lastIndex = 0;
		this.#at = prolog.exec(this.text)?.[0].length ?? 0;
		const root = this.#tag();
		if (root !== "plist") this.#fail("the first element must be plist");
		const value = this.#value(this.#tag(), deepest);
		if (this.#tag() !== "/plist") this.#fail("plist must hold one value");
		if (!/^(?:\s|<!--[\s\S]*?-->)*$/.test(this.text.slice(this.#at))) this.#fail("something follows the property list");
		return value;
	}

	/** "name", "/name" or "name/". */
	#tag(): string {
		tag.lastIndex = this.#at;
		const match = tag.exec(this.text);
		const [whole = "", end = "", name = "", version, empty = ""] = match ?? this.#fail("a tag is missing");
		if ((version !== undefined && name !== "plist") || (end && empty)) this.#fail(`malformed tag ${name}`);
		this.#at += whole.length;
		return `${end}${name}${empty}`;
	}

	#value(name: string, depth: number): PlistValue {
		if (depth === 0) this.#fail("the property list is nested too deeply");
		switch (name) {
			case "dict":
				return this.#dictionary(depth - 1);
			case "array":
				return this.#array(depth - 1);
			case "dict/":
				return {};
			case "array/":
				return [];
			case "string/":
				return "";
			case "data/":
				return new Uint8Array(0);
			case "true/":
			case "false/":
				return name === "true/";
			default:
				return this.#simple(name);
		}
	}

	#dictionary(depth: number): PlistValue {
		const dictionary: { [key: string]: PlistValue } = {};
		for (let name = this.#tag(); name !== "/dict"; name = this.#tag()) {
			if (name !== "key") this.#fail("a key is missing");
			const key = this.#textOf("key");
			if (key === "__proto__" || Object.hasOwn(dictionary, key)) this.#fail(`the key ${key} must not be here`);
			dictionary[key] = this.#value(this.#tag(), depth);
		}
		return dictionary;
	}

	#array(depth: number): PlistValue {
		const values: PlistValue[] = [];
		for (let name = this.#tag(); name !== "/array"; name = this.#tag()) values.push(this.#value(name, depth));
		return values;
	}

	#simple(name: string): PlistValue {
		if (!["string", "integer", "real", "data", "date", "true", "false"].includes(name)) {
			this.#fail(`an unknown element ${name}`);
		}
		const text = this.#textOf(name);
		if (name === "string") return text;
		if (name === "data") return this.#data(text);
		const trimmed = text.trim();
		if (name === "integer" && /^[+-]?\d{1,15}$/.test(trimmed)) return Number(trimmed);
		if (name === "real" && /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(trimmed)) return Number(trimmed);
		if (name === "date" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(trimmed)) return new Date(trimmed);
		if ((name === "true" || name === "false") && text === "") return name === "true";
		return this.#fail(`malformed ${name}`);
	}

	#data(text: string): Uint8Array {
		const digits = text.replace(/\s+/g, "");
		if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) this.#fail("malformed data");
		return new Uint8Array(Buffer.from(digits, "base64"));
	}

	/** The text up to the element's end tag. */
	#textOf(name: string): string {
		const end = this.text.indexOf("<", this.#at);
		const raw = end === -1 ? this.#fail(`${name} does not end`) : this.text.slice(this.#at, end);
		if (!this.text.startsWith(`</${name}>`, end)) this.#fail(`${name} must hold text alone`);
		this.#at = end + name.length + 3;
		return raw.includes("&") ? this.#unescaped(raw) : raw;
	}

	#unescaped(raw: string): string {
		return raw.replace(/&(?:#x([0-9a-fA-F]{1,6});|#(\d{1,7});|(\w+);)?/g, (_, hex, decimal, name) => {
			if (hex ?? decimal) return String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal));
			return named[name ?? ""] ?? this.#fail("an ampersand that is not escaped");
		});
	}

	#fail(words: string): never {
		throw new Error(`${words} (at character ${this.#at})`);
	}
}
