/** What a browser is told about the answers that are not the steps' own: next-auth's pages, and TLS for all. */
import type { Config } from "../../lib/config.ts";
import { strictTransportSecurity } from "../../lib/index.ts";

type Settings = Pick<Config, "baseUrl" | "signIn">;

export function strictTransport(response: Response, { baseUrl }: Settings): Response {
	const value = strictTransportSecurity(baseUrl);
	if (value !== null) response.headers.set("strict-transport-security", value);
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
