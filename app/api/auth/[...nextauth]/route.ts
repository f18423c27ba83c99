/** Sign-in and sign-out: next-auth's own addresses. */
import { checkHost } from "../../../../lib/index.ts";
import { wiring } from "../../../_wire/index.ts";
import { signInPolicy } from "../../../_wire/security-headers.ts";
import { everyMethod } from "../../../_wire/serve.ts";
import { serveAuth } from "../../../_wire/sign-in.ts";

export const runtime = "nodejs";
export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = everyMethod(
	async (request) => {
		const { auth, config } = wiring();
		checkHost(request, config.baseUrl);
		const response = await serveAuth(auth, request, config.baseUrl);
		response.headers.set("content-security-policy", signInPolicy(config));
		return response;
	},
	["GET", "POST"],
);
