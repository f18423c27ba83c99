/** A browser without JavaScript, step by step: one request at a time, with its cookies, redirects left to the caller. */
import { CookieJar } from "../device/cookie-jar.ts";

export class Browser {
	readonly jar = new CookieJar();

	async visit(url: string | URL, init: RequestInit = {}): Promise<Response> {
		const here = new URL(url);
		const headers = new Headers(init.headers);
		const cookies = this.jar.header(here);
		if (cookies) headers.set("cookie", cookies);
		const response = await fetch(here, { ...init, headers, redirect: "manual" });
		this.jar.store(here, response.headers);
		return response;
	}

	/** Follows redirects; answers where it ended, and the addresses on the way. */
	async follow(url: string | URL, init: RequestInit = {}): Promise<{ response: Response; url: URL; way: URL[] }> {
		const way = [new URL(url)];
		let response = await this.visit(url, init);
		for (let hops = 0; hops < 20; hops++) {
			const here = way[way.length - 1] as URL;
			const location = response.headers.get("location");
			if (location === null || response.status < 300 || response.status > 399) return { response, url: here, way };
			await response.body?.cancel();
			way.push(new URL(location, here));
			response = await this.visit(way[way.length - 1] as URL);
		}
		throw new Error("more than 20 redirects");
	}

	/** Posts a form's fields. */
	submit(url: string | URL, fields: Readonly<Record<string, string>>) {
		return this.follow(url, { method: "POST", body: new URLSearchParams(fields) });
	}
}

/** Signs in as `login` by following /enroll; answers the browser and what /enroll answered. */
export async function signIn(origin: string, login: string) {
	const browser = new Browser();
	const form = await browser.follow(`${origin}/enroll`);
	const done = await browser.submit(form.url, { login, password: "anything" });
	return { browser, form, ...done };
}
