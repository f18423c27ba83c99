/** The person behind a request: what an SSO session must be to count, as a table. */
import { describe, expect, it } from "@jest/globals";
import { asOtaError } from "../../lib/errors.ts";
import { readUser } from "../../lib/http/session.ts";
import type { SessionUser } from "../../lib/options.ts";
import type { User } from "../../lib/ports.ts";

/** Sessions come from somebody else's library: whatever it gives. */
function outcome(session: unknown): User | null | string {
	try {
		return readUser(session as SessionUser | null);
	} catch (error) {
		return asOtaError(error).code;
	}
}
const email = "alice@example.com";
const person = (more: object = {}): User => ({ id: "alice", email, groups: [], claims: {}, ...more });

describe("no session", () => {
	it.each([null, undefined, "alice", 1, true, () => ({})])("%p", (session) => expect(outcome(session)).toBeNull());
});

describe("a session that says nothing of a person", () => {
	it.each([
		["an empty object", {}],
		["an error object", new Error("session callback failed")],
		["an error as JSON", { error: "RefreshAccessTokenError", message: "x" }],
		["a response", new Response("alice@example.com")],
		["an array", [email]],
		["the whole session instead of its user", { user: { id: "alice", email }, expires: "2026-12-01" }],
		["no e-mail", { id: "alice" }],
		["a null e-mail", { id: "alice", email: null }],
		["an empty e-mail", { id: "alice", email: "" }],
		["an e-mail that is an object", { id: "alice", email: { toString: (): string => email } }],
		["an e-mail that is a list", { id: "alice", email: [email] }],
	])("%s: policy", (_what, session) => expect(outcome(session)).toBe("policy"));
});

describe("an e-mail address", () => {
	it.each([
		["alice@example.com", true],
		["a.b+c@sub.example.com", true],
		["jürg@exämple.ch", true],
		["o'hara@example.com", true],
		["a&b@example.com", true],
		[`${"a".repeat(242)}@example.com`, true],
		[`${"a".repeat(243)}@example.com`, false],
		["alice", false],
		["@example.com", false],
		["alice@", false],
		["a@b@c", false],
		["alice @example.com", false],
		["alice@example.com\n", false],
		["alice@example.com\nCN=admin", false],
		["alice\u0000@example.com", false],
		["alice\u0007@example.com", false],
		["alice\u202e@example.com", false],
		["alice\ud800@example.com", false],
		["alice\u00a0@example.com", false],
		["<alice@example.com>", false],
		['"alice"@example.com', false],
		["alice\\@example.com", false],
		["<script>@example.com", false],
	])("%j: %s", (address, good) => {
		const answer = outcome({ id: "alice", email: address });
		expect(answer).toEqual(good ? person({ email: address }) : "policy");
	});
});

describe("the id", () => {
	it.each([
		["as given", "sub|42", "sub|42"],
		["the e-mail address when absent", undefined, email],
		["the e-mail address when null", null, email],
		["the e-mail address when empty", "", email],
		["the e-mail address when it is a number", 42, email],
		["the e-mail address when it is an object", { $ne: null }, email],
		["of 255 characters", "x".repeat(255), "x".repeat(255)],
	])("%s", (_what, id, expected) => expect(outcome({ id, email })).toEqual(person({ id: expected })));

	it.each(["a\u0000b", "a\nb", "a\ud800", "a\uffff"])("%j, which no profile can carry, is refused", (id) => {
		expect(outcome({ id, email })).toBe("policy");
	});

	it("that is longer is refused, not cut: two people must not become one", () => {
		expect(outcome({ id: "x".repeat(256), email })).toBe("policy");
	});
});

describe("the rest", () => {
	it.each([
		["a name", { name: "Alice Example" }, { name: "Alice Example" }],
		["a name of 300 characters", { name: "x".repeat(300) }, { name: "x".repeat(254) }],
		["a name of 254 characters beyond the BMP", { name: "😊".repeat(255) }, { name: "😊".repeat(254) }],
		["a name with a joiner", { name: "نرگس\u200cها" }, { name: "نرگس\u200cها" }],
		["a name with a NUL, which no profile can carry", { name: "A\u0000lice" }, {}],
		["a name with half a character", { name: "A\ud800" }, {}],
		["an empty name", { name: "" }, {}],
		["a name that is none", { name: { first: "Alice" } }, {}],
		["groups", { groups: ["staff", "admins"] }, { groups: ["staff", "admins"] }],
		["groups with other things in them", { groups: ["staff", 1, null, ["admins"], {}] }, { groups: ["staff"] }],
		["groups that are a text", { groups: "admins" }, {}],
		["groups that are null", { groups: null }, {}],
		["claims", { claims: { a: "x", b: 1, c: true, d: ["y"] } }, { claims: { a: "x", b: 1, c: true, d: ["y"] } }],
		[
			"claims with other things in them",
			{ claims: { a: "x", b: null, c: { d: 1 }, e: [1], f: undefined, g: () => "x", h: new Date(0) } },
			{ claims: { a: "x" } },
		],
		["claims that are a text", { claims: "admin" }, {}],
		["claims that are null", { claims: null }, {}],
	])("%s", (_what, more, expected) => {
		expect(outcome({ id: "alice", email, ...more })).toEqual(person(expected));
	});

	it("claims give no prototype away", () => {
		const claims = JSON.parse('{"__proto__":{"admin":true},"constructor":"x"}');
		const answer = outcome({ id: "alice", email, claims }) as User;
		expect(Object.getPrototypeOf(answer.claims)).toBe(Object.prototype);
		expect("admin" in answer.claims).toBe(false);
	});

	it("nothing else of the session is taken over", () => {
		expect(outcome({ id: "alice", email, accessToken: "secret", isAdmin: true })).toEqual(person());
	});
});
