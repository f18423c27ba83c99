/** The message of a GET PKIOperation: base64 as real clients send it, as a table. */
import { describe, expect, it } from "@jest/globals";
import { asOtaError } from "../../lib/errors.ts";
import { parameters, readQueryMessage } from "../../lib/scep/base64.ts";

// Octets whose base64 has a plus, a slash and two signs of padding: "+/+/+w==".
const bytes = Buffer.from("fbffbffb", "hex");
const base64 = bytes.toString("base64");

function outcome(query: string): string {
	try {
		return Buffer.from(readQueryMessage(query)).toString("hex");
	} catch (error) {
		return asOtaError(error).code;
	}
}
const good = bytes.toString("hex");

describe("readQueryMessage", () => {
	it("is tried with a plus, a slash and padding", () => expect(base64).toBe("+/+/+w=="));

	it.each([
		["escaped throughout, as sscep sends it", `operation=PKIOperation&message=${encodeURIComponent(base64)}`, good],
		["a raw plus, as macOS sends it", `operation=PKIOperation&message=${base64}`, good],
		["blanks that were pluses", `message=${base64.replaceAll("+", " ")}`, good],
		["%20 that were pluses", `message=${base64.replaceAll("+", "%20")}`, good],
		["padding left out", `message=${base64.replace(/=/g, "")}`, good],
		["half the padding", `message=${base64.replace(/=$/, "")}`, good],
		["line ends of openssl", "message=%2B%2F%2B%2F%0A%2Bw%3D%3D%0A", good],
		["line ends of Windows", "message=%2B%2F%2B%2F%0D%0A%2Bw%3D%3D%0D%0A", good],
		["a question mark before", `?operation=PKIOperation&message=${base64}`, good],
		["before the operation", `message=${base64}&operation=PKIOperation`, good],
		["beside another parameter", `message=${base64}&x=%ff`.replace("%ff", "y"), good],
		["no message", "operation=PKIOperation", "malformed"],
		["an empty query", "", "malformed"],
		["an empty message", "operation=PKIOperation&message=", "malformed"],
		["a message without a value", "operation=PKIOperation&message", "malformed"],
		["padding alone", "message===", "malformed"],
		["three signs of padding", "message=+w===", "malformed"],
		["padding in the middle", "message=+w==+w==", "malformed"],
		["two messages", `message=${base64}&message=${base64}`, "malformed"],
		["the name in capitals", `MESSAGE=${base64}`, "malformed"],
		["base64url", "message=-_-_-w", "malformed"],
		["a quotation mark", "message=%22aaaa%22", "malformed"],
		["a tab", "message=aa%09aa", "malformed"],
		["a NUL", "message=aaaa%00", "malformed"],
		["a broken escape", "message=aaaa%2", "malformed"],
		["an escape that is no UTF-8", "message=aaaa%ff", "malformed"],
		["escapes of escapes", "message=%252B%252F", "malformed"],
		["one digit", "message=A", "malformed"],
		["one digit over a group", "message=AAAAA", "malformed"],
		["16,384 digits", `message=${"A".repeat(16_384)}`, "00".repeat(12_288)],
		["16,385 digits", `message=${"A".repeat(16_385)}`, "malformed"],
	])("%s", (_what, query, expected) => expect(outcome(query)).toBe(expected));
});

describe("parameters", () => {
	it.each([
		["a=1&b=2&a=3", "a", ["1", "3"]],
		["a", "a", [""]],
		["a=", "a", [""]],
		["a==", "a", ["="]],
		["aa=1", "a", []],
		["a=%41+", "a", ["A+"]],
		["", "a", []],
		["?a=1", "a", ["1"]],
		["x=%ff&a=1", "a", ["1"]],
	])("of %s named %s are %j", (query, name, expected) => expect(parameters(query, name)).toEqual(expected));
});
