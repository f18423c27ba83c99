/**
 * The welcome page: what will happen, in plain words, in the order in which it happens. Plain HTML without a script, so
 * that it works everywhere and its content security policy can refuse everything.
 */
import { createHash } from "node:crypto";
import { answer } from "./answers.ts";

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
.button:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
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

export function welcomePage(page: { organization: string; basePath: string }): Response {
	return answer(html(escaped(page.organization), escaped(page.basePath)), "text/html; charset=utf-8", {
		"content-security-policy": policy,
		"referrer-policy": "no-referrer",
	});
}

const html = (organization: string, base: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Set up your device · ${organization}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Set up this device for ${organization}</h1>
<p class="lead">It takes about two minutes. Open this page in Safari, on the iPhone, iPad or Mac that you want to set up.</p>
<section aria-labelledby="enroll">
<h2 id="enroll">Enroll this device</h2>
<ol>
<li><strong>Sign in</strong> with your ${organization} account and allow the download.</li>
<li><strong>Open Settings</strong> and tap <em>Profile Downloaded</em>. On a Mac: System Settings, then <em>Device Management</em>.</li>
<li><strong>Tap Install.</strong> Your device proves what it is, gets its own certificate, and receives your Wi-Fi and other settings.</li>
</ol>
<p><a class="button" href="${base}/enroll">Sign in and enroll</a></p>
<p class="note">Open the profile within 8 minutes: after that the device throws it away, and you simply start again here.</p>
</section>
<section aria-labelledby="trust">
<h2 id="trust">Only if you were asked to: trust the root certificate</h2>
<p>Some networks need ${organization}'s root certificate first. Install it, finish in Settings, and come back for the enrollment: a device keeps only one download waiting.</p>
<p><a class="button second" href="${base}/CA">Get the root certificate</a></p>
</section>
<section aria-labelledby="known">
<h2 id="known">What ${organization} learns</h2>
<p>Your account's name and e-mail address, and this device's model, system version, serial number and identifiers. Nothing else on the device can be read. You can remove the profile in Settings at any time.</p>
</section>
</main>
</body>
</html>
`;

/** Text as it may stand in HTML and in a quoted attribute. */
function escaped(text: string): string {
	const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
	return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}
