/** /scep over HTTP (RFC 8894 section 4): which operation, by which method, with exact media types. */
import { certify } from "../enroll/certify.ts";
import type { EnrollContext } from "../enroll/context.ts";
import { type Code, OtaError } from "../errors.ts";
import { parameters, readQueryMessage } from "../scep/base64.ts";
import { caCertificates, capabilities } from "../scep/capabilities.ts";
import { answer, MethodError } from "./answers.ts";
import { readBody } from "./body.ts";

/** sscep sends no Content-Type at all, older macOS `application/octet-stream`. */
const messageTypes = ["application/x-pki-message", "application/octet-stream", null];

export interface ScepWiring {
	open(): Promise<EnrollContext>;
	/** Hears why a signed FAILURE was answered. */
	refused(code: Code): Promise<void>;
}

export async function scep(request: Request, wiring: ScepWiring): Promise<Response> {
	const query = rawQuery(request.url);
	const [operation, ...more] = parameters(query, "operation");
	if (operation === undefined || more.length > 0) throw new OtaError("malformed", "operation is not there once");
	if (operation === "PKIOperation") return answer(await operate(request, query, wiring), "application/x-pki-message");
	const fetch = Object.hasOwn(fetches, operation) ? fetches[operation] : undefined;
	if (!fetch) throw new OtaError("malformed", `operation ${JSON.stringify(operation.slice(0, 40))} is not known`);
	if (request.method !== "GET" && request.method !== "HEAD") throw new MethodError(request.method, "GET, HEAD");
	return fetch(await wiring.open());
}

/** Answered to everybody alike. */
const fetches: Readonly<Record<string, (context: EnrollContext) => Response>> = {
	// Text is what a host app would compress, and Apple's client does not read it then.
	GetCACaps: (context) => answer(capabilities(context), "text/plain", { "cache-control": "no-store, no-transform" }),
	GetCACert: ({ ra, ca, root }) => answer(caCertificates(ra, ca, root), "application/x-x509-ca-ra-cert"),
	GetNextCACert({ nextCa }) {
		if (nextCa === null) throw new OtaError("not_found", "there is no next CA");
		return answer(nextCa, "application/x-x509-next-ca-cert");
	},
};

async function operate(request: Request, query: string, { open, refused }: ScepWiring): Promise<Uint8Array> {
	if (request.method === "POST") {
		const body = await readBody(request, messageTypes);
		return certify(await open(), body, refused);
	}
	if (request.method !== "GET") throw new MethodError(request.method, "GET, POST");
	const message = readQueryMessage(query);
	return certify(await open(), message, refused);
}

/** What follows `?`, undecoded: a parsed query would turn base64's `+` into blanks. */
function rawQuery(url: string): string {
	const at = url.indexOf("?");
	return at < 0 ? "" : (url.slice(at + 1).split("#", 1)[0] as string);
}
