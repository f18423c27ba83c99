/** DNS rebinding and poisoned links end here: pages answer under the public name alone, and no URL is built from Host. */
import { OtaError } from "../errors.ts";

/** `host` unless the request came for the public origin's host. Without a Host header its URL's host counts. */
export function checkHost(request: Request, baseUrl: string): void {
	const host = request.headers.get("host") ?? new URL(request.url).host;
	if (host.toLowerCase() !== new URL(baseUrl).host) throw new OtaError("host", "another Host");
}
