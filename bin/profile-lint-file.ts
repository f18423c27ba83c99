/** A .mobileconfig file, signed or not, a document or a template file, held against the catalogue; its findings as text or JSON. */
import { basename } from "node:path";
import { OtaError } from "../lib/errors.ts";
import { builtInCatalogue } from "../lib/profile/catalogue/built-in.ts";
import type { Catalogue } from "../lib/profile/catalogue/form.ts";
import { readCatalogue } from "../lib/profile/catalogue/schema-file.ts";
import { lintDocument } from "../lib/profile/document-lint.ts";
import { plainSecrets } from "../lib/profile/document-secret-faults.ts";
import { isDeliverable, lintProfile } from "../lib/profile/lint.ts";
import type { Finding, LintTarget } from "../lib/profile/lint-finding.ts";
import { parseTemplate } from "../lib/profile/templates.ts";
import { templatesDocument } from "../lib/profile/templates-document.ts";
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

function lintInput(file: string, target: LintTarget, catalogue: Catalogue = builtInCatalogue) {
	const options = { target, catalogue };
	try {
		if (/\.plist$/i.test(file)) return { isSigned: false, findings: lintTemplate(file, target, catalogue) };
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

/** As the server reads it, and delivers it below all profiles: a profile of this one payload. */
function lintTemplate(file: string, target: LintTarget, catalogue: Catalogue): Finding[] {
	const template = parseTemplate(basename(file), readInput(file).toString("utf8"));
	const document = templatesDocument([template]);
	const plain = new Set(document.payloads.flatMap(({ payload }) => [...plainSecrets(payload, catalogue)]));
	const remedy = "Whoever may read the file sees it; a profile keeps it sealed: ota profile import.";
	return lintDocument(document, { target, catalogue }).map((finding) =>
		finding.rule === "secret" && plain.has(finding.path) ? { ...finding, level: "warning", remedy } : finding,
	);
}
