/** Where a sign-in may lead back to: a path of this origin, and nothing that a browser could read as anything else. */

/**
 * The path (with its query) of a candidate that is a path or an absolute URL of `origin`; null for everything else:
 * other origins, `//host`, `/\host`, other schemes, control characters.
 */
export function sameOriginPath(candidate: string, origin: string): string | null {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: a URL parser drops tabs and line breaks, which would hide "//".
	if (/[\u0000-\u0020\u007f\\]/.test(candidate)) return null;
	const path = candidate.startsWith(`${origin}/`) ? candidate.slice(origin.length) : candidate;
	if (candidate === origin) return "/";
	if (!/^\/(?!\/)/.test(path) || !URL.canParse(path, origin)) return null;
	const url = new URL(path, origin);
	if (url.pathname.startsWith("//")) return null;
	return url.origin === origin ? `${url.pathname}${url.search}` : null;
}
