/**
 * next-auth called as a function from Request to Response. Its own route handler reads the cookies from Next's context
 * and starts OAuth only by a form with a CSRF token; called this way, the server can fill in that form itself.
 */
import type { NextApiRequest, NextApiResponse } from "next";
import NextAuth, { type AuthOptions } from "next-auth";
import { always } from "../../lib/index.ts";

export interface AuthCall {
	method: string;
	/** What follows /api/auth/: ["signin", "oidc"]. */
	action: readonly string[];
	query?: Readonly<Record<string, string>>;
	body?: Readonly<Record<string, string>>;
	cookies: Readonly<Record<string, string>>;
}

type PagesHandler = (request: NextApiRequest, response: NextApiResponse, options: AuthOptions) => Promise<void>;

/** CommonJS: a bundler gives its default export, Node the module that holds it. */
const nextAuth = ("default" in NextAuth ? NextAuth.default : NextAuth) as unknown as PagesHandler;

export async function callNextAuth(options: AuthOptions, call: AuthCall): Promise<Response> {
	const request = {
		method: call.method,
		query: { ...call.query, nextauth: call.action },
		body: call.body,
		cookies: call.cookies,
		headers: {},
	};
	const answer = new Answer();
	await nextAuth(request as unknown as NextApiRequest, answer as unknown as NextApiResponse, options);
	return answer.toResponse();
}

/** As much of a pages-router response as next-auth uses. */
class Answer {
	private code = 200;
	private body: string | null = null;
	private readonly headers = new Map<string, string | readonly string[]>();

	status(code: number): this {
		this.code = code;
		return this;
	}

	getHeader(name: string): string | readonly string[] | undefined {
		return this.headers.get(name.toLowerCase());
	}

	setHeader(name: string, value: string | readonly string[]): this {
		this.headers.set(name.toLowerCase(), value);
		return this;
	}

	json(value: unknown): void {
		this.setHeader("content-type", "application/json");
		this.body = JSON.stringify(value);
	}

	send(value: unknown): void {
		if (typeof value === "string" || value === undefined) this.body = value ?? null;
		else this.json(value);
	}

	end(): void {
		this.body = null;
	}

	toResponse(): Response {
		const response = new Response(this.body, { status: this.code });
		for (const [name, value] of this.headers) {
			// Set, not added: a Response with a body has a content type already. Cookies alone come several times.
			if (name !== "set-cookie") response.headers.set(name, String(value));
			else for (const cookie of [value].flat()) response.headers.append(name, cookie);
		}
		for (const [name, value] of Object.entries(always)) response.headers.set(name, value);
		return response;
	}
}
