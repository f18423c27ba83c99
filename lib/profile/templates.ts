/**
 * The operator's payload templates: one XML property list per file, one payload dictionary in each, with variables
 * (see `variables.ts`) inside its values.
 */
import { OtaError } from "../errors.ts";
import type { Template } from "../options.ts";
import { checkPropertyListValue, isPropertyListDict } from "./property-list.ts";
import { readPropertyList } from "./property-list-reader.ts";

const maxLength = 1024 * 1024;

/** Letters, digits, `.`, `_` and `-`: the name becomes part of identifiers and variables. */
export function isTemplateName(name: string): boolean {
	return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

/**
 * A template from the text of its file; `file` is the file's name, with or without `.plist`, `.xml` or `.mobileconfig`.
 * Throws `config`, naming the file.
 */
export function parseTemplate(file: string, text: string): Template {
	const name = file.replace(/\.(?:plist|xml|mobileconfig)$/i, "");
	if (!isTemplateName(name)) throw fault(file, "its name may have letters, digits, '.', '_' and '-' only");
	if (text.length > maxLength) throw fault(file, "longer than 1 MiB");
	const payload = parsePayload(file, text.trimStart());
	checkPropertyListValue(payload, `Template ${file}`);
	if (payload.PayloadType === "Configuration") {
		throw fault(file, "a whole profile; put each dictionary of its PayloadContent in a file of its own");
	}
	if (typeof payload.PayloadType !== "string" || payload.PayloadType === "") throw fault(file, "no PayloadType");
	return { name, payload };
}

function parsePayload(file: string, text: string): Record<string, unknown> {
	if (!/^(?:<\?xml\s|<!DOCTYPE\s|<!--|<plist[\s>])/.test(text)) throw fault(file, "no XML property list");
	let payload: unknown;
	try {
		payload = readPropertyList(new TextEncoder().encode(text));
	} catch (cause) {
		throw fault(file, cause instanceof Error ? cause.message : "cannot be read", cause);
	}
	if (!isPropertyListDict(payload)) throw fault(file, "its root is not one payload dictionary");
	return payload;
}

function fault(file: string, what: string, cause?: unknown): OtaError {
	return new OtaError("config", `Template ${JSON.stringify(file)}: ${what}`, { cause });
}
