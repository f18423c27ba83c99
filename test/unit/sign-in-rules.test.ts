import { describe, expect, it } from "@jest/globals";
import { mayBelieve, sessionUser } from "../../app/_wire/auth-options.ts";
import { sameOriginPath } from "../../app/_wire/return-to.ts";

const origin = "https://ota.example.com";

describe("sameOriginPath", () => {
	it.each([
		["/enroll", "/enroll"],
		["/devices?page=2", "/devices?page=2"],
		[`${origin}/enroll`, "/enroll"],
		[origin, "/"],
		["/a/../enroll", "/enroll"],
	])("keeps %j", (candidate, path) => {
		expect(sameOriginPath(candidate, origin)).toBe(path);
	});

	it.each([
		"",
		"//evil.example",
		"/..//evil.example",
		"/\\evil.example",
		"\\\\evil.example",
		"/\t/evil.example",
		"/\n/evil.example",
		" /enroll",
		"https:evil.example",
		"https://evil.example/",
		`${origin}.evil.example/`,
		`${origin}@evil.example/`,
		`${origin}//evil.example`,
		"javascript:alert(1)",
		"data:text/html,x",
		"enroll",
	])("refuses %j", (candidate) => {
		expect(sameOriginPath(candidate, origin)).toBeNull();
	});
});

describe("mayBelieve", () => {
	it.each([
		["an address that nobody doubts", { email: "alice@example.com" }, true],
		["a verified address", { email: "alice@example.com", email_verified: true }, true],
		["an unverified address", { email: "alice@example.com", email_verified: false }, false],
		["an unverified address, told as text", { email: "alice@example.com", email_verified: "false" }, false],
		["no address", {}, false],
		["no claims", undefined, false],
		["an address that is a list", { email: ["alice@example.com"] }, false],
		["two addresses", { email: "alice@example.com,bob@example.com@example.com" }, false],
		["a full-width @", { email: "alice\uff20example.com" }, false],
		["a look-alike letter", { email: "\u0430lice@example.com" }, false],
		["a line break", { email: "alice@example.com\nbob@example.com" }, false],
	])("judges %s", (_, claims, believed) => {
		expect(mayBelieve(claims)).toBe(believed);
	});
});

describe("sessionUser", () => {
	it("takes a person with id and e-mail address", () => {
		expect(sessionUser({ user: { id: "a", email: "a@example.com", groups: ["staff"] } })).toEqual({
			id: "a",
			email: "a@example.com",
			name: null,
			groups: ["staff"],
		});
	});

	it.each([
		null,
		{},
		{ user: {} },
		{ user: { email: "a@example.com" } },
		{ user: { id: "", email: "a@example.com" } },
		{ message: "error" },
	])("takes %j for nobody", (session) => {
		expect(sessionUser(session)).toBeNull();
	});
});
