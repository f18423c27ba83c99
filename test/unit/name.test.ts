/** Distinguished names: written as pkijs reads them. */
import { describe, expect, it } from "@jest/globals";
import * as asn1js from "asn1js";
import { RelativeDistinguishedNames } from "pkijs";
import { commonNames, writeName } from "../../lib/der/name.ts";
import { asOtaError } from "../../lib/errors.ts";
import type { SubjectName } from "../../lib/ports.ts";

const full: SubjectName = [
	["C", "DE"],
	["O", "Example & Söhne"],
	["OU", "Staff"],
	["CN", "alice@example.com"],
	["serialNumber", "C39VK7XQ0D91"],
	["emailAddress", "alice@example.com"],
	["UID", "alice"],
];

function codeOf(run: () => unknown): string {
	try {
		run();
		return "nothing thrown";
	} catch (error) {
		return asOtaError(error).code;
	}
}

describe("writeName", () => {
	it("writes one attribute in each RDN, in order, of the type its attribute wants", () => {
		const schema = asn1js.fromBER(new Uint8Array(writeName(full))).result;
		const { typesAndValues } = new RelativeDistinguishedNames({ schema });
		expect(typesAndValues.map(({ type, value }) => [type, value.idBlock.tagNumber, value.valueBlock.value])).toEqual([
			["2.5.4.6", 19, "DE"],
			["2.5.4.10", 12, "Example & Söhne"],
			["2.5.4.11", 19, "Staff"],
			["2.5.4.3", 12, "alice@example.com"],
			["2.5.4.5", 19, "C39VK7XQ0D91"],
			["1.2.840.113549.1.9.1", 22, "alice@example.com"],
			["0.9.2342.19200300.100.1.1", 19, "alice"],
		]);
	});

	it("writes the empty name", () => expect(Buffer.from(writeName([])).toString("hex")).toBe("3000"));

	it.each([
		["an attribute type that is not known", [["nickname", "al"]]],
		["an empty value", [["CN", ""]]],
	] as [string, SubjectName][])("refuses %s", (_what, name) => expect(codeOf(() => writeName(name))).toBe("internal"));
});

describe("commonNames", () => {
	it.each([
		["none", [["O", "x"]], []],
		["one", full, ["alice@example.com"]],
		[
			"several",
			[
				["CN", "a"],
				["O", "x"],
				["CN", "b"],
			],
			["a", "b"],
		],
	] as [string, SubjectName, string[]][])("%s", (_what, name, expected) => {
		expect(commonNames(writeName(name))).toEqual(expected);
	});

	it("refuses what is no name", () => {
		expect(codeOf(() => commonNames(Buffer.from("30053103020101", "hex")))).toBe("malformed");
	});
});
