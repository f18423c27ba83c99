/** Property lists that others wrote to break readers (../shared/corpora/plist, or $OTA_TEST_VECTORS/plist). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { readPlist } from "../../lib/apple/plist-reader.ts";
import { asOtaError } from "../../lib/errors.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const configured = process.env.OTA_TEST_VECTORS;
const vectors = resolve(project, configured || "../shared/corpora");
const folder = join(vectors, "plist");

interface Case {
	file: string;
	expect: "accept" | "reject" | "no-crash";
	why: string;
}

/** Good property lists that no device sends: what the scanner's rules for devices refuse, with the reason. */
const stricter: Readonly<Record<string, string>> = {
	"valid_fmt_xml.plist": "integers beyond 2^53",
	"valid_fmt_binary.bplist": "binary",
	"valid_keyed_archive.plist": "binary",
	"deep_nesting_50.bplist": "binary",
};

function outcome(bytes: Uint8Array): "accepted" | string {
	try {
		readPlist(bytes);
		return "accepted";
	} catch (error) {
		return asOtaError(error).code;
	}
}

function milliseconds(bytes: Uint8Array): number {
	const start = performance.now();
	outcome(bytes);
	return performance.now() - start;
}

if (existsSync(folder)) {
	const cases: Case[] = JSON.parse(readFileSync(join(folder, "cpython/manifest.json"), "utf8"));

	describe("the corpus of CPython", () => {
		it("is there", () => expect(cases.length).toBeGreaterThan(40));

		it.each(cases.map((entry) => [entry.file, entry] as const))("%s", (file, entry) => {
			const answer = outcome(readFileSync(join(folder, "cpython", file)));
			const accepts = entry.expect === "accept" && !(file in stricter);
			expect(answer).toBe(accepts ? "accepted" : "malformed");
		});

		it("has a manifest entry for every property list", () => {
			const files = readdirSync(join(folder, "cpython")).filter((file) => /plist$/.test(file));
			expect(files.filter((file) => !cases.some((entry) => entry.file === file))).toEqual([]);
		});
	});

	describe("the measured bombs", () => {
		it.each(readdirSync(join(folder, "measured-bombs")))("%s is refused in under 5 ms", (file) => {
			const bytes = readFileSync(join(folder, "measured-bombs", file));
			expect(outcome(bytes)).toBe("malformed");
			expect(Math.min(...[1, 2, 3].map(() => milliseconds(bytes)))).toBeLessThan(5);
		});
	});
} else if (configured) {
	it("finds the vectors that OTA_TEST_VECTORS names", () => {
		throw new Error(`OTA_TEST_VECTORS is set, and there is no ${folder}`);
	});
} else {
	console.info("skipped: no test vectors beside the project; set OTA_TEST_VECTORS to their folder");
	it.skip("the property list corpus (no test vectors beside the project)", () => {});
}
