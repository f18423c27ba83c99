/** Sign-in and sign-out: next-auth's own addresses. */
import { OtaError } from "../../../../lib/index.ts";
import { wiring } from "../../../_wire/index.ts";
import { everyMethod } from "../../../_wire/serve.ts";
import { serveAuth } from "../../../_wire/sign-in.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = everyMethod(
	async (request) => {
		const { auth, config } = wiring();
		if (request.headers.get("host") !== new URL(config.baseUrl).host)
			throw new OtaError("host", "sign-in under another name");
		return serveAuth(auth, request);
	},
	["GET", "POST"],
);
