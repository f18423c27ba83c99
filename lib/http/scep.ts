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
	if (operation !== "GetCACaps" && operation !== "GetCACert") throw unknownOperation(operation);
	if (request.method !== "GET" && request.method !== "HEAD") throw new MethodError(request.method, "GET, HEAD");
	// Text is what a host app would compress, and Apple's client does not read it then.
	if (operation === "GetCACaps")
		return answer(capabilities, "text/plain", { "cache-control": "no-store, no-transform" });
	const { ra, ca, root } = await wiring.open();
	return answer(caCertificates(ra, ca, root), "application/x-x509-ca-ra-cert");
}

async function operate(request: Request, query: string, { open, refused }: ScepWiring): Promise<Uint8Array> {
	if (request.method === "POST") {
		const body = await readBody(request, messageTypes);
		return certify(await open(), body, refused);
	}
	if (request.method !== "GET") throw new MethodError(request.method, "GET, POST");
	const message = readQueryMessage(query);
	return certify(await open(), message, refused);
}

function unknownOperation(operation: string): OtaError {
	if (operation === "GetNextCACert") return new OtaError("not_found", "GetNextCACert is not served");
	return new OtaError("malformed", `operation ${JSON.stringify(operation.slice(0, 40))} is not known`);
}

/** What follows `?`, undecoded: a parsed query would turn base64's `+` into blanks. */
function rawQuery(url: string): string {
	const at = url.indexOf("?");
	return at < 0 ? "" : (url.slice(at + 1).split("#", 1)[0] as string);
}
