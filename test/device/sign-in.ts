/** Signs a person in as a browser without JavaScript would: redirects and plain HTML forms, until a profile comes. */
import { CookieJar } from "./cookie-jar.ts";
import { DeviceError, ensure } from "./errors.ts";
import { problem, type Transport } from "./http.ts";

/** Who signs in; without credentials a login form is an error. */
export interface Credentials {
	user?: string;
	password?: string;
}

/** A form of an HTML page, its fields as a browser would send them. */
export interface Form {
	action: string;
	method: "GET" | "POST";
	fields: Map<string, string>;
	/** Names of fields that a person fills in. */
	asks: string[];
}

const step = "sign in";
const maxHops = 30;

/**
 * Opens `url` and follows redirects, login and consent forms until an answer is neither; that answer is returned.
 * Throws DeviceError "sign in" when the login is refused or leads nowhere.
 */
export async function browse(transport: Transport, url: string, credentials: Credentials): Promise<Response> {
	const jar = new CookieJar();
	return (await walk({ transport, url, credentials, jar, isThere: () => false })) as Response;
}

/**
 * The same, but only until the signed-in browser is sent back to `url`, which is not opened again; the Cookie header
 * that opens it. Throws as `browse` does.
 */
export async function signIn(transport: Transport, url: string, credentials: Credentials): Promise<string> {
	const jar = new CookieJar();
	const isThere = (next: Request, logins: number): boolean =>
		logins > 0 && next.method === "GET" && next.url === new URL(url).href;
	await walk({ transport, url, credentials, jar, isThere });
	return jar.header(new URL(url));
}

interface Walk {
	transport: Transport;
	url: string;
	credentials: Credentials;
	jar: CookieJar;
	/** Whether to stop before this request. */
	isThere(next: Request, logins: number): boolean;
}

/** The last answer, or null when it stopped. */
async function walk({ transport, url, credentials, jar, isThere }: Walk): Promise<Response | null> {
	let next = new Request(url);
	let logins = 0;
	for (let hop = 0; hop < maxHops; hop++) {
		if (isThere(next, logins)) return null;
		const response = await visit(transport, jar, next);
		const here = new URL(next.url);
		const location = response.headers.get("location");
		if (location && [301, 302, 303, 307, 308].includes(response.status)) {
			next = redirected(next, response.status, new URL(location, here));
			// A page that nobody reads holds its connection.
			await response.body?.cancel().catch(() => undefined);
			continue;
		}
		if (!response.headers.get("content-type")?.startsWith("text/html")) return response;
		const page = await response.text().catch((cause: unknown) => {
			throw new DeviceError(step, `${here.origin} broke off its page.`, { cause });
		});
		const form = chooseForm(page, here);
		ensure(form, step, `The page ${here.origin}${here.pathname} (${response.status}) shows no form to go on with.`);
		if (form.asks.length > 0) {
			ensure(credentials.user !== undefined, step, "The server asks to sign in: name a user.");
			ensure(logins++ < 1, step, `The sign-in of ${credentials.user} was refused.`);
			fill(form, credentials);
		}
		next = submission(form);
	}
	throw new DeviceError(step, `The sign-in did not end after ${maxHops} pages.`);
}

async function visit(transport: Transport, jar: CookieJar, request: Request): Promise<Response> {
	const url = new URL(request.url);
	request.headers.set("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
	const cookies = jar.header(url);
	if (cookies) request.headers.set("cookie", cookies);
	let response: Response;
	try {
		response = await transport(request);
	} catch (cause) {
		throw new DeviceError(step, `${url.origin} does not answer.`, { cause });
	}
	jar.store(url, response.headers);
	if (response.status >= 400 && !response.headers.get("content-type")?.startsWith("text/html")) {
		const body = new Uint8Array(await response.arrayBuffer());
		const { words, code } = problem(response.headers.get("content-type") ?? "", body);
		const message = `${url.pathname} answered ${response.status}${words}.`;
		throw new DeviceError(step, message, { status: response.status, code });
	}
	return response;
}

function redirected(from: Request, status: number, to: URL): Request {
	// A form that was already read as a stream cannot be sent again; none of the sign-in's pages uses 307 for a POST.
	ensure(status < 307 || from.method === "GET", step, "The sign-in redirects a form with 307 or 308.");
	return new Request(to);
}

function fill(form: Form, credentials: Credentials): void {
	for (const name of form.asks) {
		const isPassword = /pass/i.test(name);
		form.fields.set(name, isPassword ? (credentials.password ?? "password") : (credentials.user ?? ""));
	}
}

function submission(form: Form): Request {
	const encoded = new URLSearchParams([...form.fields]);
	if (form.method === "POST") {
		const headers = { "content-type": "application/x-www-form-urlencoded", origin: new URL(form.action).origin };
		return new Request(form.action, { method: "POST", body: encoded.toString(), headers });
	}
	const target = new URL(form.action);
	target.search = encoded.toString();
	return new Request(target);
}

/** The form that a person would send: the first that asks for a login, otherwise the first with a submit button. */
export function chooseForm(html: string, base: URL): Form | undefined {
	const forms = readForms(html, base);
	return forms.find((form) => form.asks.length > 0) ?? forms[0];
}

/** The forms of a page that can be submitted. */
export function readForms(html: string, base: URL): Form[] {
	const plain = html.replace(/<!--[\s\S]*?-->|<(script|style|template)\b[\s\S]*?<\/\1\s*>/gi, "");
	const matches = plain.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form\s*>/gi);
	return [...matches].map(([, head = "", body = ""]) => readForm(head, body, base)).filter((form) => form !== null);
}

function readForm(head: string, body: string, base: URL): Form | null {
	const own = readTagAttributes(head);
	const form: Form = {
		action: new URL(own.get("action") || base.href, base).href,
		method: own.get("method")?.toUpperCase() === "POST" ? "POST" : "GET",
		fields: new Map(),
		asks: [],
	};
	let canSubmit = false;
	for (const [, tag = "", rest = ""] of body.matchAll(/<(input|button)\b([^>]*)>/gi)) {
		const attributes = readTagAttributes(rest);
		const type = (attributes.get("type") ?? (tag.toLowerCase() === "button" ? "submit" : "text")).toLowerCase();
		const name = attributes.get("name");
		if (type === "submit" || type === "image") {
			if (name && !canSubmit) form.fields.set(name, attributes.get("value") ?? "");
			canSubmit = true;
		} else if (name && isSent(type, attributes)) {
			form.fields.set(name, attributes.get("value") ?? (type === "checkbox" ? "on" : ""));
			if (["text", "email", "password"].includes(type)) form.asks.push(name);
		}
	}
	return canSubmit || form.asks.length > 0 ? form : null;
}

function isSent(type: string, attributes: ReadonlyMap<string, string>): boolean {
	if (attributes.has("disabled") || type === "button" || type === "reset") return false;
	return (type !== "checkbox" && type !== "radio") || attributes.has("checked");
}

function readTagAttributes(text: string): Map<string, string> {
	const attributes = new Map<string, string>();
	for (const [, name = "", double, single, bare] of text.matchAll(
		/([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g,
	)) {
		attributes.set(name.toLowerCase(), unescapeHtml(double ?? single ?? bare ?? ""));
	}
	return attributes;
}

function unescapeHtml(text: string): string {
	const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
	return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, word) => {
		if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
		return decimal ? String.fromCodePoint(Number(decimal)) : (named[word] ?? whole);
	});
}
