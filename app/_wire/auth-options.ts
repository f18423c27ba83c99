/** next-auth for one generic OpenID Connect provider: authorization code with PKCE, state and nonce; JWT sessions. */
import type { AuthOptions, Session } from "next-auth";
import type { JWT } from "next-auth/jwt";
import type { OAuthConfig } from "next-auth/providers/oauth";
import type { SignIn } from "../../lib/config.ts";
import type { Log, SessionUser } from "../../lib/index.ts";
import { sameOriginPath } from "./return-to.ts";

/** The claims of an ID token that count here (OpenID Connect Core section 5.1; `groups` by custom). */
interface Claims {
	sub: unknown;
	email?: unknown;
	email_verified?: unknown;
	name?: unknown;
	groups?: unknown;
	[further: string]: unknown;
}

/** A working day: after it the person signs in again. */
export const sessionSeconds = 8 * 3600;

export const providerId = "oidc";

function oidcProvider(signIn: SignIn, further: readonly string[]): OAuthConfig<Claims> {
	return {
		id: providerId,
		name: "single sign-on",
		type: "oauth",
		wellKnown: `${signIn.issuer}/.well-known/openid-configuration`,
		clientId: signIn.clientId,
		clientSecret: signIn.clientSecret,
		authorization: { params: { scope: "openid email profile" } },
		idToken: true,
		checks: ["pkce", "state", "nonce"],
		httpOptions: { timeout: 10_000 },
		profile: (claims) => ({
			// Without an id next-auth signs nobody in.
			id: text(claims.sub) ?? "",
			email: text(claims.email),
			name: text(claims.name),
			groups: texts(claims.groups),
			claims: furtherClaims(claims, further),
		}),
	};
}

/** A session is a cookie: no claim may fill it. */
const longestClaim = 512;

/** Plain values, and lists of texts. */
function furtherClaims(claims: Claims, names: readonly string[]): NonNullable<SessionUser["claims"]> {
	const plain = names.flatMap((name): [string, string | number | boolean | readonly string[]][] => {
		const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
		if (JSON.stringify(value ?? "").length > longestClaim) return [];
		if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return [[name, value]];
		return Array.isArray(value) ? [[name, texts(value)]] : [];
	});
	return Object.fromEntries(plain);
}

const texts = (claim: unknown): string[] =>
	Array.isArray(claim) ? claim.filter((each) => typeof each === "string") : [];

function text(claim: unknown): string | null {
	return typeof claim === "string" ? claim : null;
}

/** ASCII alone: an address with a look-alike letter or a full-width @ must not pass for another's. */
const address = /^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,255}$/;

/** An e-mail address goes into certificates and profiles: the provider must give one, and must not call it unverified. */
export function mayBelieve(claims: { email?: unknown; email_verified?: unknown } | undefined): boolean {
	const denied = claims?.email_verified === false || claims?.email_verified === "false";
	return typeof claims?.email === "string" && address.test(claims.email) && !denied;
}

/**
 * Of a session what the enrollment may believe; null unless it carries a person's id and began within the working day.
 * The cookie's own time says nothing: next-auth writes a fresh one at every look.
 * @param now milliseconds
 */
export function sessionUser(session: unknown, now: number): SessionUser | null {
	const { user, signedInAt } = (session ?? {}) as { user?: SessionUser; signedInAt?: unknown };
	if (typeof signedInAt !== "number" || !(now / 1000 - signedInAt < sessionSeconds)) return null;
	if (typeof user?.id !== "string" || user.id === "" || typeof user.email !== "string") return null;
	const { id, email, name = null, groups, claims } = user;
	return { id, email, name, groups: groups ?? [], claims: claims ?? {}, signedInAt: new Date(signedInAt * 1000) };
}

/**
 * @param claims names of further claims that a session keeps
 * @param now milliseconds
 */
export function authOptions(
	signIn: SignIn,
	baseUrl: string,
	log: Log,
	claims: readonly string[] = [],
	now: () => number = Date.now,
): AuthOptions {
	return {
		providers: [oidcProvider(signIn, claims)],
		secret: signIn.secret,
		session: { strategy: "jwt", maxAge: sessionSeconds },
		useSecureCookies: baseUrl.startsWith("https:"),
		callbacks: {
			signIn: ({ profile }) => mayBelieve(profile as Claims | undefined),
			redirect: ({ url }) => `${baseUrl}${sameOriginPath(url, baseUrl) ?? "/"}`,
			jwt: ({ token, user }) => (user ? { ...token, ...factsOf(user), signedInAt: now() / 1000 } : token),
			session: ({ session, token }) => withPerson(session, token) as Session,
		},
		logger: {
			// The metadata may hold tokens and personal data: the code and the error's own words are enough.
			error: (code, metadata) => log.error("sign_in.failed", { code: code.slice(0, 80), reason: reason(metadata) }),
			warn: (code) => log.warn("sign_in.warning", { code: code.slice(0, 80) }),
			debug: () => undefined,
		},
	};
}

/** `user` is there at the sign-in alone. */
function factsOf(user: unknown): Pick<SessionUser, "groups" | "claims"> {
	const { groups, claims } = user as SessionUser;
	return { groups: groups ?? [], ...(claims && Object.keys(claims).length > 0 && { claims }) };
}

/** What next-auth's session would say of a token. */
export function sessionOf(token: JWT): object {
	const { email, name } = token;
	return withPerson({ user: { email, name } }, token);
}

function withPerson(session: Pick<Session, "user">, token: JWT): object {
	const { sub: id, groups, claims, signedInAt } = token;
	return { ...session, signedInAt, user: { ...session.user, id, groups, ...(claims !== undefined && { claims }) } };
}

function reason(metadata: unknown): string {
	const error = metadata instanceof Error ? metadata : (metadata as { error?: unknown } | undefined)?.error;
	return error instanceof Error ? error.message.slice(0, 200) : "unknown";
}
