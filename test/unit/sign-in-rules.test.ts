import { describe, expect, it } from "@jest/globals";
import { authOptions, mayBelieve, sessionSeconds, sessionUser } from "../../app/_wire/auth-options.ts";
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

const now = Date.UTC(2026, 10, 22, 12);
/** Seconds, as a token counts them. */
const ago = (seconds: number): number => now / 1000 - seconds;

describe("sessionUser", () => {
	const user = { id: "a", email: "a@example.com", groups: ["staff"] };

	it("takes a person with id and e-mail address", () => {
		expect(sessionUser({ user, signedInAt: ago(0) }, now)).toEqual({
			id: "a",
			email: "a@example.com",
			name: null,
			groups: ["staff"],
			claims: {},
			signedInAt: new Date(now),
		});
	});

	it("keeps of the provider's claims those that are named, as far as they are plain and short", () => {
		const signIn = { secret: "x".repeat(32), issuer: "https://sso.example.com", clientId: "ota", clientSecret: "s" };
		const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
		const names = ["department", "floor", "teams", "manager", "story", "toString"];
		const { providers } = authOptions(signIn, origin, log, names);
		const [provider] = providers as unknown as [{ profile(claims: object): { claims: object } }];
		const claims = { department: "Sales", floor: 3, teams: ["a", 1, "b"], manager: { id: 1 }, story: "x".repeat(600) };
		const profile = provider.profile({ sub: "a", email: "a@example.com", salary: 1, ...claims });
		expect(profile.claims).toEqual({ department: "Sales", floor: 3, teams: ["a", "b"] });
	});

	it.each([
		null,
		{},
		{ user: {} },
		{ user: { email: "a@example.com" } },
		{ user: { id: "", email: "a@example.com" } },
		{ message: "error" },
	])("takes %j for nobody", (session) => {
		expect(sessionUser(session && { ...session, signedInAt: ago(0) }, now)).toBeNull();
	});

	it.each([
		["just before the end of the working day", ago(sessionSeconds - 1), true],
		["at its end", ago(sessionSeconds), false],
		["years ago", 0, false],
		["at no known time", undefined, false],
		["at a time that is text", String(ago(0)), false],
		["at a time that is no number", Number.NaN, false],
	])("asks how long ago the sign-in was: %s", (_, signedInAt, believed) => {
		expect(sessionUser({ user, signedInAt }, now) !== null).toBe(believed);
	});
});

describe("a session cookie that next-auth renews at every look", () => {
	it("does not make the sign-in any younger", async () => {
		const signIn = { secret: "x".repeat(32), issuer: "https://sso.example.com", clientId: "ota", clientSecret: "s" };
		const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
		let time = now;
		const { callbacks } = authOptions(signIn, origin, log, [], () => time);
		type Jwt = NonNullable<NonNullable<typeof callbacks>["jwt"]>;
		const person = { id: "a", email: "a@example.com", groups: ["staff"] };
		const look = (token: object) => callbacks?.jwt?.({ token } as Parameters<Jwt>[0]) as Promise<object>;
		let token = await callbacks?.jwt?.({ token: { sub: "a" }, user: person } as unknown as Parameters<Jwt>[0]);
		expect(token).toEqual({ sub: "a", groups: ["staff"], signedInAt: now / 1000 });
		for (let hour = 1; hour <= 9; hour++) {
			time = now + hour * 3_600_000;
			token = { ...(await look({ ...token })), iat: time / 1000 } as typeof token;
			const session = await callbacks?.session?.({ session: { user: person }, token } as never);
			expect([hour, sessionUser(session, time) !== null]).toEqual([hour, hour < 8]);
		}
	});
});
