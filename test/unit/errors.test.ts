/** The table of errors: every code has a status, words that may be heard, and a failInfo where SCEP speaks. */
import { describe, expect, it } from "@jest/globals";
import { asOtaError, type Code, ConfigError, failInfo, OtaError, outcomes } from "../../lib/errors.ts";

const codes = Object.keys(outcomes) as Code[];

describe("outcomes", () => {
	it.each(codes)("%s has a status of a refusal and a sentence", (code) => {
		const { status, words } = outcomes[code];
		expect([400, 403, 404, 405, 408, 409, 410, 413, 415, 421, 426, 429, 431, 500, 503]).toContain(status);
		expect(words).toMatch(/^[A-Z].*\.$/);
		expect(words).not.toMatch(/PIN|CKR_|SQL|prisma|pkcs11|stack/i);
	});

	it.each([
		["malformed", 400, null],
		["too_large", 413, null],
		["media_type", 415, null],
		["method", 405, null],
		["not_found", 404, null],
		["host", 421, null],
		["timeout", 408, null],
		["upgrade", 426, null],
		["header_too_large", 431, null],
		["signature", 403, failInfo.badMessageCheck],
		["algorithm", 400, failInfo.badAlg],
		["decryption", 400, failInfo.badMessageCheck],
		["signer_untrusted", 403, failInfo.badMessageCheck],
		["challenge", 403, failInfo.badRequest],
		["key_policy", 400, failInfo.badRequest],
		["message_type", 400, failInfo.badRequest],
		["unknown_certificate", 403, failInfo.badCertId],
		["time", 403, failInfo.badTime],
		["conflict", 409, failInfo.badRequest],
		["expired", 410, failInfo.badRequest],
		["rate", 429, null],
		["hsm_busy", 503, null],
		["hsm_unavailable", 503, null],
		["store_unavailable", 503, null],
		["internal", 500, null],
	] as [Code, number, number | null][])("%s is %i over HTTP, and failInfo %s in SCEP", (code, status, info) => {
		expect(outcomes[code]).toMatchObject({ status, failInfo: info });
	});

	it("what is our fault is never a failInfo: a client must be able to try again", () => {
		for (const code of codes) if (outcomes[code].status >= 500) expect(outcomes[code].failInfo).toBeNull();
	});
});

describe("asOtaError", () => {
	it("leaves an OtaError as it is", () => {
		const error = new OtaError("challenge", "why", { cause: new Error("deeper") });
		expect(asOtaError(error)).toBe(error);
		expect([error.name, error.code, error.message]).toEqual(["OtaError", "challenge", "why"]);
		expect(error.cause).toEqual(new Error("deeper"));
	});

	it("knows the twin of another copy of the class by its shape", () => {
		const twin = Object.assign(new Error("why"), { name: "OtaError", code: "time" });
		expect(asOtaError(twin)).toBe(twin);
	});

	it.each([
		["an Error", new Error("boom"), "boom"],
		[
			"a look-alike with an unknown code",
			Object.assign(new Error("boom"), { name: "OtaError", code: "nonsense" }),
			"boom",
		],
		["an Error with a code of the system's", Object.assign(new Error("gone"), { code: "ENOENT" }), "gone"],
		["a text", "boom", "unknown failure"],
		["nothing", undefined, "unknown failure"],
		["null", null, "unknown failure"],
		["an object that says it is one", { name: "OtaError", code: "time" }, "unknown failure"],
	])("makes %s internal, its cause kept", (_what, thrown, message) => {
		const error = asOtaError(thrown);
		expect(error).toBeInstanceOf(OtaError);
		expect([error.code, error.message, error.cause]).toEqual(["internal", message, thrown]);
	});
});

describe("ConfigError", () => {
	it("lists every fault, one a line", () => {
		const error = new ConfigError(["OTA_A: set it", "OTA_B: shorten it"]);
		expect([error.code, error.faults.length]).toEqual(["config", 2]);
		expect(error.message.split("\n")).toEqual([
			"Configuration: 2 fault(s)",
			"  - OTA_A: set it",
			"  - OTA_B: shorten it",
		]);
	});
});
