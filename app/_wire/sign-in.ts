/** Sign-in over plain requests: the session of one, the start of OAuth by redirects alone, and next-auth's own pages. */
import type { NextApiRequest } from "next";
import type { AuthOptions } from "next-auth";
import { getToken } from "next-auth/jwt";
import { BoundedBytes, OtaError, type SessionUser } from "../../lib/index.ts";
import { providerId, sessionOf, sessionUser } from "./auth-options.ts";
import { callNextAuth } from "./next-auth.ts";
import { sameOriginPath } from "./return-to.ts";

/** The signed-in person of a request, or null. */
export async function readSession(options: AuthOptions, request: Request): Promise<SessionUser | null> {
	const ofSession = ([name]: [string, string]) => name.includes("next-auth.session-token");
	const cookies = Object.fromEntries(readCookies(request).filter(ofSession));
	if (Object.keys(cookies).length === 0) return null;
	// Cookies alone: from a request with headers next-auth would take a bearer token as well.
	const { useSecureCookies: secureCookie = false, secret } = options;
	const token = await getToken({ req: { cookies, headers: {} } as unknown as NextApiRequest, secureCookie, secret });
	return token && sessionUser(sessionOf(token), Date.now());
}

/**
 * The redirect to the provider, with the cookies that its answer will be checked against. next-auth starts OAuth by a
 * POST with a CSRF token only: both are made here, so that a link is enough.
 * @param returnTo same-origin path; anything else leads to /
 */
export async function startSignIn(options: AuthOptions, request: Request, origin: string, returnTo: string) {
	const cookies = trustedCookies(request, origin);
	const csrf = await callNextAuth(options, { method: "GET", action: ["csrf"], cookies });
	const { csrfToken } = (await csrf.json()) as { csrfToken: string };
	const fresh = csrf.headers.getSetCookie();
	const response = await callNextAuth(options, {
		method: "POST",
		action: ["signin", providerId],
		body: { csrfToken, callbackUrl: `${origin}${sameOriginPath(returnTo, origin) ?? "/"}` },
		cookies: { ...cookies, ...Object.fromEntries(fresh.map(cookiePair)) },
	});
	const again = response.headers.getSetCookie();
	response.headers.delete("set-cookie");
	const latest = new Map([...fresh, ...again].map((cookie) => [cookiePair(cookie)[0], cookie]));
	for (const cookie of latest.values()) response.headers.append("set-cookie", cookie);
	return response;
}

/** /api/auth/*: everything that next-auth serves. */
export async function serveAuth(options: AuthOptions, request: Request, origin: string): Promise<Response> {
	const url = new URL(request.url);
	const action = url.pathname.replace(/^.*?\/api\/auth\//, "").split("/");
	// next-auth's own client would log through it, and so could anybody: we have none.
	if (action[0] === "_log") throw new OtaError("not_found", "the log of next-auth's client");
	return callNextAuth(options, {
		method: request.method,
		action,
		query: Object.fromEntries([...url.searchParams].filter((field) => mayPass(field, action, origin))),
		body: request.method === "POST" ? await readForm(request) : {},
		cookies: trustedCookies(request, origin),
	});
}

/**
 * next-auth spreads the query over a page's properties and over the request to the provider: only the provider's answer
 * may say what it likes. A callbackUrl that is no URL it would call a fault of the server's.
 */
function mayPass([name, value]: [string, string], action: readonly string[], origin: string): boolean {
	if (name === "callbackUrl") return sameOriginPath(value, origin) !== null;
	return name === "error" || action[0] === "callback";
}

/** Without a way back that leads elsewhere: next-auth would fail on it until the browser forgets it. */
function trustedCookies(request: Request, origin: string): Record<string, string> {
	const leadsAway = ([name, value]: [string, string]) =>
		name.endsWith("next-auth.callback-url") && sameOriginPath(value, origin) === null;
	return Object.fromEntries(readCookies(request).filter((cookie) => !leadsAway(cookie)));
}

function readCookies(request: Request): [string, string][] {
	const pairs = (request.headers.get("cookie") ?? "").split(";").map(cookiePair);
	return pairs.filter(([name]) => name !== "");
}

/** `name=value; Path=/...` as [name, value], decoded. */
function cookiePair(cookie: string): [string, string] {
	const [pair = ""] = cookie.split(";");
	const equals = pair.indexOf("=");
	if (equals < 0) return ["", ""];
	const value = pair.slice(equals + 1).trim();
	try {
		return [pair.slice(0, equals).trim(), decodeURIComponent(value)];
	} catch {
		return [pair.slice(0, equals).trim(), value];
	}
}

const longestForm = 16 * 1024;

/** A form's fields. Failures: media_type, too_large. */
async function readForm(request: Request): Promise<Record<string, string>> {
	const type = request.headers.get("content-type") ?? "";
	if (!/^application\/x-www-form-urlencoded\b/i.test(type))
		throw new OtaError("media_type", "sign-in takes forms alone");
	if (Number(request.headers.get("content-length") ?? 0) > longestForm) throw tooLong();
	const form = new BoundedBytes(longestForm);
	for await (const chunk of request.body ?? []) if (!form.push(chunk)) throw tooLong();
	return Object.fromEntries(new URLSearchParams(form.bytes.toString("utf8")));
}

function tooLong(): OtaError {
	return new OtaError("too_large", `a sign-in form of more than ${longestForm} bytes`);
}
