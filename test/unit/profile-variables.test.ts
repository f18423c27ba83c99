// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of templates look like that.
import { describe, expect, it } from "@jest/globals";
import { profileVariables, replaceVariables, type Variables } from "../../lib/profile/variables.ts";

const certificate = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01]);
const variables: Variables = {
	"user.email": "alice@example.com",
	"user.name": "${user.email}",
	organization: "A & B <Ltd> \u{1F600}",
	"certificate.root": certificate,
	port: 443,
	isOn: true,
};

function replaced(value: unknown): unknown {
	return replaceVariables({ Outer: { Key: [value] } }, variables, "10-wifi");
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
				"known are certificate.root, isOn, organization, port, user.email, user.name",
		});
	});

	it.each([
		["the name of an object's own method", "${toString}"],
		["an inherited name", "${__proto__}"],
		["an empty name", "a${}"],
		["a name with spaces", "${ user.email }"],
		["data inside text", "x${certificate.root}"],
		["an open brace that never closes", "a${user.email"],
	])("refuses %s", (_, text) => {
		expect(refusal(text)).toMatchObject({ name: "OtaError", code: "config" });
	});
});

describe("profileVariables", () => {
	const source = {
		user: { id: "1", email: "bob@example.com" },
		device: { UDID: "0".repeat(40), SERIAL: "F2L" },
		organization: "Example",
		baseUrl: "https://ota.example.com",
		rootCertificate: certificate,
	};

	it("gives every name, the empty text for what the device left out, the address for a missing name", () => {
		expect(profileVariables(source)).toEqual({
			"user.id": "1",
			"user.email": "bob@example.com",
			"user.name": "bob@example.com",
			"device.udid": "0".repeat(40),
			"device.serial": "F2L",
			"device.product": "",
			"device.version": "",
			organization: "Example",
			baseUrl: "https://ota.example.com",
			"certificate.root": certificate,
		});
	});

	it.each(["a\u0000b", "\u0001", "\ud83d", "\uffff"])("refuses a person whose name XML cannot carry: %j", (name) => {
		expect(() => profileVariables({ ...source, user: { ...source.user, name } })).toThrow(
			expect.objectContaining({ code: "policy" }),
		);
	});
});
