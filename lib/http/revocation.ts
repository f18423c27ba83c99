/**
 * `/crl` and `/ocsp` over HTTP: DER with what caches need (RFC 5019 section 6). Both are public, and answered on any name: their
 * addresses stand in certificates.
 */
import { createHash } from "node:crypto";
import type { EnrollContext } from "../enroll/context.ts";
import { OtaError } from "../errors.ts";
import type { RevocationList } from "../ports.ts";
import { answer, MethodError } from "./answers.ts";
import { readBody } from "./body.ts";

/** `/crl`: the current CA's list. `/crl/<beginning of a CA's key hash>.crl`: that CA's. */
export async function crl(request: Request, context: EnrollContext, path: string): Promise<Response> {
	if (request.method !== "GET" && request.method !== "HEAD") throw new MethodError(request.method, "GET, HEAD");
	const list = await listAt(context, path);
	const etag = `"crl-${list.issuerKeyHash.slice(0, 16)}-${list.number}"`;
	const seconds = Math.floor((list.nextUpdate.getTime() - context.clock().getTime()) / 1000);
	const headers = { etag, ...cacheable(list, Math.max(0, seconds)) };
	if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
	return answer(list.der, "application/pkix-crl", headers);
}

async function listAt({ revocation, ca, cas }: EnrollContext, path: string): Promise<RevocationList> {
	const id = path === "" ? ca.publicKeyHash : /^\/([0-9a-f]{16})\.crl$/.exec(path)?.[1];
	const named = id === undefined ? undefined : cas.find(({ certificate }) => certificate.publicKeyHash.startsWith(id));
	const list = named ? await revocation.list(named.certificate.publicKeyHash) : null;
	if (list === null) throw new OtaError("not_found", "no revocation list at this address");
	return list;
}

interface Times {
	thisUpdate: Date;
	nextUpdate: Date;
}

const cacheable = ({ thisUpdate, nextUpdate }: Times, maxAge: number): Record<string, string> => ({
	"cache-control": `public, max-age=${maxAge}, no-transform, must-revalidate`,
	"last-modified": thisUpdate.toUTCString(),
	expires: nextUpdate.toUTCString(),
});

/** Some clients send none. */
const requestTypes = ["application/ocsp-request", null];

/** POST with the request as body, GET with its base64 behind the address (RFC 6960 appendix A.1). */
export async function ocsp(request: Request, context: EnrollContext, path: string): Promise<Response> {
	if (context.responders.size === 0) throw new OtaError("not_found", "there is no OCSP responder");
	const isPost = request.method === "POST" && path === "";
	const isGet = (request.method === "GET" || request.method === "HEAD") && path.length > 1;
	if (!isPost && !isGet) throw new MethodError(request.method, path === "" ? "POST" : "GET, HEAD");
	const asked = isPost ? await readBody(request, requestTypes) : fromPath(path);
	const { der, maxAge, times } = await context.revocation.answer(asked);
	if (!times || maxAge === 0) return answer(der, "application/ocsp-response");
	const etag = `"${createHash("sha256").update(der).digest("hex").slice(0, 32)}"`;
	const headers = { etag, ...cacheable(times, maxAge) };
	if (isGet && request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
	return answer(der, "application/ocsp-response", headers);
}

/** Base64 with `+`, `/` and `=` escaped or not. What is none becomes a request that cannot be read. */
function fromPath(path: string): Uint8Array {
	const nothing = new Uint8Array();
	try {
		const base64 = decodeURIComponent(path.slice(1)).replace(/ /g, "+");
		return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, "base64") : nothing;
	} catch {
		return nothing;
	}
}
