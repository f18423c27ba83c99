/** The sign-in without JavaScript: redirects over two origins, cookies of each, a login form and a consent form. */
import { describe, expect, it } from "@jest/globals";
import { browse, chooseForm, type Transport } from "../device/index.ts";

const html = (body: string, headers: [string, string][] = []): Response =>
	new Response(body, { headers: [["content-type", "text/html; charset=utf-8"], ...headers] });
const redirect = (location: string, cookies: string[] = []): Response =>
	new Response(null, {
		status: 303,
		headers: [["location", location], ...cookies.map((one): [string, string] => ["set-cookie", one])],
	});

const app = "http://localhost:3000";
const idp = "http://localhost:4000";

const loginPage = `<!doctype html><form action="/search"><input name="q" type="search" disabled></form>
	<form method="post" action='${idp}/login?a=1&amp;b=2'><input type="hidden" name="prompt" value="login &quot;x&quot;">
	<input name="login"><input name=password type=password><button type="submit">Go</button></form>`;

/** A relying party and an OpenID provider, as small as they can be. */
function pages(log: string[]): Transport {
	return async (request) => {
		const { origin, pathname, search } = new URL(request.url);
		const cookie = request.headers.get("cookie") ?? "";
		const body = request.method === "POST" ? await request.text() : "";
		log.push(`${request.method} ${origin.slice(-4)}${pathname}${search} [${cookie}] ${body}`.trim());
		const signedIn = cookie.includes("session=yes");
		if (origin === app && pathname === "/enroll" && !signedIn) return redirect(`${idp}/auth`, ["state=s1; Path=/"]);
		if (origin === app && pathname === "/enroll") {
			return new Response("profile", { headers: { "content-type": "application/x-apple-aspen-config" } });
		}
		if (pathname === "/auth") return redirect("/login", ["interaction=i1; Path=/login; HttpOnly", "old=1; Path=/"]);
		if (pathname === "/login" && request.method === "GET") return html(loginPage);
		if (pathname === "/login") {
			if (!body.includes("login=alice")) return html(loginPage);
			return redirect("/consent", ["old=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]);
		}
		if (pathname === "/consent" && request.method === "GET") {
			return html(`<script>document.write("<form action='/trap'><button>x</button></form>")</script>
				<form method="post"><input type=hidden name=c value=1><button name="ok" value="yes">Continue</button></form>`);
		}
		if (pathname === "/consent") return redirect(`${app}/callback?code=c1`);
		if (pathname === "/callback") return redirect("/enroll", ["session=yes; Path=/"]);
		return html("<p>There is nothing here.</p>");
	};
}

describe("the sign-in", () => {
	it("comes back to /enroll through login and consent, with each origin's own cookies", async () => {
		const log: string[] = [];
		const response = await browse(pages(log), `${app}/enroll`, { user: "alice", password: "pass word" });
		expect(await response.text()).toBe("profile");
		expect(log).toEqual([
			"GET 3000/enroll []",
			"GET 4000/auth []",
			"GET 4000/login [interaction=i1; old=1]",
			"POST 4000/login?a=1&b=2 [interaction=i1; old=1] prompt=login+%22x%22&login=alice&password=pass+word",
			"GET 4000/consent []",
			"POST 4000/consent [] c=1&ok=yes",
			"GET 3000/callback?code=c1 [state=s1]",
			"GET 3000/enroll [state=s1; session=yes]",
		]);
	});

	it("ends when the login is refused, when nobody is named, and at a page that leads nowhere", async () => {
		const open = (user?: string, path = "/enroll"): Promise<Response> =>
			browse(pages([]), `${app}${path}`, user === undefined ? {} : { user });
		await expect(open("mallory")).rejects.toThrow("The sign-in of mallory was refused.");
		await expect(open()).rejects.toThrow("name a user");
		await expect(open("alice", "/nowhere")).rejects.toThrow("shows no form");
	});

	it("tells an error status with the words of the problem document", async () => {
		const problem = { code: "rate", title: "Too many requests." };
		const headers = { "content-type": "application/problem+json" };
		const refuse: Transport = async () => new Response(JSON.stringify(problem), { status: 429, headers });
		await expect(browse(refuse, `${app}/enroll`, {})).rejects.toMatchObject({
			step: "sign in",
			status: 429,
			message: "/enroll answered 429: rate, Too many requests.",
		});
	});

	it("ends a circle of redirects", async () => {
		await expect(browse(async () => redirect("/again"), `${app}/enroll`, {})).rejects.toThrow("did not end");
	});
});

describe("a page's form", () => {
	const base = new URL(`${app}/page?x=1`);
	it.each<[string, string, object | undefined]>([
		["no form", "<p>none</p>", undefined],
		["no way to submit", "<form><input type=hidden name=a></form>", undefined],
		["no action: the page itself", "<form><button>Go</button></form>", { action: base.href, method: "GET" }],
		[
			"an action beside it",
			'<form action="go" METHOD=Post><input type=submit></form>',
			{ action: `${app}/go`, method: "POST" },
		],
		["a comment", "<!-- <form><button>x</button></form> -->", undefined],
	])("%s", (_name, page, form) => {
		const chosen = chooseForm(page, base);
		if (form === undefined) expect(chosen).toBeUndefined();
		else expect(chosen).toMatchObject(form);
	});

	it("sends checked boxes and the first button alone", () => {
		const form = chooseForm(
			`<form><input type=checkbox name=a checked><input type=checkbox name=b><input type=radio name=c value=1 checked>
			<button name=go value=1>1</button><button name=stop value=2>2</button><button type=button name=n>3</button></form>`,
			base,
		);
		expect([...(form?.fields ?? [])]).toEqual([
			["a", "on"],
			["c", "1"],
			["go", "1"],
		]);
	});
});
