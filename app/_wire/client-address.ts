/** Whom a request comes from, as far as our own server (bin/web.ts) has told. */

/**
 * Our server writes the one address it knows into X-Forwarded-For and says so here. Under plain `next start` nobody vouches
 * for that header, and a limit by an address that callers choose would lock out others: then it is null.
 */
const vouched = Symbol.for("next-ota.addresses");

/** Null for loopback too: it is the operator, or a proxy (OTA_TRUSTED_PROXIES) that all callers share. */
export function clientAddress(request: Request): string | null {
	if (!(vouched in globalThis)) return null;
	const address = request.headers.get("x-forwarded-for");
	return address === null || /^(?:::ffff:)?127\.|^::1$/.test(address) ? null : address;
}
