/** The root certificate, DER. */
import { step } from "../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const GET = step("ca");
