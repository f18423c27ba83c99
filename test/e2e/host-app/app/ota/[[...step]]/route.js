export { GET, POST } from "../../../ota.js";
export const runtime = "nodejs";
export const dynamic = "force-dynamic";
