/** `ota profile lint`: a .mobileconfig file, signed or not, held against the catalogue; its findings as text or JSON. */
import { readFileSync, statSync } from "node:fs";
import { OtaError } from "../lib/errors.ts";
import type { Catalogue } from "../lib/profile/catalogue/form.ts";
import { catalogueWith, readSchemaFile } from "../lib/profile/catalogue/schema-file.ts";
import { isDeliverable, lintProfile } from "../lib/profile/lint.ts";
import type { Finding, LintTarget } from "../lib/profile/lint-finding.ts";
import { readProfileFile } from "../lib/profile/profile-file.ts";

export interface LintRequest {
	file: string;
	target: LintTarget;
	/** A file of `ota schema import`. */
	schema: string | undefined;
	json: boolean;
}

export interface LintReport {
	/** 0: may be delivered; 1: may not. */
	status: 0 | 1;
	output: string;
	/** For people, beside the output. */
	notes: string;
}

/** Larger than any profile or schema that is read; both are judged again by who reads them. */
const maxBytes = 32 * 1024 * 1024;

/** Throws `config` for a schema file that is none, and what the file system says of either file. */
export function lintFile({ file, target, schema, json }: LintRequest): LintReport {
	const catalogue = schema === undefined ? undefined : catalogueWith(readSchemaFile(readFile(schema).toString("utf8")));
	const { isSigned, findings } = lintBytes(readFile(file), target, catalogue);
	const errors = findings.filter(({ level }) => level === "error").length;
	const warnings = findings.length - errors;
	const text = findings.map(line).join("");
	return {
		status: isDeliverable(findings) ? 0 : 1,
		output: json ? `${JSON.stringify({ file, isSigned, errors, warnings, findings }, null, "\t")}\n` : text,
		notes: `${isSigned ? "Signed; whether the signature holds was not looked at.\n" : ""}${errors} errors, ${warnings} warnings.\n`,
	};
}

function lintBytes(bytes: Uint8Array, target: LintTarget, catalogue: Catalogue | undefined) {
	try {
		const { profile, isSigned } = readProfileFile(bytes);
		return { isSigned, findings: lintProfile(profile, { target, ...(catalogue && { catalogue }) }) };
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		const remedy = "Correct the file; nothing else in it was looked at.";
		const unreadable: Finding = {
			...{ rule: "readable", level: "error", payload: null, path: "" },
			...{ words: error.message, remedy },
		};
		return { isSigned: bytes[0] === 0x30, findings: [unreadable] };
	}
}

function readFile(path: string): Buffer {
	const { size } = statSync(path);
	if (size > maxBytes) throw new OtaError("too_large", `${path}: longer than 32 MiB`);
	return readFileSync(path);
}

function line({ level, rule, payload, path, words, remedy }: Finding): string {
	const where = payload ? `payload ${payload.index} ${payload.type} (${payload.identifier})` : "profile";
	const text = `${level.padEnd(7)}  ${where}${path && ` ${path}`}: ${words}. ${remedy} [${rule}]`;
	// What the file brought must not move the cursor of who reads it.
	return `${text.replace(/\p{C}/gu, "?")}\n`;
}
