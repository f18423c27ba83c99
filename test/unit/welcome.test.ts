/** The welcome page: nothing in it can be anything but text, and its policy allows its own style alone. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { welcomePage } from "../../lib/http/welcome.ts";

const page = (organization = "Example", basePath = "") => welcomePage({ organization, basePath });

describe("the welcome page", () => {
	it("is HTML in UTF-8, not cached, not sniffed, told to nobody", () => {
		const { status, headers } = page();
		expect(status).toBe(200);
		expect(Object.fromEntries(headers)).toMatchObject({
			"content-type": "text/html; charset=utf-8",
			"cache-control": "no-store",
			"x-content-type-options": "nosniff",
			"referrer-policy": "no-referrer",
		});
	});

	it("allows its own style by its hash, and nothing else", async () => {
		const response = page();
		const html = await response.text();
		const styles = [...html.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, style = ""]) => style);
		expect(styles.length).toBe(1);
		const hash = createHash("sha256")
			.update(styles[0] as string)
			.digest("base64");
		expect((response.headers.get("content-security-policy") ?? "").split("; ").sort()).toEqual(
			[
				"default-src 'none'",
				`style-src 'sha256-${hash}'`,
				"base-uri 'none'",
				"form-action 'none'",
				"frame-ancestors 'none'",
			].sort(),
		);
	});

	it("has no script, no inline style, no handler, nothing from elsewhere", async () => {
		const html = await page().text();
		expect(html).not.toMatch(/<script|javascript:|\sstyle=|\son[a-z]+=|<iframe|<img|<link|<form|https?:|url\(/i);
	});

	it.each([
		["", "/enroll", "/devices", "/CA"],
		["/ota", "/ota/enroll", "/ota/devices", "/ota/CA"],
		["/a/b", "/a/b/enroll", "/a/b/devices", "/a/b/CA"],
	])("under %j leads to %s, %s and %s, and nowhere else", async (basePath, enroll, devices, ca) => {
		const html = await page("Example", basePath).text();
		expect([...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual([enroll, devices, ca]);
	});

	it.each([
		["<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"],
		['" onload="x', "&quot; onload=&quot;x"],
		["O'Hara & Söhne", "O&#39;Hara &amp; Söhne"],
		["&lt;", "&amp;lt;"],
		["</title><style>*{}", "&lt;/title&gt;&lt;style&gt;*{}"],
		["$& $1 $`", "$&amp; $1 $`"],
	])("says %j as text", async (organization, text) => {
		const html = await page(organization).text();
		expect(html).toContain(`<title>Set up your device · ${text}</title>`);
		expect(html).toContain(`<h1>Set up this device for ${text}</h1>`);
		expect(html.replaceAll(text, "")).not.toContain(organization);
		expect(html.match(/<style>/g)?.length).toBe(1);
	});

	it("keeps a base path inside its attribute", async () => {
		const html = await page("Example", '/"><script>').text();
		expect(html).not.toContain("<script>");
		expect(html).toContain('href="/&quot;&gt;&lt;script&gt;/enroll"');
	});

	it("names its parts for those who hear it, and its language", async () => {
		const html = await page().text();
		expect(html).toContain('<html lang="en">');
		const [labels, ids] = [/aria-labelledby="([^"]+)"/g, /<h2 id="([^"]+)"/g].map((pattern) =>
			[...html.matchAll(pattern)].map(([, name]) => name),
		);
		expect(labels).toEqual(ids);
		expect(html).toContain('name="viewport" content="width=device-width, initial-scale=1"');
	});
});
