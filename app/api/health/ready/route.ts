/** 200 once journeys can succeed; else 503. */
import { step } from "../../../_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const GET = step("ready");
