/** The device response and the profile request. */
import { step } from "../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const POST = step("profile");
