/** SCEP (RFC 8894). */
import { step } from "../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const GET = step("scep");
export const POST = step("scep");
