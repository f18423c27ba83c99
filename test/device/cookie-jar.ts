/** A browser's cookies for the sign-in pages (RFC 6265, as much of it as they use): kept by origin, name and path. */

interface Cookie {
	origin: string;
	path: string;
	name: string;
	value: string;
}

/** Cookies of one browser. */
export class CookieJar {
	private readonly cookies = new Map<string, Cookie>();

	/** The Cookie header for this URL, or "". Longer paths first. */
	header(url: URL): string {
		return [...this.cookies.values()]
			.filter((one) => one.origin === url.origin && pathMatches(url.pathname, one.path))
			.sort((a, b) => b.path.length - a.path.length)
			.map((one) => `${one.name}=${one.value}`)
			.join("; ");
	}

	/** Keeps (or deletes) what the answer sets. */
	store(url: URL, headers: Headers): void {
		for (const line of headers.getSetCookie()) {
			const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
			const equals = pair.indexOf("=");
			if (equals < 1) continue;
			const read = (name: string): string | undefined =>
				attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
			const path = read("path") ?? (url.pathname.replace(/\/[^/]*$/, "") || "/");
			const cookie = { origin: url.origin, path, name: pair.slice(0, equals), value: pair.slice(equals + 1) };
			const key = JSON.stringify([cookie.origin, cookie.path, cookie.name]);
			const expires = read("expires");
			const gone = Number(read("max-age") ?? 1) <= 0 || (expires !== undefined && Date.parse(expires) < Date.now());
			if (gone) this.cookies.delete(key);
			else this.cookies.set(key, cookie);
		}
	}
}

function pathMatches(path: string, cookiePath: string): boolean {
	if (path === cookiePath || cookiePath === "/") return true;
	return path.startsWith(cookiePath.endsWith("/") ? cookiePath : `${cookiePath}/`);
}
