/** Headers that stand on every answer, and the one that stands on all of them behind TLS. */

/** Never cached, never guessed at, told to nobody. */
export const always = {
	"cache-control": "no-store",
	"x-content-type-options": "nosniff",
	"referrer-policy": "no-referrer",
} as const;

/** Strict-Transport-Security (RFC 6797): one year, for this host alone. Null on plain http, which is loopback. */
export const strictTransportSecurity = (baseUrl: string): string | null =>
	baseUrl.startsWith("https:") ? "max-age=31536000" : null;
