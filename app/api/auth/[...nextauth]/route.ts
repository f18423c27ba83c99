/** Sign-in and sign-out: next-auth's own addresses. */
import { auth } from "../../../_wire/auth.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = auth;
