/** What a browser is told about the answers that are not the steps' own: next-auth's pages, and TLS for all. */
import type { Config } from "../../lib/config.ts";

type Settings = Pick<Config, "baseUrl" | "signIn">;

/** RFC 6797: one year, for this host alone. Nothing on plain http, which is loopback. */
export function strictTransport(response: Response, { baseUrl }: Settings): Response {
	if (baseUrl.startsWith("https:")) response.headers.set("strict-transport-security", "max-age=31536000");
	return response;
}

/**
 * Of next-auth's pages (CSP level 3): their style is inline and not ours to hash, they have no script, and their one
 * button leads, by a redirect that counts as the form's action, to the provider.
 */
export function signInPolicy({ signIn }: Settings): string {
	const provider = signIn ? ` ${new URL(signIn.issuer).origin}` : "";
	return [
		"default-src 'none'",
		"style-src 'unsafe-inline'",
		`form-action 'self'${provider}`,
		"base-uri 'none'",
		"frame-ancestors 'none'",
	].join("; ");
}
