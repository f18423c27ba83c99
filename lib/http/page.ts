/**
 * The frame of the pages that the steps themselves show: plain HTML without a script, so that it works everywhere and its
 * content security policy can refuse everything.
 */
import { createHash } from "node:crypto";
import { always } from "./headers.ts";

const style = `
:root{color-scheme:light dark;--ink:#1c1c1e;--soft:#5b5b62;--ground:#f6f6f8;--card:#fff;--line:#e2e2e7;--accent:#0b5fd0;--on:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#f2f2f5;--soft:#a9a9b2;--ground:#111113;--card:#1c1c1f;--line:#333338;--accent:#6aa9ff;--on:#08182e}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:17px/1.55 -apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:40rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .5rem;letter-spacing:-.01em;text-wrap:balance}
h2{font-size:1.15rem;margin:0 0 .5rem}
p{margin:0 0 1rem}
.lead{color:var(--soft);font-size:1.1rem;margin-bottom:1.75rem}
section{background:var(--card);border:1px solid var(--line);border-radius:16px;padding:1.25rem 1.25rem .5rem;margin:0 0 1rem}
ol{margin:0 0 1rem;padding:0;list-style:none;counter-reset:step}
li{counter-increment:step;padding:0 0 .9rem 2.6rem;position:relative}
li::before{content:counter(step);position:absolute;left:0;top:.05rem;width:1.7rem;height:1.7rem;border-radius:50%;background:var(--ground);border:1px solid var(--line);font-size:.9rem;font-weight:600;display:grid;place-items:center}
.button{display:block;text-align:center;text-decoration:none;font-weight:600;border-radius:12px;padding:.85rem 1.2rem;background:var(--accent);color:var(--on);margin:0 0 1rem}
.button.second{background:transparent;color:var(--accent);border:1px solid var(--accent)}
a:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
a{color:var(--accent)}
.note{color:var(--soft);font-size:.95rem}
@media (min-width:40rem){main{padding-top:4rem}.button{display:inline-block}section{padding:1.75rem 1.75rem .75rem}}
`;

/** CSP: nothing but this page's own style, by its hash (CSP level 3). */
const policy = [
	"default-src 'none'",
	`style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
].join("; ");

const headers = { ...always, "content-type": "text/html; charset=utf-8", "content-security-policy": policy };

/** `title` is text; `main` is HTML whose texts are `escaped`. */
export function page(title: string, main: string, status = 200, more: Record<string, string> = {}): Response {
	return new Response(html(escaped(title), main), { status, headers: { ...more, ...headers } });
}

const html = (title: string, main: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
${main}</main>
</body>
</html>
`;

/** Text as it may stand in HTML and in a quoted attribute. */
export function escaped(text: string): string {
	const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
	return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}
