/** How a host mounts the package: its own session, its own store, an agent that runs already. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createOta, parseTemplate } from "next-ota";
import { connectAgent } from "next-ota/hsm";
import { openStore } from "../../../dist/prisma/client.js";

const pem = (name) => readFile(join(process.env.HOST_DATA_DIR, name), "utf8");

const clip =
	// biome-ignore lint/suspicious/noTemplateCurlyInString: these are the template's own variables.
	'<plist version="1.0"><dict><key>PayloadType</key><string>com.apple.webClip.managed</string><key>Label</key><string>${user.email}</string><key>URL</key><string>${baseUrl}/</string></dict></plist>';

let keys;
let store;

/** Made with the first request: the build knows no environment. */
const mount = () =>
	createOta({
		baseUrl: process.env.HOST_URL,
		basePath: "/ota",
		organization: "Host",
		user: async (request) => {
			const login = /(?:^|; )host-session=(\w+)/.exec(request.headers.get("cookie") ?? "")?.[1];
			return login ? { id: login, email: `${login}@host.example`, name: login } : null;
		},
		signIn: async (_, returnTo) =>
			new Response(null, { status: 302, headers: { location: `/login?to=${encodeURIComponent(returnTo)}` } }),
		keys: () => {
			keys ??= connectAgent({ address: process.env.OTA_HSM_AGENT });
			return keys;
		},
		store: () => {
			store ??= openStore(process.env.DATABASE_URL);
			return store;
		},
		authorities: async () => ({
			root: await pem("certs/root.pem"),
			ca: await pem("certs/ca.pem"),
			ra: await pem("certs/ra.pem"),
			profile: await pem("certs/profile.pem"),
		}),
		deviceRoots: async () => {
			const blocks = (await pem("device/roots.pem")).split(/(?<=-----END CERTIFICATE-----)/);
			return blocks.filter((block) => block.includes("BEGIN")).map((block) => new X509Certificate(block).raw);
		},
		templates: async () => [parseTemplate("10-clip.plist", clip)],
	});

let ota;
const handlers = () => {
	ota ??= mount();
	return ota.handlers;
};

export const GET = (request) => handlers().GET(request);
export const POST = (request) => handlers().POST(request);
