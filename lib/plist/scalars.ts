/**
 * What both readers of XML property lists take alike, the device's (`apple/`) and the people's (`profile/`): line ends,
 * character references, dates, data. Pure, linear, and it tells no more than that something is none of these.
 */

const reference = /&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));/y;
const predefined: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const dateText = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;

/** XML 1.0 section 2.11: line ends are read as one line feed, before references are resolved. */
export function lineFeeds(text: string): string {
	return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

/**
 * Character data with its references resolved once; null for an `&` that begins none, or one to what is no character.
 * @param isCarried whether a character may stand in a text at all
 */
export function resolveReferences(raw: string, isCarried: (character: string) => boolean): string | null {
	let text = "";
	let from = 0;
	for (let at = raw.indexOf("&"); at >= 0; at = raw.indexOf("&", from)) {
		reference.lastIndex = at;
		const found = reference.exec(raw);
		const character = found && referred(found, isCarried);
		if (!character) return null;
		text += raw.slice(from, at) + character;
		from = reference.lastIndex;
	}
	return text + raw.slice(from);
}

function referred(
	[, entity, decimal, hexadecimal]: RegExpExecArray,
	isCarried: (character: string) => boolean,
): string | null {
	if (entity) return predefined[entity] ?? null;
	const code = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hexadecimal ?? "0", 16);
	// Half a surrogate pair is no character (XML 1.0 section 2.2).
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return null;
	const character = String.fromCodePoint(code);
	return isCarried(character) ? character : null;
}

/** Content of `date`: Apple's one form, UTC to the second. */
export function readDate(text: string): Date | undefined {
	const milliseconds = dateText.test(text) ? Date.parse(text) : Number.NaN;
	if (Number.isNaN(milliseconds)) return undefined;
	const date = new Date(milliseconds);
	// 31 February is read as 3 March: what was read must be what was written.
	return date.toISOString() === `${text.slice(0, -1)}.000Z` ? date : undefined;
}

/** Content of `data`: canonical base64 (RFC 4648 section 4), broken and indented as one likes. */
export function readData(content: string): Uint8Array | undefined {
	const base64 = content.replace(/[ \t\n]+/g, "");
	const bytes = Buffer.from(base64, "base64");
	// Node passes over what is no base64: what was read must be what was written.
	return bytes.toString("base64") === base64 ? new Uint8Array(bytes) : undefined;
}
