// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of templates look like that.
import { describe, expect, it } from "@jest/globals";
import { isKnownVariable, replaceVariables, type Variables, variableNames } from "../../lib/profile/variables.ts";
import { iPhone, now, rootCertificate, subjectWith, udid, variablesOf } from "../harness/profile-examples.ts";

const certificate = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01]);
const variables: Variables = {
	"user.email": "alice@example.com",
	"user.name": "${user.email}",
	organization: "A & B <Ltd> \u{1F600}",
	"certificate.root": certificate,
	port: 443,
	isOn: true,
	list: ["one", "two"],
	day: new Date(Date.UTC(2026, 0, 2, 23)),
	"user.odd": "a\u0000",
	"secret.odd": ["a", "\ud83d"],
};

function replaced(value: unknown): unknown {
	return replaceVariables({ Outer: { Key: [value] } }, variables, "Template 10-wifi");
}
const around = (value: unknown) => ({ Outer: { Key: [value] } });

function refusal(value: unknown): unknown {
	try {
		return replaced(value);
	} catch (error) {
		return error;
	}
}

describe("replaceVariables", () => {
	it.each<[string, unknown, unknown]>([
		["a text alone", "${user.email}", "alice@example.com"],
		["a text inside text", "mail:${user.email}?", "mail:alice@example.com?"],
		["two in one text", "${user.email}, ${organization}", "alice@example.com, A & B <Ltd> \u{1F600}"],
		["data alone, as data", "${certificate.root}", certificate],
		["a number alone, as a number", "${port}", 443],
		["a number inside text", ":${port}", ":443"],
		["a boolean alone, as a boolean", "${isOn}", true],
		["a list alone, as an array", "${list}", ["one", "two"]],
		["a list inside text", "(${list})", "(one,two)"],
		["a date alone, as a date", "${day}", variables.day],
		["a date inside text", "on ${day}", "on 2026-01-02"],
		["a value that looks like a variable, not looked at again", "<${user.name}>", "<${user.email}>"],
		["an escaped one, literally", "$${user.email}", "${user.email}"],
		["an escaped one beside another", "$${x} ${port}", "${x} 443"],
		["a text without any", "100 $ {a}", "100 $ {a}"],
		["the dollar patterns of String.replace, literally", "$& $1 $$", "$& $1 $$"],
		["values of other types", 13, 13],
		["data as it is", certificate, certificate],
	])("replaces %s", (_, value, result) => {
		expect(replaced(value)).toEqual(around(result));
	});

	it("never replaces in keys", () => {
		expect(replaceVariables({ "${user.email}": "x" }, variables, "t")).toEqual({ "${user.email}": "x" });
	});

	it("names the template, the key path and the known names of an unknown variable", () => {
		expect(refusal("${user.mail}")).toMatchObject({
			code: "config",
			message:
				'Template 10-wifi: Outer.Key[0]: variable "user.mail" is not known; ' +
				"known are certificate.root, day, isOn, list, organization, port, user.email, user.name, user.odd",
		});
	});

	it.each([
		["the name of an object's own method", "${toString}", "config"],
		["an inherited name", "${__proto__}", "config"],
		["an empty name", "a${}", "config"],
		["a name with spaces", "${ user.email }", "config"],
		["data inside text", "x${certificate.root}", "config"],
		["an open brace that never closes", "a${user.email", "config"],
		["a payload that is not there", "${payload.vpn}", "config"],
		["a secret without a value", "${secret.psk}", "config"],
		["a claim that the person lacks", "${user.claims.costs}", "policy"],
		["a person's value that XML cannot carry", "${user.odd}", "policy"],
		["another value that XML cannot carry", "${secret.odd}", "config"],
	])("refuses %s", (_, text, code) => {
		expect(refusal(text)).toMatchObject({
			...{ name: "OtaError", code },
			message: expect.stringContaining("Template 10-wifi: Outer.Key[0]: "),
		});
	});
});

describe("the variables of a person and a device", () => {
	it("gives every name with its type", () => {
		const device = { IMEI: "35 1", MEID: "A1", DEVICE_NAME: "Ana's", LANGUAGE: "de", OS_VERSION: "18.1.1" };
		expect(variablesOf(subjectWith({}, device))).toEqual({
			"user.id": "auth0|17",
			"user.email": "Ana@Example.com",
			"user.name": "Ana",
			"user.login": "Ana",
			"user.groups": ["staff", "it"],
			"user.claims.department": "Research",
			"user.claims.costs": 42,
			"user.claims.isManager": true,
			"user.claims.sites": ["Berlin", "Lisbon"],
			"device.udid": udid,
			"device.serial": iPhone.SERIAL,
			"device.product": "iPhone15,4",
			"device.version": "22B83",
			"device.osVersion": "18.1.1",
			"device.imei": "35 1",
			"device.meid": "A1",
			"device.name": "Ana's",
			"device.language": "de",
			"enrollment.id": "e-1",
			"enrollment.date": now,
			organization: "Example",
			baseUrl: "https://ota.example.com",
			"certificate.root": rootCertificate,
		});
	});

	it("gives the empty text for what the device left out, the address for a missing name", () => {
		const user = { id: "1", email: "bob@example.com", groups: [], claims: {} };
		const subject = { user, device: {}, platform: null, osVersion: null };
		const { "user.name": name, "user.groups": groups, ...rest } = variablesOf(subject);
		expect([name, groups]).toEqual(["bob@example.com", []]);
		expect(Object.keys(rest).filter((each) => each.startsWith("device.") && rest[each] !== "")).toEqual([]);
	});
});

describe("isKnownVariable", () => {
	const names = { payloads: new Set(["wifi"]), secrets: new Set(["wifi.Password"]) };
	it("knows every variable that a person and a device give", () => {
		for (const name of Object.keys(variablesOf(subjectWith())))
			expect([name, isKnownVariable(name, names)]).toEqual([name, true]);
	});
	it.each([
		["identity.client", true],
		["user.claims.https://example.com/costs", true],
		["payload.wifi", true],
		["secret.wifi.Password", true],
		["user.claims.", false],
		["payload.vpn", false],
		["secret.wifi", false],
		["user.mail", false],
		["toString", false],
		["", false],
	])("%s: %s", (name, isKnown) => expect(isKnownVariable(name, names)).toBe(isKnown));
});

describe("variableNames", () => {
	it("gives every variable with its key path, in order", () => {
		const value = {
			A: "${a}${b} $${c}",
			B: [{ C: "x ${" }, "y"],
			D: 1,
			E: new Date(0),
			F: new Uint8Array(1),
			G: "${}",
		};
		expect(variableNames(value)).toEqual([
			{ name: "a", path: "A", isAlone: false },
			{ name: "b", path: "A", isAlone: false },
			{ name: null, path: "B[0].C", isAlone: false },
			{ name: "", path: "G", isAlone: true },
		]);
	});
});
