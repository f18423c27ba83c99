/** Host names that a certificate may say: RFC 1123's, as a dNSName (RFC 5280 section 4.2.1.6) and as the lint has them. */

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** No wildcard, no underscore, no final dot, no address; an A-label (xn--) must be one. */
export function isHostName(host: string): boolean {
	const labels = host.split(".");
	if (host.length > 253 || !labels.every((each) => label.test(each))) return false;
	if (/^\d+$/.test(labels.at(-1) ?? "")) return false;
	return !/(?:^|\.)xn--/i.test(host) || URL.canParse(`https://${host}/`);
}
