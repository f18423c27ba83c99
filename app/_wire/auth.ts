/** Sign-in and sign-out: next-auth's own addresses. */
import { checkHost } from "../../lib/index.ts";
import { wiring } from "./index.ts";
import { signInPolicy } from "./security-headers.ts";
import { everyMethod } from "./serve.ts";
import { serveAuth } from "./sign-in.ts";

/** /api/auth/*, under every method. */
export const auth = everyMethod(
	async (request) => {
		const { auth, config } = wiring();
		checkHost(request, config.baseUrl);
		const response = await serveAuth(auth, request, config.baseUrl);
		response.headers.set("content-security-policy", signInPolicy(config));
		return response;
	},
	["GET", "POST"],
);
