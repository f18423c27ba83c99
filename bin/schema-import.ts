/** Reads a checkout of Apple's device-management repository and compiles it; writes the file whole or not at all. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { OtaError } from "../lib/errors.ts";
import { writeSchemaFile } from "../lib/profile/catalogue/schema-file.ts";
import { type ImportedSchema, importSchema, type SchemaDocument } from "../lib/profile/schema-import.ts";

/** Where the payloads' documents are in the repository. */
const profiles = join("mdm", "profiles");
const limits = { files: 1_000, bytes: 4 * 1024 * 1024 } as const;

export interface CompiledSchema extends ImportedSchema {
	/** Text of the schema file. */
	file: string;
}

/** @param folder the checkout, or the folder of the documents. Throws `config`, `malformed`, `too_large`. */
export function compileSchema(folder: string): CompiledSchema {
	const schema = importSchema(readDocuments(folder));
	if (schema.payloads.length === 0) throw new OtaError("config", `${folder}: no document of a payload in it`);
	return { ...schema, file: writeSchemaFile(schema.payloads) };
}

function readDocuments(folder: string): SchemaDocument[] {
	const inside = join(folder, profiles);
	const place = isFolder(inside) ? inside : folder;
	if (!isFolder(place)) throw new OtaError("config", `${folder}: there is no such folder`);
	const names = readdirSync(place, { withFileTypes: true })
		.filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
		.map(({ name }) => name)
		.sort();
	if (names.length > limits.files) throw new OtaError("too_large", `${place}: more than ${limits.files} documents`);
	return names.map((name) => ({ name, text: readText(join(place, name)) }));
}

function readText(path: string): string {
	if (statSync(path).size > limits.bytes) throw new OtaError("too_large", `${path}: longer than 4 MiB`);
	return readFileSync(path, "utf8");
}

function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

export function writeWhole(path: string, text: string): void {
	const staging = mkdtempSync(join(dirname(path), ".schema-"));
	try {
		writeFileSync(join(staging, "file"), text, { flush: true });
		renameSync(join(staging, "file"), path);
	} finally {
		rmSync(staging, { recursive: true, force: true });
	}
}
