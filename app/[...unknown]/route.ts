/** Every other address: 404 in our own words, so that no page of Next's is ever rendered for it. */
import { route } from "../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = route("unknown");
