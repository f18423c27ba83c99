/** An OpenID provider that says whatever a test makes it say: no login, one code per visit, ID tokens as bent as wished. */
import { createHash, createHmac, type KeyObject, randomBytes, sign } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { newKeyPair } from "../device/key-pair.ts";

export interface Bent {
	/** Over the honest claims; undefined leaves one out. */
	claims?: Readonly<Record<string, unknown>>;
	/** Of the ID token's signature. */
	algorithm?: "RS256" | "none" | "HS256";
	/** Signs with a key that is not in the provider's set. */
	foreignKey?: boolean;
	/** Of the token answer, over the honest one. */
	answer?: Readonly<Record<string, unknown>>;
	/** Of the redirect back, over code and state; null leaves one out. */
	back?: Readonly<Record<string, string | null>>;
}

export interface BentProvider {
	issuer: string;
	/** What it says from now on. */
	says: Bent;
	/** How often a code was turned into a token. */
	tokens(): number;
	stop(): Promise<void>;
}

export const client = { id: "ota", secret: "of no importance to anybody, but long" };

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

export async function startBentProvider(port: number): Promise<BentProvider> {
	const issuer = `http://localhost:${port}`;
	const own = newKeyPair("rsa", { modulusLength: 2048 });
	const foreign = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
	const codes = new Map<string, { nonce: string; challenge: string }>();
	let tokens = 0;
	const provider: BentProvider = { issuer, says: {}, tokens: () => tokens, stop: () => Promise.resolve() };

	const pages: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void | Promise<void>>> =
		{
			"/.well-known/openid-configuration": (_, response) =>
				json(response, {
					issuer,
					authorization_endpoint: `${issuer}/auth`,
					token_endpoint: `${issuer}/token`,
					jwks_uri: `${issuer}/jwks`,
					response_types_supported: ["code"],
					subject_types_supported: ["public"],
					id_token_signing_alg_values_supported: ["RS256"],
				}),
			"/jwks": (_, response) =>
				json(response, { keys: [{ ...own.publicKey.export({ format: "jwk" }), kid: "1", use: "sig", alg: "RS256" }] }),
			"/auth": (request, response) => {
				const asked = new URL(request.url ?? "", issuer).searchParams;
				const code = randomBytes(16).toString("hex");
				codes.set(code, { nonce: String(asked.get("nonce")), challenge: String(asked.get("code_challenge")) });
				const to = new URL(String(asked.get("redirect_uri")));
				const back = { code, state: asked.get("state"), ...provider.says.back };
				for (const [name, value] of Object.entries(back)) if (value !== null) to.searchParams.set(name, value);
				response.writeHead(302, { location: to.href }).end();
			},
			"/token": async (request, response) => {
				const form = new URLSearchParams(await text(request));
				const grant = codes.get(String(form.get("code")));
				codes.delete(String(form.get("code")));
				const challenge = createHash("sha256")
					.update(String(form.get("code_verifier")))
					.digest("base64url");
				if (!grant || grant.challenge !== challenge) return json(response, { error: "invalid_grant" }, 400);
				tokens++;
				const idToken = makeIdToken(issuer, grant.nonce, provider.says, { own: own.privateKey, foreign });
				json(response, { access_token: "x", token_type: "Bearer", id_token: idToken, ...provider.says.answer });
			},
		};
	const server = createServer((request, response) => {
		const page = pages[new URL(request.url ?? "", issuer).pathname];
		if (page) void page(request, response);
		else json(response, {}, 404);
	});
	await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
	provider.stop = () =>
		new Promise((done) => {
			server.close(() => done());
			server.closeAllConnections();
		});
	return provider;
}

function makeIdToken(issuer: string, nonce: string, says: Bent, keys: Record<"own" | "foreign", KeyObject>): string {
	const { claims = {}, algorithm = "RS256", foreignKey = false } = says;
	const now = Math.floor(Date.now() / 1000);
	const honest = { iss: issuer, aud: client.id, sub: "carol", nonce, iat: now, exp: now + 60 };
	const person = { email: "carol@example.com", email_verified: true, name: "Carol" };
	const signed = `${encoded({ alg: algorithm, kid: "1" })}.${encoded({ ...honest, ...person, ...claims })}`;
	return `${signed}.${signatureOf(signed, algorithm, foreignKey ? keys.foreign : keys.own).toString("base64url")}`;
}

function signatureOf(signed: string, algorithm: Bent["algorithm"], key: KeyObject): Buffer {
	if (algorithm === "none") return Buffer.alloc(0);
	if (algorithm === "HS256") return createHmac("sha256", client.secret).update(signed).digest();
	return sign("sha256", Buffer.from(signed), key);
}

async function text(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString("utf8");
}

function json(response: ServerResponse, value: unknown, status = 200): void {
	response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
