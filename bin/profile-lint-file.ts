/** A .mobileconfig file, signed or not, or a document, held against the catalogue; its findings as text or JSON. */
import { OtaError } from "../lib/errors.ts";
import type { Catalogue } from "../lib/profile/catalogue/form.ts";
import { readCatalogue } from "../lib/profile/catalogue/schema-file.ts";
import { lintDocument } from "../lib/profile/document-lint.ts";
import { isDeliverable, lintProfile } from "../lib/profile/lint.ts";
import type { Finding, LintTarget } from "../lib/profile/lint-finding.ts";
import { printable } from "./printable.ts";
import { readInput, readProfileInput } from "./profile-input.ts";
import { countsOf, findingLine } from "./profile-words.ts";

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

/** Throws `config` for a schema file that is none, and what the file system says of either file. */
export function lintFile({ file, target, schema, json }: LintRequest): LintReport {
	const catalogue = schema === undefined ? undefined : readCatalogue(readInput(schema).toString("utf8"));
	const { isSigned, findings } = lintInput(file, target, catalogue);
	const errors = findings.filter(({ level }) => level === "error").length;
	const report = { file, isSigned, errors, warnings: findings.length - errors, findings };
	const lines = json ? JSON.stringify(report, null, 2).split("\n") : findings.map(findingLine);
	return {
		status: isDeliverable(findings) ? 0 : 1,
		output: lines.map((line) => `${printable(line)}\n`).join(""),
		notes: `${isSigned ? "Signed; whether the signature holds was not looked at.\n" : ""}${countsOf(findings)}.\n`,
	};
}

function lintInput(file: string, target: LintTarget, catalogue: Catalogue | undefined) {
	const options = { target, ...(catalogue && { catalogue }) };
	try {
		const input = readProfileInput(file);
		if (input.kind === "document")
			return { isSigned: false, findings: lintDocument(input.document, { ...options, now: new Date() }).map(asFile) };
		return { isSigned: input.isSigned, findings: lintProfile(input.profile, options) };
	} catch (error) {
		if (!(error instanceof OtaError) || error.code === "not_found") throw error;
		const remedy = "Correct the file; nothing else in it was looked at.";
		const unreadable: Finding = {
			...{ rule: "readable", level: "error", payload: null, path: "" },
			...{ words: error.message, remedy },
		};
		return { isSigned: readInput(file)[0] === 0x30, findings: [unreadable] };
	}
}

/** A file may hold secrets, or name those that the database has: an import seals the ones and finds the others. */
const asFile = (finding: Finding): Finding => (finding.rule === "secret" ? { ...finding, level: "warning" } : finding);
