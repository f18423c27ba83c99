/** The configuration of today for one of a person's own devices. */
import { route } from "../../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = route("devices");
