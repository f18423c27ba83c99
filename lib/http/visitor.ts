/** Who comes with a browser: asked to sign in where there is no session, and answered without effect when nobody asked yet. */
import type { Visit } from "../enroll/authorise.ts";
import type { OtaOptions } from "../options.ts";
import { answer, empty, MethodError } from "./answers.ts";
import { checkHost } from "./host.ts";
import { readVisit } from "./session.ts";

export const profileType = "application/x-apple-aspen-config";

export function readOnly(request: Request): void {
	if (request.method !== "GET" && request.method !== "HEAD") throw new MethodError(request.method, "GET, HEAD");
}

/** A profile as a download: only then does Safari offer to install it from any page. */
export function attachment(profile: Uint8Array, name: string): Response {
	return answer(profile, profileType, { "content-disposition": `attachment; filename="${name}"` });
}

/** Fetched before anybody asked: by browsers of today and of yesterday, and by a link of Next's in view. */
function isAhead({ headers }: Request): boolean {
	const purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"].map((name) => headers.get(name) ?? "");
	return /prefetch|preview/i.test(purposes.join()) || headers.has("next-router-prefetch");
}

/**
 * The signed-in person, or the answer: previews and prefetches are answered without spending anything (no challenge is drawn
 * for them), and who has no session signs in and comes back to `returnTo`.
 */
export async function visitor(
	request: Request,
	{ options }: { options: Pick<OtaOptions, "baseUrl" | "user" | "signIn"> },
	returnTo: string,
): Promise<Visit | Response> {
	readOnly(request);
	checkHost(request, options.baseUrl);
	if (request.method === "HEAD") return empty(200);
	if (isAhead(request)) return empty(204);
	return readVisit(await options.user(request)) ?? options.signIn(request, returnTo);
}
