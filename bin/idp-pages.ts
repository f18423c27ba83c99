/** The local OpenID provider's two pages: plain HTML, no JavaScript, light and dark. */
import { escaped } from "../lib/http/page.ts";

const style = `
	:root { color-scheme: light dark; --ink: #1d1d1f; --soft: #6e6e73; --paper: #f5f5f7; --card: #fff; --line: #d2d2d7; --accent: #0066cc; --alert: #b3261e }
	@media (prefers-color-scheme: dark) {
		:root { --ink: #f5f5f7; --soft: #a1a1a6; --paper: #000; --card: #1c1c1e; --line: #424245; --accent: #2997ff; --alert: #ff8a80 }
	}
	* { box-sizing: border-box }
	body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px; background: var(--paper); color: var(--ink);
		font: 17px/1.47 -apple-system, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
	main { width: 100%; max-width: 400px; background: var(--card); border-radius: 18px; padding: 32px }
	h1 { margin: 0 0 8px; font-size: 24px; line-height: 1.2; letter-spacing: -.01em }
	p { margin: 0 0 20px; color: var(--soft) }
	label { display: block; margin: 0 0 4px; font-size: 14px; font-weight: 600 }
	input { width: 100%; min-height: 44px; margin: 0 0 16px; padding: 8px 12px; border: 1px solid var(--line); border-radius: 10px;
		background: transparent; color: inherit; font: inherit }
	button { width: 100%; min-height: 44px; margin-top: 8px; border: 0; border-radius: 22px; background: var(--accent); color: #fff;
		font: inherit; font-weight: 600; cursor: pointer }
	@media (prefers-color-scheme: dark) { button { color: #000 } }
	:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
	.alert { color: var(--alert) }`;

function page(title: string, body: string): string {
	return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${style}</style></head>
<body><main><h1>${escaped(title)}</h1>${body}</main></body>
</html>
`;
}

/** The form with the fields `login` and `password`; `action` is its own path. */
export function loginPage(action: string, people: readonly string[], complaint?: string): string {
	const hint = `This provider is for trying things out: ${people.join(", ")}; any password.`;
	const alert = complaint ? `<p class="alert" role="alert">${escaped(complaint)}</p>` : "";
	return page(
		"Sign in",
		`<p>${escaped(hint)}</p>${alert}
<form method="post" action="${escaped(action)}">
<label for="login">Name</label><input id="login" name="login" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" required autofocus>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Sign in</button>
</form>`,
	);
}

export function messagePage(title: string, words: string): string {
	return page(title, `<p>${escaped(words)}</p>`);
}
