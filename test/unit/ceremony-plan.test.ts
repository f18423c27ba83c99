/** The plan of a ceremony: what it means, and every fault at once. */
import { describe, expect, it } from "@jest/globals";
import { readPlan } from "../../lib/ca/ceremony-plan.ts";
import { ConfigError } from "../../lib/errors.ts";

const token = "pkcs11:token=ota?module-path=/usr/lib/libp11.so&pin-source=file:/run/pin";
const certificate = (label: string, type: string, years: number) => ({ key: { label, type }, years });
const good = {
	version: 1,
	organization: "Example Corp",
	witnesses: ["A. Auditor"],
	token,
	root: { certificate: "root.pem" },
	ca: { ...certificate("ca", "p-256", 5), subject: { C: "DE", O: "Example Corp", CN: "Example Device CA" } },
	ra: certificate("ra", "rsa-2048", 2),
	profile: certificate("profile", "rsa-3072", 2),
	seal: { key: { label: "seal", type: "aes-256" } },
};
const noFault = () => null;

function faultsOf(plan: unknown, text = JSON.stringify(plan)): readonly string[] {
	try {
		readPlan(text, (uri) => (uri.includes("pin-source") ? null : "pin-source is missing"));
		return [];
	} catch (error) {
		if (error instanceof ConfigError) return error.faults;
		throw error;
	}
}

describe("a ceremony's plan", () => {
	it("is read with subjects in their order, and ours where it has none", () => {
		const plan = readPlan(JSON.stringify(good), noFault);
		expect(plan.ca.subject).toEqual([
			["C", "DE"],
			["O", "Example Corp"],
			["CN", "Example Device CA"],
		]);
		expect(plan.ra.subject).toEqual([
			["O", "Example Corp"],
			["CN", "Example Corp SCEP RA"],
		]);
		expect(plan.root).toEqual({ certificate: "root.pem" });
		expect(plan.seal.key).toEqual({ label: "seal", type: "aes-256", token: null, existing: false, imported: false });
		expect(plan.output).toBeNull();
	});

	it("tells every fault at once, each with its place", () => {
		const faults = faultsOf({
			...good,
			version: 2,
			token: "pkcs11:token=ota",
			organisation: "typo",
			root: certificate("ca", "rsa-1024", 40),
			ra: certificate("ca", "p-256", 2),
			profile: undefined,
			seal: { key: { label: "seal\n", type: "aes-256", existing: "yes", imported: true } },
		});
		expect(faults).toEqual([
			expect.stringMatching(/^plan\.organisation: is not known/),
			"plan.version: must be 1",
			"plan.token: pin-source is missing",
			"plan.root.years: must be a whole number from 1 to 30",
			"plan.root.key.type: must be one of rsa-2048, rsa-3072, rsa-4096, p-256",
			"plan.ra.key.type: must be one of rsa-2048, rsa-3072, rsa-4096",
			"plan.profile: is missing",
			"plan.profile.years: must be a whole number from 1 to 5",
			"plan.profile.key: is missing",
			"plan.profile.key.type: must be one of rsa-2048, rsa-3072, rsa-4096",
			"plan.profile.key.label: must be text of 1 to 64 characters",
			"plan.seal.key.existing: must be true or false",
			'plan.seal.key.imported: is for a key with "existing": true alone; a generated key is not imported',
			"plan.seal.key.label: must not contain control characters or begin or end with a blank",
			"plan: two keys on one token have the same label",
		]);
	});

	it.each([
		["text that is not JSON", undefined, "{", /^the plan is not JSON: /],
		["a list", [], undefined, /^plan: must be an object$/],
		[
			"one name for two certificates",
			{ ...good, ra: { ...good.ra, subject: good.ca.subject } },
			undefined,
			/same subject/,
		],
		[
			"a country of three letters",
			{ ...good, ca: { ...good.ca, subject: { C: "DEU", CN: "x" } } },
			undefined,
			/\.C: must be two/,
		],
		[
			"a subject without a common name",
			{ ...good, ca: { ...good.ca, subject: { O: "x" } } },
			undefined,
			/\.CN: is missing$/,
		],
		[
			"an attribute that no name of ours has",
			{ ...good, ca: { ...good.ca, subject: { DC: "x", CN: "x" } } },
			undefined,
			/\.DC: is not known/,
		],
	])("refuses %s", (_name, plan, text, words) => {
		expect(faultsOf(plan, text)).toContainEqual(expect.stringMatching(words));
	});

	/** The good plan's text with something put in behind the first `before`. */
	const inserted = (before: string, text: string): string => JSON.stringify(good).replace(before, `${before}${text}`);

	it.each([
		["in the plan", inserted("{", '"token":"pkcs11:token=reviewed","ca":{},'), ["plan.token", "plan.ca"]],
		["in a key", inserted('"ca":{"key":{', '"label":"reviewed",'), ["plan.ca.key.label"]],
		["written with an escape", inserted('"ra":{', '"\\u0079ears":1,'), ["plan.ra.years"]],
		["that is no value of ours", inserted("{", '"__proto__":1,"__proto__":2,'), ["plan.__proto__"]],
		["in an object inside a list", inserted('"witnesses":[', '{"a":"]","a":2},'), ["plan.witnesses[0].a"]],
	])("was read with the last of two members where the reviewer read the first: %s", (_name, text, places) => {
		const twice = faultsOf(undefined, text).filter((fault) => fault.endsWith(": is there twice"));
		expect(twice).toEqual(places.map((place) => `${place}: is there twice`));
	});

	it("may say the same in two objects, and the name of a member in a text", () => {
		const plan = { ...good, witnesses: ['"token":"x","token"', "ca", "ca", 'a\\"b'] };
		expect(faultsOf(plan, JSON.stringify(plan, null, "\t"))).toEqual([]);
	});

	it.each([
		["deeper than any plan", `${"[".repeat(20_000)}${"]".repeat(20_000)}`, /^plan: is nested deeper than 8 levels$/],
		["longer than any plan", JSON.stringify("x".repeat(70_000)), /^the plan is longer/],
	])("is refused when it is %s", (_name, text, words) => {
		expect(faultsOf(undefined, text)).toEqual([expect.stringMatching(words)]);
	});
});
