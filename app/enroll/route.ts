/** The profile service, for a signed-in person. */
import { step } from "../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const GET = step("enroll");
