/**
 * The local OpenID provider of `npm run up`: certified code (oidc-provider) in front of three demo people, any password,
 * and of as many as a load needs.
 * For this machine alone: it listens on loopback and keeps everything in memory.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Context, Provider } from "oidc-provider";
import { loginPage, messagePage } from "./idp-pages.ts";

export interface IdpOptions {
	/** 127.0.0.1 on this port. */
	port: number;
	/** Identity of the provider: http://localhost:<port>. */
	issuer: string;
	clientId: string;
	clientSecret: string;
	/** Where the app takes the code: <base URL>/api/auth/callback/oidc. */
	redirectUri: string;
}

/** The people who may sign in, and their groups. */
const people: Readonly<Record<string, { name: string; groups: readonly string[] }>> = {
	alice: { name: "Alice Example", groups: [] },
	bob: { name: "Bob Example", groups: ["staff"] },
	admin: { name: "Ada Admin", groups: ["admins"] },
};

/** load-1 to load-9999: the people behind `ota device enroll --devices`, for one person may begin only so much a minute. */
const loadPerson = /^load-([1-9]\d{0,3})$/;

function describePerson(login: string): { name: string; groups: readonly string[] } | undefined {
	const [, number] = loadPerson.exec(login) ?? [];
	if (number !== undefined) return { name: `Load ${number}`, groups: [] };
	return Object.hasOwn(people, login) ? people[login] : undefined;
}

function findPerson(login: string): { accountId: string; claims(): Record<string, unknown> } | undefined {
	const person = describePerson(login);
	if (!person) return undefined;
	const claims = { sub: login, email: `${login}@example.com`, email_verified: true, ...person };
	return { accountId: login, claims: () => claims };
}

/** Starts the provider; resolves when it listens, rejects with EADDRINUSE when the port is taken. */
export async function startIdp(options: IdpOptions): Promise<Server> {
	const provider = createProvider(options);
	const protocol = provider.callback();
	const server = createServer((request, response) => {
		const interaction = /^\/interaction\/[\w-]+$/.test(new URL(request.url ?? "/", options.issuer).pathname);
		if (!interaction) return protocol(request, response);
		login(provider, request, response).catch(() => {
			send(response, 400, messagePage("This sign-in has ended", "Go back to the page you came from and start again."));
		});
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject).listen(options.port, "127.0.0.1", resolve);
	});
	return server;
}

function createProvider(options: IdpOptions): Provider {
	const pem = { type: "pkcs8", format: "pem" } as const;
	const { privateKey } = generateKeyPairSync("rsa", {
		modulusLength: 2048,
		publicKeyEncoding: { type: "spki", format: "pem" },
		privateKeyEncoding: pem,
	});
	// Read again: a key that Node still remembers the making of may block for ever while it becomes a JWK.
	const key = createPrivateKey({ key: privateKey, ...pem }).export({ format: "jwk" });
	const provider: Provider = new Provider(options.issuer, {
		clients: [
			{ client_id: options.clientId, client_secret: options.clientSecret, redirect_uris: [options.redirectUri] },
		],
		jwks: { keys: [{ ...key, use: "sig", alg: "RS256", kid: randomBytes(8).toString("hex") }] },
		cookies: { keys: [randomBytes(32).toString("hex")] },
		claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
		// Claims in the ID token itself: the app reads them there and makes no further call.
		conformIdTokenClaims: false,
		features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
		interactions: { url: (_: Context, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
		findAccount: (_: Context, sub: string) => findPerson(sub),
		loadExistingGrant: (context: Context) => grantConsent(provider, context),
		// A short session: to become somebody else, signing out of the app is enough.
		ttl: { AccessToken: 3600, AuthorizationCode: 60, IdToken: 3600, Interaction: 3600, Session: 30, Grant: 86_400 },
		renderError: (context: Context, out: { error: string; error_description?: string }) => {
			context.type = "html";
			context.body = messagePage("Sign-in failed", out.error_description ?? out.error);
		},
	});
	return provider;
}

/** Nobody is asked for consent: the one client is the app itself. */
async function grantConsent(provider: Provider, { oidc }: Context): Promise<unknown> {
	const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
	grant.addOIDCScope("openid email profile");
	await grant.save();
	return grant;
}

async function login(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
	await provider.interactionDetails(request, response);
	const form = (complaint?: string) => loginPage(request.url ?? "", Object.keys(people), complaint);
	if (request.method !== "POST") return send(response, 200, form());
	const fields = new URLSearchParams(await readBody(request));
	const name = fields.get("login")?.trim().toLowerCase() ?? "";
	if (!findPerson(name)) return send(response, 200, form("No such person here."));
	if (!fields.get("password")) return send(response, 200, form("Type any password."));
	const next = await provider.interactionResult(request, response, { login: { accountId: name } });
	response.writeHead(303, { location: next }).end();
}

const longestForm = 4096;

async function readBody(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of request) {
		length += (chunk as Buffer).length;
		if (length > longestForm) throw new Error("the form is too long");
		chunks.push(chunk as Buffer);
	}
	return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, html: string): void {
	response.writeHead(status, {
		"content-type": "text/html; charset=utf-8",
		"cache-control": "no-store",
		"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
		"x-content-type-options": "nosniff",
	});
	response.end(html);
}
