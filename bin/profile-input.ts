/** A file that an operator names: a .mobileconfig, signed or not, or a document in YAML; and what kind it was. */
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { OtaError } from "../lib/errors.ts";
import type { ProfileDocument } from "../lib/profile/document.ts";
import { readDocumentYaml } from "../lib/profile/document-yaml.ts";
import { readProfileFile } from "../lib/profile/profile-file.ts";
import type { PropertyListDict } from "../lib/profile/property-list.ts";
import { isFileError } from "./file-error.ts";

/** Larger than any profile, schema or list that is read; all are judged again by who reads them. */
const maxBytes = 32 * 1024 * 1024;

/** Throws `not_found` with what the file system says, `too_large`. */
export function readInput(path: string): Buffer {
	try {
		if (statSync(path).size > maxBytes) throw new OtaError("too_large", `${path}: longer than 32 MiB`);
		return readFileSync(path);
	} catch (error) {
		if (!isFileError(error)) throw error;
		throw new OtaError("not_found", error.message, { cause: error });
	}
}

export const isYamlName = (path: string): boolean => /\.ya?ml$/i.test(path);

/** What such a file holds. */
export type ProfileInput =
	| { kind: "document"; document: ProfileDocument }
	| { kind: "profile"; profile: PropertyListDict; isSigned: boolean };

/** Throws `malformed` or `too_large`, in words for who chose the file. */
export function readProfileInput(path: string): ProfileInput {
	const bytes = readInput(path);
	if (!isYamlName(path)) return { kind: "profile", ...readProfileFile(bytes) };
	let yaml: string;
	try {
		yaml = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		throw new OtaError("malformed", `${path}: is no UTF-8; save it as UTF-8`);
	}
	return { kind: "document", document: readDocumentYaml(yaml) };
}

/** What of a file's name may be a profile's; empty when nothing may. */
export function nameOfFile(path: string): string {
	return basename(path)
		.replace(/\.[A-Za-z0-9]+$/, "")
		.normalize("NFD")
		.replace(/\p{M}/gu, "")
		.replace(/[^A-Za-z0-9._-]+/g, "-")
		.replace(/^[^A-Za-z0-9]+|-+$/g, "")
		.slice(0, 64);
}
