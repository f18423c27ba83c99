/** Whom a request comes from, as far as our own server (bin/web.ts) has told. */

/**
 * Our server writes the one address it knows into X-Forwarded-For and says so here. Under plain `next start` nobody vouches
 * for that header, and a limit by an address that callers choose would lock out others: then it is null.
 */
const vouched = Symbol.for("next-ota.addresses");

/**
 * Null for loopback too: it is the operator, or a proxy (OTA_TRUSTED_PROXIES) that all callers share. With IPv6 a customer
 * has a whole /64 to choose from: they count as one.
 */
export function clientAddress(request: Request): string | null {
	if (!(vouched in globalThis)) return null;
	const address = request.headers.get("x-forwarded-for");
	return address === null || /^(?:::ffff:)?127\.|^::1$/.test(address) ? null : network(address);
}

/** `2001:db8:1:2::/64` of an IPv6 address; an IPv4 address as it is. */
function network(address: string): string {
	if (!address.includes(":")) return address;
	const { hostname } = new URL(`http://[${address.split("%", 1)[0]}]`);
	const [front = [], back = []] = hostname
		.slice(1, -1)
		.split("::")
		.map((half) => half.split(":").filter(Boolean));
	const zeros = Array<string>(8 - front.length - back.length).fill("0");
	return `${[...front, ...zeros, ...back].slice(0, 4).join(":")}::/64`;
}
