/** The local OpenID provider as a child of `up`, told by the environment that the app reads too. */
import { readFileSync } from "node:fs";
import { readConfig } from "../lib/config.ts";
import { startIdp } from "./idp.ts";
import { outliveReaders } from "./lost-output.ts";

outliveReaders();

const { baseUrl, idpPort, signIn } = readConfig(process.env, (path) => readFileSync(path, "utf8"));
if (!signIn) throw new TypeError("a server's configuration always has sign-in");
const server = await startIdp({
	port: idpPort,
	issuer: signIn.issuer,
	clientId: signIn.clientId,
	clientSecret: signIn.clientSecret,
	redirectUri: `${baseUrl}/api/auth/callback/oidc`,
});
process.once("SIGTERM", () => {
	server.close();
	server.closeAllConnections();
});
// Ctrl-C reaches the whole process group; the parent tells each child when to end.
process.on("SIGINT", () => undefined);
