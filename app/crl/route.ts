/** The revocation list of the issuing CA (RFC 5280 section 5). */
import { route } from "../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = route("crl");
