/** Welcome: what will happen, in plain words. */
import { step } from "./_wire/serve.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const GET = step("welcome");
