/** The revocation list of one generation of the issuing CA. */
import { route } from "../../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = route("crl");
